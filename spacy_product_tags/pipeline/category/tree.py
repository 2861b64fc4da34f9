"""A taxonomy as the classifier reads it: leaves in order, gold paths as stretches of them, and the loss."""
from collections import Counter
from typing import Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np
from spacy import util
from spacy.tokens import Doc
from thinc.api import torch2xp, xp2torch
from thinc.types import Floats2d

from ...listing import SEPARATOR
from ...tag import get_category, get_tags
from ...taxonomy.tree import Taxonomy
from ..rounding import certainty, rounded
from .scores import NONE

# The name of the taxonomy's tree, beside those of the axes.
CATEGORY = "category"
# A value seen once says little of what is to come.
_LEAST_COUNT = 2


class Tree(NamedTuple):
    """A taxonomy, and where its categories stand in the scores.

    taxonomy (Taxonomy): The categories.
    leaves (List[int]): Rows of those with a column of scores, in the order of the columns: the leaves below any
        category are neighbours.
    spans (List[Tuple[int, int]]): Of each category the first and last + 1 column below it.
    paths (List[Tuple[int, ...]]): Of each column the rows from the top to the leaf.
    """

    taxonomy: Taxonomy
    leaves: List[int]
    spans: List[Tuple[int, int]]
    paths: List[Tuple[int, ...]]

    def column_of(self, row: int) -> int:
        """Give a leaf's column. RETURNS (int): -1 for what is no leaf."""
        return self.spans[row][0] if row >= 0 and self.taxonomy.terminal[row] else -1


def softmax(logits: np.ndarray) -> np.ndarray:
    """Make probabilities of scores. RETURNS (np.ndarray): float32 (B, T)."""
    scores = np.subtract(logits, logits.max(axis=1, keepdims=True), dtype=np.float32)  # (B, T)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=1, keepdims=True)
    return scores


def decode(
    tree: Tree, leaves: np.ndarray, min_probability: float, top_k: int, prefix: str = ""
) -> List[Tuple[int, Dict[str, float]]]:
    """Choose texts' categories, and tell the likeliest ones.

    tree (Tree): The tree.
    leaves (np.ndarray): (B, T) probabilities of the leaves.
    min_probability (float): The category is the deepest one on the way to the likeliest leaf that is so likely.
    top_k (int): Leaves to tell of, and of all that is above them.
    prefix (str): What stands before each id.
    RETURNS (List[Tuple[int, Dict[str, float]]]): Of each text the category's row, -1 = unsure even at the top, and
        probabilities by id.
    """
    import torch

    # Over ten thousand leaves five times as fast as numpy.
    shares = torch.from_numpy(leaves)  # (B, T)
    totals = torch.nn.functional.pad(shares.cumsum(dim=1, dtype=torch.float64), (1, 0)).numpy()  # (B, T + 1)
    best = shares.topk(min(top_k, shares.shape[1]), dim=1).indices.numpy()  # (B, K)
    return [_decode_one(tree, *text, min_probability, prefix) for text in zip(leaves, totals, best)]


def _decode_one(
    tree: Tree, leaves: np.ndarray, total: np.ndarray, best: np.ndarray, min_probability: float, prefix: str
) -> Tuple[int, Dict[str, float]]:
    cats: Dict[str, float] = {}
    node = -1
    enough = rounded(min_probability)
    for rank, column in enumerate(best[np.lexsort((best, -certainty(leaves[best])))].tolist()):
        least = float(leaves[column])
        # From the leaf up, so that rounding never leaves a parent with less than its child.
        for row in reversed(tree.paths[column]):
            low, high = tree.spans[row]
            least = min(max(least, float(total[high] - total[low])), 1.0)
            cats[prefix + tree.taxonomy.ids[row]] = max(least, cats.get(prefix + tree.taxonomy.ids[row], 0.0))
            if rank == 0 and node < 0 and rounded(least) >= enough:
                node = row
    return node, cats


def make_tree(taxonomy: Taxonomy) -> Tree:
    """Order a taxonomy's leaves. RETURNS (Tree): The tree."""
    from ...heads.category_head import order_leaves

    leaves, spans = order_leaves(taxonomy.parents.tolist())
    return Tree(taxonomy, leaves, spans, [taxonomy.ancestors(leaf) for leaf in leaves])


def make_axis(values: Counter) -> Tree:
    """Make the tree of an axis: a flat one, with "none of these".

    values (Counter): How often each value was seen.
    RETURNS (Tree): The tree.
    """
    kept = [value for value, count in values.items() if count >= _LEAST_COUNT and value.strip() and value != NONE]
    return make_tree(Taxonomy([{"id": value, "parent": None, "labels": {"": value}} for value in (NONE, *kept)]))


