"""`product_classifier`: the product's place in a taxonomy, and its value on further closed axes."""
from functools import partial
from itertools import islice
from typing import Any, Callable, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import srsly
from pydantic import PositiveFloat
from spacy import util
from spacy.errors import Errors
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Config, Model, Optimizer, set_dropout_rate
from thinc.types import Floats2d

from ..encoders.name_encoder import SHIPPED, NameEncoder
from ..listing import SEPARATOR
from ..saving import Part, SavedInParts, Settings, read_settings
from ..tag import predict_category, register_extensions
from ..taxonomy.tree import Taxonomy
from .calibration import require_numbers
from .category.network import build_network, grow_network
from .category.tree import (
    CATEGORY,
    Tree,
    category_gradient,
    check_ids,
    decode,
    gold_rows,
    make_tree,
    read_trees,
    softmax,
)

DEFAULT_CONFIG = """
[model]
@architectures = "spacy-product-tags.ProductClassifier.v1"
dropout = 0.2
buckets = 65536
bag_width = 64
gram_dropout = 0.3
name_dropout = 0.3
name_words = 4

[model.tok2vec]
@architectures = "spacy-product-tags.CharEncoder.v1"
"""
DEFAULT_MODEL = Config().from_str(DEFAULT_CONFIG)["model"]
# Docs that the network takes at once, however many it is handed.
_BATCH = 256


@Language.factory(
    "product_classifier",
    assigns=["doc.cats", "doc._.category"],
    default_config={
        "model": DEFAULT_MODEL,
        "min_probability": 0.5,
        "top_k": 5,
        "locale": "",
        "axes": [],
        "scorer": {"@scorers": "spacy-product-tags.category_scorer.v1"},
    },
    default_score_weights={"category_f": 1.0, "category_macro_f": 0.0, "category_hf": 0.0, "category_ece": None},
)
def make_product_classifier(
    nlp: Language,
    name: str,
    model: Model,
    min_probability: float,
    top_k: int,
    locale: str,
    axes: List[str],
    scorer: Optional[Callable],
) -> "ProductClassifier":
    """Make the component.

    model (Model): A `spacy-product-tags.ProductClassifier.v1`.
    min_probability (float): The category is the deepest one on the way to the likeliest leaf that is at least so
        likely; 0 = always the leaf, and above any probability none.
    top_k (int): Leaves in ``doc.cats``, beside all that is above them.
    locale (str): Language of the path's names, such as zh; "" = that of the doc.
    axes (List[str]): Facets whose values are a closed set, such as brand: one value of each is classified, too.
    scorer (Optional[Callable]): The scoring method.
    RETURNS (ProductClassifier): The component.
    """
    register_extensions()
    return ProductClassifier(
        nlp.vocab,
        model,
        name,
        min_probability=min_probability,
        top_k=top_k,
        locale=locale,
        axes=axes,
        scorer=scorer,
    )


class Prediction(NamedTuple):
    """What the classifier says of a text.

    path (Tuple[str, ...]): The category from the top; () = unsure even there.
    cats (Dict[str, float]): Probability by id: of the likeliest leaves and all above them; of an axis, by its name,
        " > " and the value.
    """

    path: Tuple[str, ...]
    cats: Dict[str, float]


class TreeSettings(Settings):
    """What the component's ``cfg`` holds: the names of the trees, and what their logits are divided by."""

    trees: List[str]
    temperatures: Dict[str, PositiveFloat]


