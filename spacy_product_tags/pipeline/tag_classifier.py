"""`product_tag_classifier`: gives a facet to every tag that has none."""
import shutil
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple

import numpy as np
import srsly
from pydantic import PositiveFloat
from spacy import util
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Config, Model, Optimizer, set_dropout_rate
from thinc.types import Floats2d

from ..heads.tag_classifier import TagRows
from ..saving import Part, SavedInParts, Settings, read_settings
from ..tag import FACETS, USER_DATA_KEY, Tag, get_tags, register_extensions, store_tags
from ..values.index import AliasIndex
from .calibration import require_numbers
from .facets import gold_rows, open_tags, to_rows
from .labels import Labelled
from .rounding import certainty, rounded

# Facets that are told of in it, the likeliest.
_TOLD = 3
# Docs that the network takes at once, however many it is handed.
_BATCH = 256

DEFAULT_CONFIG = """
[model]
@architectures = "spacy-product-tags.TagClassifier.v1"
hidden_width = 128
rows = 131072
embed_width = 32
dropout = 0.2
context = true

[model.tok2vec]
@architectures = "spacy-product-tags.CharEncoder.v1"
"""
DEFAULT_MODEL = Config().from_str(DEFAULT_CONFIG)["model"]


@Language.factory(
    "product_tag_classifier",
    assigns=["doc._.tags"],
    requires=["doc._.tags"],
    default_config={
        "model": DEFAULT_MODEL,
        "min_score": 0.3,
        "multi": False,
        "other": "",
        "scorer": {"@scorers": "spacy-product-tags.facet_scorer.v1"},
    },
    default_score_weights={"facet_macro_f": 1.0, "facet_micro_f": 0.0, "facet_per_facet": None, "facet_ece": None},
)
def make_tag_classifier(
    nlp: Language,
    name: str,
    model: Model,
    min_score: float,
    multi: bool,
    other: str,
    scorer: Optional[Callable],
) -> "TagClassifier":
    """Make the component.

    model (Model): A `spacy-product-tags.TagClassifier.v1`.
    min_score (float): A facet less likely than this is not given.
    multi (bool): Whether a tag with several facets that likely becomes several tags; else it gets the likeliest.
    other (str): The facet of tags that get no other.
    scorer (Optional[Callable]): The scoring method.
    RETURNS (TagClassifier): The component.
    """
    register_extensions()
    return TagClassifier(nlp.vocab, model, name, min_score=min_score, multi=multi, other=other, scorer=scorer)


class ClassifierSettings(Settings):
    """What the component's ``cfg`` holds: what it has learnt."""

    labels: List[str]
    alias_facets: List[str]
    temperature: PositiveFloat


