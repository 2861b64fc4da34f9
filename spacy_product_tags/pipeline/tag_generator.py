"""`product_tag_generator`: finds the tags that stand in a listing's text."""
import warnings
from collections import Counter
from contextlib import contextmanager
from itertools import islice
from typing import Any, Callable, Dict, Iterable, Iterator, List, Literal, Mapping, Optional, Sequence, Tuple

import numpy as np
import srsly
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Config, Model, Optimizer, set_dropout_rate
from thinc.types import Floats2d

from ..heads.alias_matcher import add_aliases
from ..heads.span_head import SpanScores
from ..heads.tag_generator import find_lexicon
from ..saving import Part, SavedInParts, Settings, read_settings
from ..tag import Tag, forget_issue, note_issue, register_extensions, store_tags, take_own
from ..values.index import AliasIndex
from .labels import Labelled
from .spans.decoding import OVERLAPS, choose, likely_spans, survey
from .spans.loss import gold_spans, gold_targets, span_loss

DEFAULT_CONFIG = """
[model]
@architectures = "spacy-product-tags.TagGenerator.v1"
hidden_width = 192
max_width = 128
dropout = 0.3
threshold = 0.05

[model.tok2vec]
@architectures = "spacy-product-tags.CharEncoder.v1"
"""
# Reason of the issue where tags were left out for their number.
_TOO_MANY = "too_many_tags"
# Teaches a component what a batch says.
Lessons = Callable[..., Optional[Dict[str, float]]]
DEFAULT_MODEL = Config().from_str(DEFAULT_CONFIG)["model"]


@Language.factory(
    "product_tag_generator",
    assigns=["doc._.tags"],
    default_config={
        "model": DEFAULT_MODEL,
        "min_score": 0.4,
        "overlap": None,
        "keep_promotions": False,
        "max_tags": 1000,
        "scorer": {"@scorers": "spacy-product-tags.tag_scorer.v1"},
    },
    default_score_weights={"tags_f": 1.0, "tags_p": 0.0, "tags_r": 0.0, "tags_per_facet": None},
)
def make_tag_generator(
    nlp: Language,
    name: str,
    model: Model,
    min_score: float,
    overlap: Optional[str],
    keep_promotions: bool,
    max_tags: int,
    scorer: Optional[Callable],
) -> "TagGenerator":
    """Make the component.

    model (Model): A `spacy-product-tags.TagGenerator.v1`.
    min_score (float): Tags less likely than this are left out, unless they share a sure span.
    overlap (Optional[str]): Which tags may overlap: "none", "nested" (one within another) or "any"; null = as in the
        training data.
    keep_promotions (bool): Whether to keep tags that are promotion words, such as 包邮.
    max_tags (int): Most tags that it gives a doc, the likeliest; where it finds more, ``doc._.tag_issues`` says so.
    scorer (Optional[Callable]): The scoring method.
    RETURNS (TagGenerator): The component.
    """
    register_extensions()
    return TagGenerator(
        nlp.vocab,
        model,
        name,
        min_score=min_score,
        overlap=overlap,
        keep_promotions=keep_promotions,
        max_tags=max_tags,
        scorer=scorer,
    )


class GeneratorSettings(Settings):
    """What the component's ``cfg`` holds: what it has learnt."""

    labels: List[str]
    # pydantic reads the names when it runs; mypy wants them written out.
    overlap: Optional[Literal[OVERLAPS]]  # type: ignore[valid-type]