class ProductClassifier(SavedInParts, TrainablePipe):
    """Find a product's category: a path in a taxonomy, from the top to where the classifier is sure.

    One softmax over the taxonomy's leaves; a category has the probability of all leaves below it, so a path can't
    contradict itself. The category goes to ``doc._.category``, unless one was given there; ids and probabilities go to
    ``doc.cats``.

    vocab (Vocab): The vocabulary.
    model (Model): The network.
    name (str): Name in the pipeline.
    min_probability (float): The least probability of a category that is given.
    top_k (int): Leaves in ``doc.cats``.
    locale (str): Language of the path's names; "" = that of the doc.
    axes (Sequence[str]): Facets that are classified, too.
    scorer (Optional[Callable]): The scoring method.
    RAISES (ValueError): On a setting outside its range.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Model,
        name: str = "product_classifier",
        *,
        min_probability: float = 0.5,
        top_k: int = 5,
        locale: str = "",
        axes: Sequence[str] = (),
        scorer: Optional[Callable] = None,
    ) -> None:
        if not 0 <= min_probability <= 1:
            raise ValueError(f"[components.{name}] min_probability: must be from 0 to 1, not {min_probability}")
        if top_k < 1:
            raise ValueError(f"[components.{name}] top_k: must be 1 or more, not {top_k}")
        if CATEGORY in axes or len(set(axes)) < len(axes):
            raise ValueError(f"[components.{name}] axes: must be facets, each once, without {CATEGORY!r}, not {axes}")
        self.vocab = vocab
        self.model = model
        self.name = name
        self.scorer = scorer
        self.cfg: Dict[str, Any] = {"min_probability": min_probability, "top_k": top_k, "locale": locale}
        self.axes = tuple(axes)
        # The taxonomy first, then a tree for each axis.
        self.trees: Dict[str, Tree] = {}
        # What logits are divided by, so that probabilities are shares of right answers: calibration fits it.
        self.temperatures: Dict[str, float] = {}

    @property
    def taxonomy(self) -> Taxonomy:
        """RETURNS (Taxonomy): The categories. RAISES (ValueError): Before the component is initialized."""
        self.require_trees()
        return self.trees[CATEGORY].taxonomy

    @property
    def labels(self) -> Tuple[str, ...]:
        """RETURNS (Tuple[str, ...]): The ids of all categories."""
        return self.trees[CATEGORY].taxonomy.ids if self.trees else ()

    def predict(self, docs: Iterable[Doc]) -> List[Prediction]:
        """Classify docs. RETURNS (List[Prediction]): One a doc; of a doc without a token, nothing."""
        docs = list(docs)
        if not any(len(doc) for doc in docs):
            return [Prediction((), {}) for _ in docs]
        logits = self.logits(docs)
        read = self.find_read(logits[CATEGORY])  # (B,)
        for scores in logits.values():
            scores[~read] = 0
        found = {name: self._choose(name, logits[name]) for name in self.trees}
        predictions = []
        for number, doc in enumerate(docs):
            if doc.text.isspace() or not len(doc) or not read[number]:
                predictions.append(Prediction((), {}))
                continue
            cats: Dict[str, float] = {}
            for name in self.trees:
                cats.update(found[name][number][1])
            node = found[CATEGORY][number][0]
            locale = self.cfg["locale"] or doc.lang_
            predictions.append(Prediction(self.taxonomy.path(node, locale) if node >= 0 else (), cats))
        return predictions

    def logits(self, docs: Sequence[Doc]) -> Dict[str, np.ndarray]:
        """Score docs.

        docs (Sequence[Doc]): The docs.
        RETURNS (Dict[str, np.ndarray]): Of each tree float32 (B, T), in the order of its `leaves`; NaN where nothing of
            a doc is read, such as a title of digits only that is compared with names alone.
        """
        self.require_trees()
        batches = [self.model.predict(list(batch)) for batch in util.minibatch(docs, _BATCH)]
        columns = ([self.model.ops.to_numpy(scores) for scores in tree] for tree in zip(*batches))
        # One batch, as usual, is not copied.
        return {
            name: parts[0] if len(parts) == 1 else np.concatenate(parts) for name, parts in zip(self.trees, columns)
        }

    def find_read(self, logits: np.ndarray) -> np.ndarray:
        """Say which texts were read.

        logits (np.ndarray): What `logits` gave of a tree, (B, T).
        RETURNS (np.ndarray): bool (B,).
        RAISES (ValueError): Where weights have diverged.
        """
        # Only where titles are compared with names, and nothing else is read, can there be nothing.
        if self._head.readers:
            require_numbers(logits, self.name)
        return ~np.isnan(logits).any(axis=1)  # (B,)

    def _choose(self, name: str, logits: np.ndarray) -> List[Tuple[int, Dict[str, float]]]:
        """RETURNS (List[Tuple[int, Dict[str, float]]]): Of each text the category's row (-1 = none) and the cats."""
        tree = self.trees[name]
        prefix = "" if name == CATEGORY else name + SEPARATOR
        leaves = softmax(logits / self.temperatures.get(name, 1.0))  # (B, T)
        return decode(tree, leaves, self.cfg["min_probability"], self.cfg["top_k"], prefix)

    def set_annotations(self, docs: Iterable[Doc], predictions: Sequence[Prediction]) -> None:
        """Write categories to docs.

        A category that a doc was given stays, and any stays where there is none now. Other components' cats stay, but
        those that are called as a category of the taxonomy, or begin as an axis' values do.

        docs (Iterable[Doc]): The docs.
        predictions (Sequence[Prediction]): What `predict` gave.
        """
        starts = tuple(axis + SEPARATOR for axis in self.axes)
        categories = self.trees[CATEGORY].taxonomy if self.trees else ()
        for doc, prediction in zip(docs, predictions):
            # What is left of an earlier call would contradict this one.
            others = {id: share for id, share in doc.cats.items() if id not in categories and not id.startswith(starts)}
            doc.cats = {**others, **prediction.cats}
            predict_category(doc, prediction.path)

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optional[Optimizer] = None,
        losses: Optional[Dict[str, float]] = None,
    ) -> Dict[str, float]:
        """Learn from a batch.

        examples (Iterable[Example]): The batch; gold is ``example.reference._.category``, and the tags for the axes.
        drop (float): The encoder's dropout; the head's is a setting of the model.
        sgd (Optional[Optimizer]): The optimizer.
        losses (Optional[Dict[str, float]]): Losses by component, added to.
        RETURNS (Dict[str, float]): The losses.
        """
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        examples = list(examples)
        validate_examples(examples, "ProductClassifier.update")
        docs = [example.predicted for example in examples]
        if not any(len(doc) for doc in docs):
            return losses
        self.require_trees()
        set_dropout_rate(self.model, drop)
        scores, backprop = self.model.begin_update(docs)
        loss, d_scores = self.get_loss(examples, scores)
        backprop(d_scores)
        if sgd is not None:
            self.finish_update(sgd)
        losses[self.name] += loss
        return losses

    def get_loss(self, examples: Iterable[Example], scores: Sequence[Floats2d]) -> Tuple[float, List[Floats2d]]:
        """Compare scores with the gold categories.

        examples (Iterable[Example]): The batch; one without a category (or value) teaches nothing of that tree.
        scores (Sequence[Floats2d]): The logits of each tree, (parts * B, T).
        RETURNS (Tuple[float, List[Floats2d]]): The loss per doc and part, and the gradients.
        """
        docs = [example.reference for example in examples]
        total, gradients = 0.0, []
        for (name, tree), logits in zip(self.trees.items(), scores):
            # The head scores a text once for each part that it has.
            parts = len(logits) // max(len(docs), 1)
            loss, gradient = category_gradient(tree, logits, gold_rows(docs, name, tree) * parts, len(docs))
            total += loss / max(parts, 1)
            gradients.append(gradient)
        return total, gradients

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Optional[Language] = None,
        taxonomy: Optional[Taxonomy] = None,
        names: Optional[str] = SHIPPED,
        labels: Optional[Any] = None,
    ) -> None:
        """Take the taxonomy, or the categories of the data, and build the network.

        get_examples (Callable[[], Iterable[Example]]): Gives the training data.
        nlp (Optional[Language]): The pipeline.
        taxonomy (Optional[Taxonomy]): The categories; None = the paths in the data.
        names (Optional[str]): Folder of the name encoder that gives categories their first vectors, which is what is
            known of those without examples; `product-tags-names` ships with the package; None = without.
        labels (Optional[Any]): Not used: categories come with their tree.
        RAISES (ValueError): Where there is no category, or a value of an axis would have the id of a category.
        """
        validate_get_examples(get_examples, "ProductClassifier.initialize")
        trees = read_trees((example.reference for example in get_examples()), self.axes, taxonomy, self.name)
        encoder = None if names is None else NameEncoder.from_disk(names)
        self.model.initialize(X=[example.predicted for example in islice(get_examples(), 10)])
        build_network(self.model, list(trees.values()), encoder)
        self.trees, self.temperatures = trees, {}

    @property
    def _head(self) -> Any:
        return self.model.shims[0].module

    def add_categories(self, rows: Iterable[Mapping[str, Any]], *, names: Optional[str] = SHIPPED) -> None:
        """Add categories without training: they are known by their names and by what is above them.

        rows (Iterable[Mapping[str, Any]]): ``id``, ``parent`` and ``labels`` of each, as in a taxonomy's file.
        names (Optional[str]): Folder of the name encoder, the one that the component was initialized with. Not needed
            where titles are compared with names, as the component has it then.
        RAISES (ListingError): On a row with no place in the tree.
        RAISES (ValueError): Where the names' vectors are of another size, or an id is that of an axis' value; the
            component stays as it is.
        """
        self.require_trees()
        taxonomy, moved = self.taxonomy.with_rows(rows)
        trees = {**self.trees, CATEGORY: make_tree(taxonomy)}
        check_ids(trees, self.name)
        grow_network(self.model, list(trees.values()), moved, names)
        self.trees = trees

    @property
    def shares(self) -> Dict[str, Dict[str, float]]:
        """RETURNS (Dict[str, Dict[str, float]]): By tree, how much each part of the head counts; their mean is 1."""
        self.require_trees()
        head = self._head
        return {name: dict(zip(head.parts, row)) for name, row in zip(self.trees, head.shares.tolist())}

    @shares.setter
    def shares(self, shares: Mapping[str, Mapping[str, float]]) -> None:
        self.require_trees()
        rows = [[shares[name][part] for part in self._head.parts] for name in self.trees]
        self._head.shares.copy_(self._head.shares.new_tensor(rows))

    def score(self, examples: Iterable[Example], **kwargs: Any) -> Dict[str, Any]:
        """Score docs. RETURNS (Dict[str, Any]): What the scorer gives; it is told the taxonomy and the axes."""
        if self.scorer is None or not self.trees:
            return {}
        return self.scorer(examples, taxonomy=self.taxonomy, axes=self.axes, **self.cfg, **kwargs)

    def require_trees(self) -> None:
        """Check that there is something to classify with.

        RAISES (ValueError): Before the component is initialized, or where only a part of it was loaded.
        """
        shim = self.model.shims[0]
        if not self.trees or not shim.is_built:
            raise ValueError(Errors.E109.format(name=self.name))
        if [len(leaves) for leaves in shim.sizes["columns"]] != [len(tree.leaves) for tree in self.trees.values()]:
            raise ValueError(f"{self.name}: its categories and its network are of two trainings; load both together")

    def _parts(self) -> Dict[str, Part]:
        # By number: an axis may be called size/length.
        trees = {
            f"tree{number}.jsonl": Part(partial(self._tree_to_bytes, name), partial(self._tree_from_bytes, name))
            for number, name in enumerate(self.trees)
        }
        cfg = Part(self._cfg_to_bytes, self._cfg_from_bytes)
        return {"cfg": cfg, **trees, "model": Part(self.model.to_bytes, self.model.from_bytes)}

    def _cfg_to_bytes(self) -> bytes:
        learnt = {"trees": list(self.trees), "temperatures": self.temperatures}
        return srsly.json_dumps(learnt).encode("utf8")

    def _cfg_from_bytes(self, data: bytes) -> None:
        learnt = read_settings(data, TreeSettings)
        self.temperatures = learnt["temperatures"]
        # Empty ones keep their place, which tells the files' names, until those are read.
        self.trees = {name: self.trees.get(name, make_tree(Taxonomy([]))) for name in learnt["trees"]}
        # Without trees it was saved before it was trained, and the config tells.
        if self.trees:
            self.axes = tuple(name for name in self.trees if name != CATEGORY)

    def _tree_to_bytes(self, name: str) -> bytes:
        return self.trees[name].taxonomy.to_bytes()

    def _tree_from_bytes(self, name: str, data: bytes) -> None:
        self.trees[name] = make_tree(Taxonomy.from_bytes(data))
