"""Learn one rule of each kind of `rules.rules` from pairs: programs, words, conversions, classes."""
import re
from collections import Counter, defaultdict
from fractions import Fraction
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

from ..quantities.units import load_units
from .classes import ClassRule, value_features
from .conversion import (
    RANGES,
    ROUNDINGS,
    ConversionRule,
    Reading,
    best_overlap,
    exact_factor,
    read_value,
    simplest_between,
)
from .pairs import Pair
from .programs import ProgramRule, WordRule, iter_programs, run_step

_DIGITS = re.compile(r"\d+(?:[.,]\d+)*")
_WANTED = re.compile(r"(\d+(?:\.(\d+))?)(?:-(\d+(?:\.\d+)?))?(\D*)")
# Slices that are tried, and pairs that are looked at to find them.
_SLICES, _SAMPLE = 4, 60
# Weights of classes are kept with so many decimals; those below this size are left out.
_PLACES, _LEAST = 2, 0.1


def fit_program(pairs: Sequence[Pair]) -> Optional[ProgramRule]:
    """Search the shortest program that reproduces the most. A step must pay for itself by more than a pair.

    pairs (Sequence[Pair]): Distinct pairs of a facet.
    RETURNS (Optional[ProgramRule]): The program; None where each is wrong more often than right.
    """
    best, found = 0, None
    for steps in iter_programs(_find_slices(pairs)):
        rule = ProgramRule(steps)
        right = wrong = 0
        for pair in pairs:
            answer = rule.find(pair.raw)
            right += answer is not None and answer[0] == pair.wanted
            wrong += answer is not None and answer[0] != pair.wanted
            if len(pairs) - 2 * wrong - len(steps) <= best:
                break
        if right - wrong - len(steps) > best:
            best, found = right - wrong - len(steps), rule
    return found


def _find_slices(pairs: Sequence[Pair]) -> List[str]:
    """Find which slices of raw values, with or without marks, are wanted. RETURNS (List[str]): The most frequent."""
    counts: Counter = Counter()
    for pair in pairs[:_SAMPLE]:
        for step in ("no blanks", "no marks", "digits"):
            text, wanted = run_step(step, pair.raw)[0].casefold(), pair.wanted[0].casefold()
            at = text.find(wanted)
            if at >= 0 and len(wanted) < len(text):
                end = at + len(wanted)
                counts.update({f"slice {at} {'end' if end == len(text) else end}"})
                if end == len(text):
                    counts.update({f"slice {-len(wanted)} end"})
    return [name for name, count in counts.most_common(_SLICES) if count > 1]


def fit_words(pairs: Sequence[Pair]) -> Optional[WordRule]:
    """Learn which words in raw values are written out: those that differ once numbers are aligned.

    pairs (Sequence[Pair]): Distinct pairs of a facet.
    RETURNS (Optional[WordRule]): The words; None where there are none.
    """
    counts: Dict[str, Counter] = defaultdict(Counter)
    for pair in pairs:
        if len(pair.wanted) == 1:
            for word, written in _changed_words(pair.raw, pair.wanted[0]):
                counts[word][written] += 1
    return WordRule({word: found.most_common(1)[0][0] for word, found in counts.items()}) if counts else None


def _changed_words(raw: str, wanted: str) -> Iterator[Tuple[str, str]]:
    if _DIGITS.findall(raw) != _DIGITS.findall(wanted):
        return
    for one, other in zip(_DIGITS.split(raw), _DIGITS.split(wanted)):
        one, other = one.strip(" -").split(" "), other.strip(" -").split(" ")
        while one and other and one[-1] == other[-1]:
            one, other = one[:-1], other[:-1]
        while one and other and one[0] == other[0]:
            one, other = one[1:], other[1:]
        # A change of case is no expansion.
        if len(one) == 1 and one[0].isalpha() and other and one[0].casefold() != " ".join(other).casefold():
            yield one[0].casefold(), " ".join(other)


def fit_conversion(pairs: Sequence[Pair]) -> Optional[ConversionRule]:
    """Learn into which unit, by which factors and with how many decimals quantities are written.

    pairs (Sequence[Pair]): Distinct pairs of a facet.
    RETURNS (Optional[ConversionRule]): The rule that reproduces the most; None where too few values are quantities.
    """
    readings = []
    forms: Counter = Counter()
    for pair in pairs:
        reading = read_value(pair.raw)
        match = _WANTED.fullmatch(pair.wanted[0]) if len(pair.wanted) == 1 else None
        if reading and match:
            readings.append((reading, pair.wanted[0], Fraction(match[1])))
            forms[len(match[2] or ""), match[4]] += 1
    if len(readings) < 3:
        return None
    decimals, suffix = forms.most_common(1)[0][0]
    units = Counter(reading.unit for reading, _, _ in readings if reading.unit in load_units())
    kind = load_units()[units.most_common(1)[0][0]].kind if units else None
    ranges = RANGES if any(len(reading.numbers) == 2 for reading, _, _ in readings) else RANGES[:1]
    best, found = (0, 0), None
    for target in ("", *(name for name, unit in load_units().items() if unit.kind == kind)):
        for rounding in ROUNDINGS:
            for ends in ranges:
                empty = ConversionRule(target, {}, decimals, rounding, suffix, ends)
                rule, right = _fit_factors(empty, readings)
                if right > best:
                    best, found = right, rule
    return found


