"""Learn from pairs how a shop writes its values (`rules.rules`), and measure it."""
from collections import Counter, defaultdict
from typing import Callable, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from ..text.folding import lookup_key
from .classes import ClassRule
from .fit_parts import fit_classes, fit_conversion, fit_program, fit_words
from .pairs import Pair, ValueRow, align
from .programs import NameRule
from .rules import Entry, Rule, ValueRules

Fit = Callable[[Sequence[Pair]], Optional[Rule]]
# A rule must be right this often where it answers, and this often at all.
_MIN_ACCURACY, _MIN_RIGHT = 0.6, 2
_MAX_RULES = 4
_ENOUGH = 0.8
_FOLDS = 5
# Thresholds among which a classifier's is chosen.
_LIMITS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)


class Score(NamedTuple):
    """How a rule does on distinct pairs: right, wrong; where it has no answer, neither."""

    right: int
    wrong: int

    @property
    def gain(self) -> int:
        """What it is worth: an answer that is right, less one that is wrong."""
        return self.right - self.wrong


def fit_value_rules(rows: Iterable[ValueRow], *, cost: float = 1.0) -> ValueRules:
    """Learn rules: for each facet what reproduces the most distinct pairs, the simplest first, and names for the rest.

    Rules are learned for a facet, or for each of its categories where those differ. Rules without parameters of their
    own are judged on the pairs, tables of words and classifiers on pairs that they were not fitted on.

    rows (Iterable[ValueRow]): What was written and what is wanted.
    cost (float): What a wrong generalization costs, where a right one is worth 1: the higher, the more often a
        classifier says nothing of a value that it wasn't shown.
    RETURNS (ValueRules): The rules.
    RAISES (ValueError): Where the cost is below 0.
    """
    if not cost >= 0:
        raise ValueError(f"cost: must be 0 or more, not {cost!r}")
    facets: Dict[str, List[Pair]] = defaultdict(list)
    for pair in align(rows):
        facets[pair.facet].append(pair)
    return ValueRules(entry for facet in facets for entry in fit_facet(facet, facets[facet], cost))


def fit_facet(facet: str, pairs: Sequence[Pair], cost: float = 1.0) -> List[Entry]:
    """Learn the rules of a facet. RETURNS (List[Entry]): Those of categories first; none where none is right."""
    everywhere = [pair._replace(category="") for pair in pairs]
    rules, gain = fit_list(_distinct(everywhere), cost)
    is_closed = any(isinstance(rule, ClassRule) for rule, _ in rules)
    if is_closed:
        # The category is one of the classifier's features.
        rules, gain = fit_list(_distinct(pairs), cost)
    entries = [*_names(facet, everywhere, rules), *_entries(facet, rules)]
    by_category: Dict[str, List[Pair]] = defaultdict(list)
    for pair in pairs:
        by_category[pair.category].append(pair)
    apart = {category: fit_list(_distinct(those)) for category, those in by_category.items() if category}
    extra = sum(len(found) for found, _ in apart.values()) - len(rules)
    if not is_closed and len(apart) > 1 and sum(gained for _, gained in apart.values()) > gain + max(1, extra):
        return [
            entry
            for category, (found, _) in apart.items()
            for entry in (*_names(facet, by_category[category], found, category), *_entries(facet, found, category))
        ] + entries
    # Names that mean something else in one category than in most.
    known = ValueRules(entries)
    special = [
        entry
        for category in apart
        for entry in _names(facet, by_category[category], rules, category, known=known)
    ]
    return special + entries


def fit_list(pairs: Sequence[Pair], cost: Optional[float] = None) -> Tuple[List[Tuple[Rule, Score]], int]:
    """Learn a list of rules, each for what those before it have no answer to.

    pairs (Sequence[Pair]): Distinct pairs.
    cost (Optional[float]): What a wrong generalization costs; None = no classifier.
    RETURNS (Tuple[List[Tuple[Rule, Score]], int]): The rules with their scores; the sum of their gains.
    """
    rules: List[Tuple[Rule, Score]] = []
    rest = list(pairs)
    while len(rest) >= _MIN_RIGHT and len(rules) < _MAX_RULES:
        options = [option for option in _options(rest, cost) if _is_good(option[1])]
        if not options:
            break
        left = [_left(rule, rest) for rule, _ in options]
        # A rule for some values leaves the others to a program. The first of equals is the simplest.
        gains = [score.gain + _program_gain(those) for (_, score), those in zip(options, left)]
        best = gains.index(max(gains))
        rules.append(options[best])
        rest = left[best]
    return rules, sum(score.gain for _, score in rules)