class TagClassifier(Labelled, SavedInParts, TrainablePipe):
    """Give a facet to every tag that has none, such as those that a seller typed; tags that have one stay as they are.

    What it was sure of stands in ``doc.user_data["spacy_product_tags"]["facets"]``, one dict for each tag that had no
    facet: its text, raw, start, end and source, the facets that it got, and the probability of the likeliest ones.

    vocab (Vocab): The vocabulary.
    model (Model): The network.
    name (str): Name in the pipeline.
    min_score (float): A facet less likely than this is not given.
    multi (bool): Whether a tag with several facets that likely becomes several tags.
    other (str): The facet of tags that get no other.
    scorer (Optional[Callable]): The scoring method.
    RAISES (ValueError): On a setting outside its range.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Model,
        name: str = "product_tag_classifier",
        *,
        min_score: float = 0.3,
        multi: bool = False,
        other: str = "",
        scorer: Optional[Callable] = None,
    ) -> None:
        if not 0 <= min_score <= 1:
            raise ValueError(f"[components.{name}] min_score: must be from 0 to 1, not {min_score}")
        self.vocab = vocab
        self.model = model
        self.name = name
        self.scorer = scorer
        self.aliases: Optional[AliasIndex] = None
        self.cfg: Dict[str, Any] = {
            "labels": [],
            # The alias table's facets in training: what the network knows by number.
            "alias_facets": [],
            # What logits are divided by, so that probabilities are shares of right answers: calibration fits it.
            "temperature": 1.0,
            "min_score": min_score,
            "multi": multi,
            "other": other,
        }

    def predict(self, docs: Iterable[Doc]) -> List[Floats2d]:
        """Tell how likely each facet is.

        docs (Iterable[Doc]): The docs; they are not changed.
        RETURNS (List[Floats2d]): For each doc the probabilities (tags without a facet, facets).
        """
        return [self.to_chances(part) for part in self.logits(docs)]

    def to_chances(self, logits: np.ndarray) -> np.ndarray:
        """Make probabilities of logits, by the temperature. RETURNS (np.ndarray): Of the same shape."""
        # A sigmoid that doesn't overflow.
        return 0.5 + 0.5 * np.tanh(logits / (2 * self.cfg["temperature"]))

    def logits(self, docs: Iterable[Doc]) -> List[Floats2d]:
        """Score each facet, before the temperature: what calibration is fitted on.

        docs (Iterable[Doc]): The docs; they are not changed.
        RETURNS (List[Floats2d]): For each doc the logits (tags without a facet, facets).
        RAISES (ValueError): Where they are no numbers.
        """
        return [part for batch in util.minibatch(docs, _BATCH) for part in self._batch_logits(batch)]

    def _batch_logits(self, docs: Sequence[Doc]) -> List[Floats2d]:
        tags = [open_tags(doc) for doc in docs]
        scores = [np.zeros((0, len(self.labels)), dtype="f") for _ in docs]
        # The others cost nothing.
        busy = [number for number, own in enumerate(tags) if own]
        if busy:
            self.require_labels()
            own_docs = [docs[number] for number in busy]
            rows = to_rows(own_docs, [tags[number] for number in busy], self._find_aliases)
            found = self.model.ops.to_numpy(self.model.predict((own_docs, rows)))  # (N, F)
            require_numbers(found, self.name)
            ends = np.cumsum([len(tags[number]) for number in busy])
            for number, part in zip(busy, np.split(found, ends[:-1])):
                scores[number] = part
        return scores

    def set_annotations(self, docs: Iterable[Doc], scores: Sequence[Floats2d]) -> None:
        """Write facets to the docs' tags.

        docs (Iterable[Doc]): The docs.
        scores (Sequence[Floats2d]): The probabilities of each, as `predict` gives them.
        """
        for doc, own in zip(docs, scores):
            if not len(own):
                # Of an earlier call, which told of other tags.
                doc.user_data.get(USER_DATA_KEY, {}).pop(FACETS, None)
                continue
            rows = iter(own)
            tags: List[Tag] = []
            steps: List[Dict[str, Any]] = []
            for tag in get_tags(doc):
                if tag.facet:
                    tags.append(tag)
                    continue
                facets, likeliest = self._decide(next(rows))
                tags.extend(replace(tag, facet=facet) for facet in facets)
                step = {name: getattr(tag, name) for name in ("text", "raw", "start", "end", "source")}
                steps.append({**step, "facets": facets, "probabilities": likeliest})
            store_tags(doc, tags)
            doc.user_data[USER_DATA_KEY][FACETS] = steps

    def _decide(self, chances: np.ndarray) -> Tuple[List[str], Dict[str, float]]:
        """Choose the facets of a tag. RETURNS (Tuple[List[str], Dict[str, float]]): They, and what is likeliest."""
        labels, enough = self.cfg["labels"], rounded(chances) >= rounded(self.cfg["min_score"])
        order = np.argsort(-certainty(chances), kind="stable").tolist()
        likely = [labels[number] for number in order if enough[number]]
        facets = (likely if self.cfg["multi"] else likely[:1]) or [self.cfg["other"]]
        return facets, {labels[number]: float(chances[number]) for number in order[: max(_TOLD, len(facets))]}

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optional[Optimizer] = None,
        losses: Optional[Dict[str, float]] = None,
    ) -> Dict[str, float]:
        """Learn from a batch.

        examples (Iterable[Example]): The batch; what is learnt are the gold tags of ``example.reference`` that have a
            facet, each in its place, and once more as if it stood nowhere.
        drop (float): The encoder's dropout; the head's is a setting of the model.
        sgd (Optional[Optimizer]): The optimizer.
        losses (Optional[Dict[str, float]]): Losses by component, added to.
        RETURNS (Dict[str, float]): The losses.
        """
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        examples = list(examples)
        validate_examples(examples, "TagClassifier.update")
        docs = [example.predicted for example in examples]
        # The transformer does nothing on such a batch either, and waits for no gradient.
        if not any(len(doc) for doc in docs):
            return losses
        self.require_labels()
        rows, targets = self._gold_rows(examples)
        set_dropout_rate(self.model, drop)
        scores, backprop = self.model.begin_update((docs, rows))
        loss, d_scores = self.get_loss(examples, scores, targets=targets)
        backprop(d_scores)
        if sgd is not None:
            self.finish_update(sgd)
        losses[self.name] += loss
        return losses

    def get_loss(
        self, examples: Iterable[Example], scores: Floats2d, *, targets: Optional[np.ndarray] = None
    ) -> Tuple[float, Floats2d]:
        """Compare logits with the gold facets: binary cross-entropy, summed over the facets.

        examples (Iterable[Example]): The batch.
        scores (Floats2d): What the model gave.
        targets (Optional[ndarray]): What it should be, if it's at hand.
        RETURNS (Tuple[float, Floats2d]): The loss per tag, and the gradient.
        """
        if targets is None:
            _, targets = self._gold_rows(list(examples))
        xp = self.model.ops.xp
        wanted, size = xp.asarray(targets), max(len(targets), 1)
        # log(sigmoid), which doesn't overflow where a facet is very sure.
        log_on = -xp.logaddexp(0.0, -scores)  # (N, F)
        loss = -(log_on - (1 - wanted) * scores).sum() / size
        return float(loss), ((xp.exp(log_on) - wanted) / size).astype("f")

    def _gold_rows(self, examples: Sequence[Example]) -> Tuple[TagRows, np.ndarray]:
        context = self.model.attrs["settings"]["context"]
        return gold_rows(examples, self.cfg["labels"], self._find_aliases, both_ways=context)

    def _find_aliases(self, texts: Iterable[str]) -> Dict[str, List[int]]:
        """Look texts up in the alias table. RETURNS (Dict[str, List[int]]): Numbers of the facets that know each."""
        if self.aliases is None:
            return {text: [] for text in texts}
        numbers = {facet: number for number, facet in enumerate(self.cfg["alias_facets"])}
        known = {text: {found.facet for found in self.aliases.exact(text)} for text in texts}
        return {text: sorted(numbers[facet] for facet in own if facet in numbers) for text, own in known.items()}

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
        aliases (Optional[AliasIndex]): The alias table, which the component keeps from then on; values may be added
            later, their facets should stay. None = the one there is, if any.
        RAISES (ValueError): Where the data have no tag with a facet.
        """
        validate_get_examples(get_examples, "TagClassifier.initialize")
        if labels is None:
            tags = (tag for example in get_examples() for tag in get_tags(example.reference))
            labels = sorted({tag.facet for tag in tags if tag.facet})
        labels = list(dict.fromkeys([*self.cfg["labels"], *labels]))
        if not labels:
            raise ValueError(
                f"{self.name}: the training data hold no tag with a facet; check them with 'product-tags check'"
            )
        if aliases is not None:
            self.aliases = aliases
        self.cfg["labels"] = labels
        self.cfg["alias_facets"] = sorted(self.aliases.facets) if self.aliases is not None else []
        self.cfg["temperature"] = 1.0
        self.model.set_dim("nO", len(labels), force=True)
        self.model.attrs["n_aliases"] = len(self.cfg["alias_facets"])
        examples = list(islice(get_examples(), 10))
        self.model.initialize(X=([example.predicted for example in examples], self._gold_rows(examples)[0]))

    def _parts(self) -> Dict[str, Part]:
        aliases = (self._aliases_to_bytes, self._aliases_from_bytes, self._write_aliases, self._read_aliases)
        return {
            "cfg": Part(self._cfg_to_bytes, self._cfg_from_bytes),
            "model": Part(self.model.to_bytes, self.model.from_bytes),
            "aliases": Part(*aliases, own_checksums=True),
        }

    def _cfg_to_bytes(self) -> bytes:
        # The settings stand in the pipeline's config, where `spacy.load(…, config=…)` can change them.
        return srsly.json_dumps({name: self.cfg[name] for name in ClassifierSettings.model_fields}).encode("utf8")

    def _cfg_from_bytes(self, data: bytes) -> None:
        self.cfg.update(read_settings(data, ClassifierSettings))

    def _aliases_to_bytes(self) -> Optional[bytes]:
        if self.aliases is not None:
            return self.aliases.to_bytes()
        # Trained with a table and loaded without it: the table is left out. Else there is none.
        return None if self.cfg["alias_facets"] else b""

    def _aliases_from_bytes(self, data: bytes) -> None:
        self.aliases = AliasIndex.from_bytes(data) if data else None

    def _write_aliases(self, folder: Path) -> None:
        if self.aliases is not None:
            self.aliases.to_disk(folder)
        elif not self.cfg["alias_facets"] and folder.exists():
            # Of a component that was saved there before.
            shutil.rmtree(folder)

    def _read_aliases(self, folder: Path) -> None:
        # Where it was trained with a table, the table belongs to it: a folder that is gone is an error.
        named = bool(self.cfg["alias_facets"]) or folder.exists()
        self.aliases = AliasIndex.from_disk(folder) if named else None