def _fit_factors(
    rule: ConversionRule, readings: Sequence[Tuple[Reading, str, Fraction]]
) -> Tuple[ConversionRule, Tuple[int, int]]:
    """Find each unit's factor.

    RETURNS (Tuple[ConversionRule, Tuple[int, int]]): The rule with them, how many values it reproduces, and how many
        of those by the true factor between the units, so that it is right of units that were not shown too.
    """
    by_unit: Dict[str, List[Tuple[Reading, str, Fraction]]] = defaultdict(list)
    # Numbers without a unit come last: theirs is one of the others'.
    for row in sorted(readings, key=_is_bare):
        by_unit[row[0].unit].append(row)
    factors: Dict[str, Fraction] = {}
    total = known = 0
    half = Fraction(1, 2 * 10**rule.decimals)
    for unit, rows in by_unit.items():
        single = [(row[0].numbers[0], row[2]) for row in rows if len(row[0].numbers) == 1 and row[0].numbers[0] > 0]
        exact = exact_factor(unit, rule.unit) if rule.unit and unit else None
        options = [exact] if exact else []
        # A number without a unit is one of the units that are written.
        options += [] if unit else list(dict.fromkeys(factors.values()))
        if single:
            spans = [((wanted - half) / number, (wanted + half) / number) for number, wanted in single]
            options.append(simplest_between(*best_overlap(spans)))
        best = 0
        for number, factor in enumerate(options):
            trial = ConversionRule(rule.unit, {unit: factor}, rule.decimals, rule.rounding, rule.suffix, rule.range)
            right = sum(trial.write(reading) == wanted for reading, wanted, _ in rows)
            # One that is made up must reproduce two more than one that is known.
            if right > best + (1 if number and best else 0):
                best, factors[unit] = right, factor
        total += best
        known += best if exact and factors.get(unit) == exact else 0
    rule = ConversionRule(rule.unit, factors, rule.decimals, rule.rounding, rule.suffix, rule.range)
    return rule, (total, known)


def _is_bare(row: Tuple[Reading, str, Fraction]) -> bool:
    return not row[0].unit


def fit_classes(
    pairs: Sequence[Pair], *, min_probability: float = 0.5, decay: float = 0.0005, steps: int = 150
) -> Optional[ClassRule]:
    """Fit a linear classifier on distinct pairs.

    pairs (Sequence[Pair]): Distinct pairs of a facet; those that want several values are left out.
    min_probability (float): From where on its answers count.
    decay (float): Weight of the squared weights in the loss.
    steps (int): Steps of the optimizer, over all pairs at once.
    RETURNS (Optional[ClassRule]): The rule; None where there is only one class.
    """
    import torch

    pairs = [pair for pair in pairs if len(pair.wanted) == 1]
    classes = sorted({pair.wanted[0] for pair in pairs})
    if len(classes) < 2:
        return None
    rows = [value_features(pair.raw, pair.category, pair.title) for pair in pairs]
    seen = Counter(name for row in rows for name in row)
    # What one title has alone says nothing of others.
    names = {name: at for at, name in enumerate(n for n, c in seen.items() if c > 1 or not n.startswith("t:"))}
    rows = [{name: weight for name, weight in row.items() if name in names} for row in rows]
    ids = torch.tensor([names[name] for row in rows for name in row])
    values = torch.tensor([weight for row in rows for weight in row.values()])
    lengths = torch.tensor([len(row) for row in rows])
    offsets = torch.cumsum(lengths, 0) - lengths
    gold = torch.tensor([classes.index(pair.wanted[0]) for pair in pairs])
    weights = torch.zeros(len(names), len(classes), requires_grad=True)
    bias = torch.zeros(len(classes), requires_grad=True)
    optimizer = torch.optim.Adam([weights, bias], lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        bags = torch.nn.functional.embedding_bag(ids, weights, offsets, mode="sum", per_sample_weights=values)
        loss = torch.nn.functional.cross_entropy(bags + bias, gold) + decay * (weights**2).sum() / len(pairs) ** 0.5
        loss.backward()
        optimizer.step()
    table = torch.cat([bias[None], weights]).detach().T.tolist()
    features = ["", *names]
    return ClassRule(
        {
            name: {feature: round(weight, _PLACES) for feature, weight in zip(features, row) if abs(weight) >= _LEAST}
            for name, row in zip(classes, table)
        },
        min_probability,
    )