def _options(pairs: Sequence[Pair], cost: Optional[float]) -> Iterable[Tuple[Rule, Score]]:
    best = 0
    rule: Optional[Rule]
    for fit in (fit_program, fit_conversion):
        rule = fit(pairs)
        if rule is not None:
            score = score_rule(rule, pairs)
            best = max(best, score.gain)
            yield rule, score
    rule = fit_words(pairs)
    if rule is not None:
        score = _cross_score(fit_words, pairs)
        best = max(best, score.gain)
        yield rule, score
    # Fitting one takes seconds: not where something plain does nearly as well as can be.
    if cost is not None and best < _ENOUGH * len(pairs) and 1 < len({pair.wanted for pair in pairs}) <= len(pairs) / 2:
        limit, score = _choose_limit(pairs, cost)
        rule = fit_classes(pairs, min_probability=limit)
        if rule is not None:
            yield rule, score


def score_rule(rule: Rule, pairs: Iterable[Pair]) -> Score:
    """Count what a rule reproduces. RETURNS (Score): Right and wrong answers."""
    answers = [(rule.find(pair.raw, pair.category, pair.title), pair.wanted) for pair in pairs]
    right = sum(answer is not None and answer[0] == wanted for answer, wanted in answers)
    return Score(right, sum(answer is not None for answer, _ in answers) - right)


def _cross_score(fit: Fit, pairs: Sequence[Pair]) -> Score:
    right = wrong = 0
    for fold in range(_FOLDS):
        rule = fit([pair for at, pair in enumerate(pairs) if at % _FOLDS != fold])
        if rule is not None:
            score = score_rule(rule, pairs[fold::_FOLDS])
            right, wrong = right + score.right, wrong + score.wrong
    return Score(right, wrong)


def _choose_limit(pairs: Sequence[Pair], cost: float) -> Tuple[float, Score]:
    """Choose a classifier's threshold on pairs that it was not fitted on. RETURNS (Tuple[float, Score])."""
    counts = {limit: [0, 0] for limit in _LIMITS}
    for fold in range(_FOLDS):
        rule = fit_classes([pair for at, pair in enumerate(pairs) if at % _FOLDS != fold], min_probability=0.0)
        if rule is None:
            continue
        for pair in pairs[fold::_FOLDS]:
            found = rule.find(pair.raw, pair.category, pair.title)
            # With no least probability it always answers.
            if found is None:
                continue
            texts, probability = found
            for limit in _LIMITS:
                if probability >= limit:
                    counts[limit][texts != pair.wanted] += 1
    scores = [(limit, Score(*both)) for limit, both in counts.items()]
    worth = [score.right - cost * score.wrong for _, score in scores]
    return scores[worth.index(max(worth))]


def _is_good(score: Score) -> bool:
    return score.right >= _MIN_RIGHT and score.right >= _MIN_ACCURACY * (score.right + score.wrong)


def _left(rule: Rule, pairs: Iterable[Pair]) -> List[Pair]:
    return [pair for pair in pairs if rule.find(pair.raw, pair.category, pair.title) is None]


def _program_gain(pairs: Sequence[Pair]) -> int:
    rule = fit_program(pairs)
    return score_rule(rule, pairs).gain if rule else 0


def _distinct(pairs: Iterable[Pair]) -> List[Pair]:
    """Take each raw value once, with what is wanted most often. RETURNS (List[Pair]): The most frequent first."""
    counts: Dict[Tuple[str, str], Counter] = defaultdict(Counter)
    first: Dict[Tuple[str, str, Tuple[str, ...]], Pair] = {}
    for pair in pairs:
        counts[pair.raw, pair.category][pair.wanted] += 1
        first.setdefault((pair.raw, pair.category, pair.wanted), pair)
    often = sorted(counts.items(), key=_frequency, reverse=True)
    return [first[raw, category, found.most_common(1)[0][0]] for (raw, category), found in often]


def _frequency(item: Tuple[Tuple[str, str], Counter]) -> int:
    return sum(item[1].values())


def _entries(facet: str, rules: Sequence[Tuple[Rule, Score]], category: str = "") -> List[Entry]:
    return [Entry(facet, rule, category, *score) for rule, score in rules]


def _names(
    facet: str,
    pairs: Iterable[Pair],
    rules: Sequence[Tuple[Rule, Score]],
    category: str = "",
    known: Optional[ValueRules] = None,
) -> List[Entry]:
    """Name the values that the rules (or `known`) don't write as wanted. RETURNS (List[Entry]): One entry, or none."""
    asked = known or ValueRules(_entries(facet, rules))
    by_key: Dict[str, List[Pair]] = defaultdict(list)
    for pair in _distinct(pairs):
        by_key[lookup_key(pair.raw)].append(pair)
    names: Dict[str, Tuple[str, ...]] = {}
    for those in by_key.values():
        answers = [asked.find(pair.raw, facet, pair.category, pair.title) for pair in those]
        # A classifier's answer may change with the title; that of a value that is known must not.
        if any(
            answer is None or answer.texts != pair.wanted or answer.operation == ClassRule.op
            for pair, answer in zip(those, answers)
        ):
            names.update((pair.raw, pair.wanted) for pair in those)
    return [Entry(facet, NameRule(names), category, right=len(names))] if names else []