def read_trees(docs: Iterable[Doc], axes: Sequence[str], taxonomy: Optional[Taxonomy], name: str) -> Dict[str, Tree]:
    """Make the trees of the training data.

    docs (Iterable[Doc]): Docs with gold categories and tags.
    axes (Sequence[str]): Facets that get a tree, too.
    taxonomy (Optional[Taxonomy]): The categories; None = those of the docs. What it lacks of theirs is told of in the
        log.
    name (str): The component, for errors.
    RETURNS (Dict[str, Tree]): `CATEGORY` first.
    RAISES (ValueError): Where there is no category, or `check_ids` finds two of one id.
    """
    paths: Counter = Counter()
    values: Dict[str, Counter] = {facet: Counter() for facet in axes}
    for doc in docs:
        paths[get_category(doc)] += 1
        for tag in get_tags(doc):
            if tag.facet in values:
                values[tag.facet][tag.raw or tag.text] += 1
    paths.pop((), None)
    if taxonomy is None and not paths:
        raise ValueError(
            f"{name}: the training data have no category; give each listing one, such as "
            '"category": ["Clothing", "Shirts"], or leave the component out'
        )
    taxonomy = Taxonomy.from_paths(paths) if taxonomy is None else taxonomy
    if not len(taxonomy):
        raise ValueError(f"{name}: the taxonomy has no category")
    unknown = [path for path in paths if taxonomy.find(path) is None]
    if unknown:
        example = SEPARATOR.join(unknown[0])
        message = "%s: %d of %d categories of the training data are not in the taxonomy and teach nothing, such as %r"
        util.logger.warning(message, name, len(unknown), len(paths), example)
    trees = {CATEGORY: make_tree(taxonomy), **{facet: make_axis(values[facet]) for facet in axes}}
    check_ids(trees, name)
    return trees


def check_ids(trees: Mapping[str, Tree], name: str) -> None:
    """Check that no category is called as values of an axis are in ``doc.cats``.

    trees (Mapping[str, Tree]): The trees.
    name (str): The component, for the error.
    RAISES (ValueError): Where one is.
    """
    starts = tuple(axis + SEPARATOR for axis in trees if axis != CATEGORY)
    for id in trees[CATEGORY].taxonomy.ids if starts else ():
        if id.startswith(starts):
            raise ValueError(
                f"[components.{name}] axes: the category {id!r} begins as the values of an axis do; leave that axis out"
            )


def gold_rows(docs: Sequence[Doc], name: str, tree: Tree) -> List[int]:
    """Give what docs should be classified as.

    docs (Sequence[Doc]): Docs with gold categories and tags.
    name (str): `CATEGORY`, or the axis' facet.
    tree (Tree): Its tree.
    RETURNS (List[int]): Rows; -1 = nothing is known.
    """
    found = []
    for doc in docs:
        if name == CATEGORY:
            row = tree.taxonomy.find(get_category(doc))
        else:
            row = _value_row(doc, name, tree.taxonomy)
        found.append(-1 if row is None else row)
    return found


def _value_row(doc: Doc, facet: str, taxonomy: Taxonomy) -> int:
    tags = get_tags(doc)
    # A listing without any tag was not annotated.
    if not tags:
        return -1
    texts = [tag.raw or tag.text for tag in tags if tag.facet == facet]
    known = [text for text in texts if text in taxonomy]
    return taxonomy.row(known[0] if known else NONE)


def category_gradient(tree: Tree, logits: Floats2d, rows: Sequence[int], size: int) -> Tuple[float, Floats2d]:
    """Compare scores with gold categories: each should hold the probability of the leaves below it.

    tree (Tree): The tree.
    logits (Floats2d): (B, T).
    rows (Sequence[int]): (B,) the gold category of each text, -1 = unknown.
    size (int): Texts in the batch.
    RETURNS (Tuple[float, Floats2d]): The loss per text, and the gradient.
    """
    from ...heads.category_head import category_loss

    known = [number for number, row in enumerate(rows) if row >= 0]
    scores = xp2torch(logits).detach().requires_grad_(True)  # (B, T)
    if not known:
        return 0.0, torch2xp(scores.detach() * 0)
    spans = scores.new_tensor([tree.spans[rows[number]] for number in known]).long()  # (K, 2)
    loss = category_loss(scores[known], spans).sum() / size
    loss.backward()
    return float(loss.detach()), torch2xp(scores.grad)