class TagGenerator(Labelled, SavedInParts, TrainablePipe):
    """Find tags in the text: facet-labelled character spans, whatever the tokens are.

    Tags go to ``doc._.tags`` in the order of the text, with their probability as score; tags of other sources that a
    doc comes with, such as a seller's, stay behind them.

    vocab (Vocab): The vocabulary.
    model (Model): The network.
    name (str): Name in the pipeline.
    min_score (float): Tags less likely than this are left out, unless they share a sure span.
    overlap (Optional[str]): "none", "nested", "any", or None = as in the training data.
    keep_promotions (bool): Whether to keep tags that are promotion words.
    max_tags (int): Most tags that it gives a doc, the likeliest.
    scorer (Optional[Callable]): The scoring method.
    RAISES (ValueError): On a setting outside its range.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Model,
        name: str = "product_tag_generator",
        *,
        min_score: float = 0.4,
        overlap: Optional[str] = None,
        keep_promotions: bool = False,
        max_tags: int = 1000,
        scorer: Optional[Callable] = None,
    ) -> None:
        if not 0 <= min_score <= 1:
            raise ValueError(f"[components.{name}] min_score: must be from 0 to 1, not {min_score}")
        if overlap is not None and overlap not in OVERLAPS:
            known = ", ".join(OVERLAPS)
            raise ValueError(f"[components.{name}] overlap: must be null or one of {known}, not {overlap!r}")
        if max_tags < 1:
            raise ValueError(f"[components.{name}] max_tags: must be at least 1, not {max_tags}")
        self.vocab = vocab
        self.model = model
        self.name = name
        self.scorer = scorer
        self._lessons: Optional[Lessons] = None
        # As set; what the training data say stands in `cfg`.
        self.overlap = overlap
        self.cfg: Dict[str, Any] = {
            "labels": [],
            "min_score": min_score,
            "overlap": overlap,
            "keep_promotions": keep_promotions,
            "max_tags": max_tags,
        }

    def predict(self, docs: Iterable[Doc]) -> List[List[Tag]]:
        """Find the tags of docs.

        docs (Iterable[Doc]): The docs; they are not changed.
        RETURNS (List[List[Tag]]): The tags of each, in the order of the text.
        """
        docs = list(docs)
        if not any(len(doc) for doc in docs):
            return [[] for _ in docs]
        self.require_labels()
        scores = self.model.predict((docs, np.zeros((0, 2), dtype=np.int64)))
        return choose(
            docs,
            likely_spans(self.model.ops, scores, self.cfg["min_score"]),
            self.cfg["labels"],
            overlap=self.cfg["overlap"],
            widest=self.model.attrs["settings"]["max_width"],
            keep_promotions=self.cfg["keep_promotions"],
        )

    def set_annotations(self, docs: Iterable[Doc], tags: Sequence[Sequence[Tag]]) -> None:
        """Write tags to the docs.

        docs (Iterable[Doc]): The docs.
        tags (Sequence[Sequence[Tag]]): The tags of each, as `predict` gives them.
        """
        most = self.cfg["max_tags"]
        for doc, found in zip(docs, tags):
            kept = take_own(doc)
            there = {(tag.start, tag.end, tag.facet) for tag in kept}
            own = [tag for tag in found if (tag.start, tag.end, tag.facet) not in there]
            if len(own) > most:
                note_issue(doc, _TOO_MANY, found=len(own), kept=most)
                least = sorted((tag.score for tag in own), reverse=True)[most - 1]
                # Of those that are as likely as the last, the first in the text.
                spare = most - sum(tag.score > least for tag in own)
                equal = iter(range(len(own)))
                own = [tag for tag in own if tag.score > least or (tag.score == least and next(equal) < spare)]
            else:
                forget_issue(doc, _TOO_MANY)
            store_tags(doc, [*own, *kept])

    @contextmanager
    def taught_by(self, lessons: Lessons) -> Iterator[None]:
        """Let something else teach the component, as long as the context lasts: `update` asks it first.

        lessons (Callable[..., Optional[Dict[str, float]]]): Called as `update` is, with a list of examples. It gives
            the losses where it has taught them, as `training.lessons` does, and None where `update` is to do so.
        """
        before, self._lessons = self._lessons, lessons
        try:
            yield
        finally:
            self._lessons = before

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optional[Optimizer] = None,
        losses: Optional[Dict[str, float]] = None,
    ) -> Dict[str, float]:
        """Learn from a batch.

        examples (Iterable[Example]): The batch; gold tags are those of ``example.reference``.
        drop (float): The encoder's dropout; the head's is a setting of the model.
        sgd (Optional[Optimizer]): The optimizer.
        losses (Optional[Dict[str, float]]): Losses by component, added to.
        RETURNS (Dict[str, float]): The losses.
        """
        examples = list(examples)
        if self._lessons is not None:
            learnt = self._lessons(examples, drop=drop, sgd=sgd, losses=losses)
            if learnt is not None:
                return learnt
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        validate_examples(examples, "TagGenerator.update")
        docs = [example.predicted for example in examples]
        # The transformer does nothing on such a batch either, and waits for no gradient.
        if not any(len(doc) for doc in docs):
            return losses
        self.require_labels()
        gold = self._gold_spans(examples)
        set_dropout_rate(self.model, drop)
        scores, backprop = self.model.begin_update((docs, gold[:, :2]))
        loss, d_scores = self.get_loss(examples, scores, gold=gold)
        backprop(d_scores)
        if sgd is not None:
            self.finish_update(sgd)
        losses[self.name] += loss
        return losses

    def get_loss(
        self, examples: Iterable[Example], scores: SpanScores, *, gold: Optional[np.ndarray] = None
    ) -> Tuple[float, Tuple[Floats2d, Floats2d]]:
        """Compare scores with the gold tags.

        examples (Iterable[Example]): The batch.
        scores (SpanScores): What the model gave.
        gold (Optional[ndarray]): (G, 3) from `_gold_spans`, if it's at hand.
        RETURNS (Tuple[float, Tuple]): The loss per doc, and the gradients of the boundaries and the facets.
        """
        examples = list(examples)
        gold = self._gold_spans(examples) if gold is None else gold
        targets = gold_targets(gold, len(scores.boundaries), len(self.labels))
        return span_loss(self.model.ops, scores, targets, len(examples))

    def _gold_spans(self, examples: Sequence[Example]) -> np.ndarray:
        """Give the gold tags' spans. RETURNS (ndarray): (G, 3) first and last character in the batch, and facet."""
        return gold_spans(examples, self.cfg["labels"], self.model.attrs["settings"]["max_width"])

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Optional[Language] = None,
        labels: Optional[List[str]] = None,
        aliases: Optional[AliasIndex] = None,
    ) -> None:
        """Take the facets from the data and build the network.

        get_examples (Callable[[], Iterable[Example]]): Gives the training data.
        nlp (Optional[Language]): The pipeline.
        labels (Optional[List[str]]): The facets, where they are not to be read off the data. Either come behind those
            that `add_label` added.
        aliases (Optional[AliasIndex]): Known values: those of `spacy-product-tags.AliasMatcher.v1`, whose facets come
            first, or the lexicon of a model with that clue.
        RAISES (ValueError): Where the data have no tag with a facet and a span.
        """
        validate_get_examples(get_examples, "TagGenerator.initialize")
        docs = [example.predicted for example in islice(get_examples(), 10)]
        lexicon = find_lexicon(self.model)
        if aliases is not None and lexicon is None:
            labels = [*aliases.facets, *(labels or ())]
        if labels is None or self.overlap is None:
            facets, overlap, widths = survey(get_examples())
            labels = sorted(facets) if labels is None else labels
            self.cfg["overlap"] = self.overlap or overlap
            self._warn_of_wide(widths)
        labels = list(dict.fromkeys([*self.cfg["labels"], *labels]))
        if not labels:
            raise ValueError(
                f"{self.name}: the training data hold no tag with a facet and a span (start, end); check them with "
                "'product-tags check'"
            )
        self.cfg["labels"] = labels
        self.model.set_dim("nO", len(labels), force=True)
        if lexicon is not None:
            # Those of the lexicon may be others: a color says something of what is called 颜色.
            self.model.attrs["facets"] = list(dict.fromkeys([*labels, *(aliases.facets if aliases else ())]))
        self.model.initialize(X=(docs, np.zeros((0, 2), dtype=np.int64)))
        if aliases is not None and lexicon is not None:
            words: Dict[str, List[str]] = {}
            for value in aliases:
                words.setdefault(value.facet, []).extend(value.surfaces)
            self.add_words(words)
        elif aliases is not None:
            if nlp is None:
                raise ValueError(f"{self.name}: the pipeline reads the texts of aliases; give it as nlp")
            add_aliases(nlp, aliases, self.name)

    def add_words(self, words: Mapping[str, Iterable[str]]) -> None:
        """Add known values to the lexicon, without training: where one stands in a text, the head is told its facet.

        words (Mapping[str, Iterable[str]]): Values by facet, such as ``{"brand": ["安丽萌"]}``; "" = of no facet.
        RAISES (ValueError): Where the model has no lexicon.
        """
        lexicon = find_lexicon(self.model)
        if lexicon is None:
            raise ValueError(
                f"{self.name}: the model has no lexicon; train it with [components.{self.name}.model] clues = "
                '["lexicon"]'
            )
        lexicon.add(words)

    def _warn_of_wide(self, widths: Counter) -> None:
        widest = self.model.attrs["settings"]["max_width"]
        wide = sum(count for width, count in widths.items() if width > widest)
        if wide:
            warnings.warn(
                f"{self.name}: {wide} of {sum(widths.values())} tags in the training data are longer than max_width = "
                f"{widest} characters and will not be learnt; the longest has {max(widths)}. Raise "
                f"[components.{self.name}.model] max_width",
                stacklevel=3,
            )

    def _parts(self) -> Dict[str, Part]:
        cfg = Part(self._cfg_to_bytes, self._cfg_from_bytes)
        return {"cfg": cfg, "model": Part(self.model.to_bytes, self.model.from_bytes)}

    def _cfg_to_bytes(self) -> bytes:
        # The settings stand in the pipeline's config, where `spacy.load(…, config=…)` can change them.
        learnt = {"labels": self.cfg["labels"], "overlap": self.cfg["overlap"]}
        return srsly.json_dumps(learnt).encode("utf8")

    def _cfg_from_bytes(self, data: bytes) -> None:
        learnt = read_settings(data, GeneratorSettings)
        self.cfg["labels"] = learnt["labels"]
        self.cfg["overlap"] = self.overlap or learnt["overlap"]
