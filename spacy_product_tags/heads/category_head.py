"""The category head: scores texts against categories whose vectors come from their names.

Up to three parts score each text, and learn apart: the encoder's pieces, hashed n-grams, which see rare words that an
encoder blurs, and stretches of the title that are like a category's names. Predictions take the weighted mean of
their scores.

A category's vector is a projection of the vectors of its names plus what training adds, along the path from the top: a
category without an example has its names and its ancestors, and ten thousand cost one matrix product.
"""
from typing import Any, List, Mapping, Optional, Sequence, Tuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..encoders.name_encoder import NameEncoder
from .name_matcher import NameMatcher
from .text_readers import GramReader, PieceReader, Texts

# How much the names above a category count beside its own, where titles are compared with names.
_PATH_SHARE = 0.3


class CategoryHead(nn.Module):
    """Score texts against the leaves of one or several trees of categories.

    width (int): Size D of the encoder's vectors; 0 = no encoder.
    axes (Sequence[Sequence[int]]): Of each tree the parents of its categories, -1 at the top.
    columns (Sequence[Sequence[int]]): Of each tree the categories that have a column of scores (its leaves), in order.
    name_width (int): Size E of the vectors of names.
    dropout (float): Dropout on texts' vectors.
    buckets (int): Rows of the table of n-grams; 0 = no n-grams.
    bag_width (int): Size of an n-gram's vector.
    gram_dropout (float): Share of n-grams that a training step leaves out.
    name_dropout (float): Share of categories that a training step knows by their names and ancestors only.
    name_shapes (Optional[Mapping[str, Sequence[int]]]): Shapes of the weights of the name encoder that compares titles
        with names; None = they are not compared.
    """

    # A rare n-gram has few steps to learn in, and its categories must keep up with it.
    lr_scales = {"readers.grams.": 10.0, "scorers.grams.": 10.0}

    def __init__(
        self,
        width: int,
        axes: Sequence[Sequence[int]],
        columns: Sequence[Sequence[int]],
        name_width: int,
        dropout: float = 0.2,
        buckets: int = 65536,
        bag_width: int = 64,
        gram_dropout: float = 0.3,
        name_dropout: float = 0.3,
        name_shapes: Optional[Mapping[str, Sequence[int]]] = None,
    ) -> None:
        super().__init__()
        self.trees = nn.ModuleList(Tree(parents, leaves, name_width) for parents, leaves in zip(axes, columns))
        self.readers = nn.ModuleDict()
        if width:
            self.readers["pieces"] = PieceReader(width, dropout)
        if buckets:
            self.readers["grams"] = GramReader(buckets, bag_width, gram_dropout, dropout)
        self.scorers = nn.ModuleDict()
        for part, reader in self.readers.items():
            self.scorers[part] = nn.ModuleList(
                Scorer(reader.width, len(parents), name_width, name_dropout) for parents in axes
            )
        self.matchers = nn.ModuleList()
        # Weights of the name encoder: it reads titles as it read the names.
        shapes = name_shapes or {}
        self.encoder_parts = tuple(shapes)
        for part in self.encoder_parts:
            dtype = torch.float16 if part == "table" else torch.float32
            self.register_buffer(f"encoder_{part}", torch.zeros(*shapes[part], dtype=dtype))
        if self.encoder_parts:
            self.matchers.extend(NameMatcher(name_width) for _ in axes)
        if not self.parts:
            raise ValueError("nothing is read: give tok2vec, buckets, or both name_words and a name encoder")
        # How much each part counts in the mean, by tree: equal until they are fitted on held-out data.
        self.register_buffer("shares", torch.ones(len(self.trees), len(self.parts)))

    @property
    def parts(self) -> Tuple[str, ...]:
        """RETURNS (Tuple[str, ...]): What scores a text, in the order of `shares`."""
        return (*self.readers, *(["names"] if self.matchers else []))

    @property
    def encoder(self) -> NameEncoder:
        """RETURNS (NameEncoder): The name encoder that titles are read with, on the CPU."""
        return NameEncoder({part: getattr(self, f"encoder_{part}").cpu().numpy() for part in self.encoder_parts})

    def fill(self, encoder: NameEncoder) -> None:
        """Take over a name encoder's weights.

        encoder (NameEncoder): The encoder.
        """
        for part in self.encoder_parts:
            getattr(self, f"encoder_{part}").copy_(torch.from_numpy(encoder.weights[part]))

    def forward(self, texts: Texts) -> Tuple[Tensor, ...]:
        """Score a batch.

        texts (Texts): The batch.
        RETURNS (Tuple[Tensor, ...]): Of each tree the logits of its leaves: the mean of the parts that read anything,
            weighted by `shares`, (B, T), NaN where none did; in training those of each part, one part after the
            other, (parts * B, T), so that none leans on another.
        """
        scores: List[List[Tensor]] = [[] for _ in self.trees]
        for part, reader in self.readers.items():
            x = reader(texts)  # (B, X)
            for number, tree in enumerate(self.trees):
                scores[number].append(self.scorers[part][number](x, tree))  # (B, T)
        counts = texts.counts.tolist()
        for number, matcher in enumerate(self.matchers):
            names = self.trees[number].leaf_names()  # (T, E)
            scores[number].append(matcher(texts.stretches, texts.features, counts, names))  # (B, T)
        if self.training:
            return tuple(torch.cat(parts) for parts in scores)
        # A title may be without any stretch, such as a number.
        read = [torch.ones_like(texts.counts, dtype=torch.bool)] * len(self.readers)
        read += [texts.counts > 0] * bool(self.matchers)
        read_by = torch.stack(read).float()  # (parts, B)
        means = []
        for parts, shares in zip(scores, self.shares):
            weights = read_by * shares.unsqueeze(1)  # (parts, B)
            weights = (weights / weights.sum(dim=0)).unsqueeze(2)  # (parts, B, 1)
            # Of ten thousand categories each copy takes its time.
            mean = parts[0] * weights[0]  # (B, T)
            for part, weight in zip(parts[1:], weights[1:]):
                mean.addcmul_(part, weight)
            means.append(mean)
        return tuple(means)

    def forget(self) -> None:
        """Drop what predictions share: the weights have changed."""
        for module in self.modules():
            if isinstance(module, (Tree, Scorer)):
                module.kept = (None, None)


class Tree(nn.Module):
    """The categories of one tree.

    parents (Sequence[int]): Parent of each, -1 at the top.
    leaves (Sequence[int]): Those that are scored, in order.
    name_width (int): Size E of the vectors of names.

    names (Tensor): (N, E) vectors of the categories' names; the component fills it.
    """

    def __init__(self, parents: Sequence[int], leaves: Sequence[int], name_width: int) -> None:
        super().__init__()
        column, above = [], []
        for number, leaf in enumerate(leaves):
            node = leaf
            while node >= 0:
                column.append(number)
                above.append(node)
                node = parents[node]
        self.register_buffer("column", torch.tensor(column, dtype=torch.long), persistent=False)  # (A,)
        self.register_buffer("above", torch.tensor(above, dtype=torch.long), persistent=False)  # (A,)
        self.register_buffer("leaves", torch.tensor(list(leaves), dtype=torch.long), persistent=False)  # (T,)
        depths = torch.bincount(self.column, minlength=len(leaves)).float()
        self.register_buffer("levels", depths.unsqueeze(1), persistent=False)  # (T, 1)
        # Where each leaf's path begins; and the same pairs by category, for the way back.
        starts = torch.searchsorted(self.column, torch.arange(len(leaves)))
        order = self.above.argsort(stable=True)
        starts_below = torch.searchsorted(self.above[order].contiguous(), torch.arange(len(parents)))
        for name, tensor in (("starts", starts), ("below", self.column[order]), ("starts_below", starts_below)):
            self.register_buffer(name, tensor.contiguous(), persistent=False)  # (T,), (A,), (N,)
        self.register_buffer("names", torch.zeros(len(parents), name_width))
        # The leaves' names as compared with titles, and the state of `names` that they were made of.
        self.kept: Tuple[Any, Optional[Tensor]] = (None, None)

    def sum_paths(self, rows: Tensor) -> Tensor:
        """Sum up along the path of each leaf. RETURNS (Tensor): (T, W) of (N, W)."""
        return _BagSum.apply(rows, self.above, self.starts, self.below, self.starts_below)

    def path_names(self) -> Tensor:
        """Give each leaf's own name beside the mean of those on its path. RETURNS (Tensor): (T, 2E)."""
        return torch.cat([self.names[self.leaves], self.sum_paths(self.names) / self.levels], dim=1)

    def leaf_names(self) -> Tensor:
        """Give what titles are compared with. RETURNS (Tensor): (T, E), of length one."""
        state = _state(self.names)
        # At once: another thread may replace both.
        made_of, kept = self.kept
        if kept is None or made_of != state:
            own, path = self.path_names().chunk(2, dim=1)  # (T, E) each
            kept = F.normalize(own + _PATH_SHARE * F.normalize(path, dim=1), dim=1)
            self.kept = state, kept
        # What was made in inference mode can't be trained with.
        return kept.clone() if self.training and kept.is_inference() else kept


class _BagSum(torch.autograd.Function):
    """Sum up bags of rows; the way back is such a sum, too. Ten times as fast as to gather the rows and add them up."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, members: Tensor, starts: Tensor, bags: Tensor, bag_starts: Tensor) -> Tensor:
        """RETURNS (Tensor): (T, W), of rows (N, W) those of each of T bags."""
        ctx.save_for_backward(bags, bag_starts)
        return F.embedding_bag(members, rows, starts, mode="sum")

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tuple[Optional[Tensor], ...]:
        """RETURNS (Tuple): (N, W), of the gradient (T, W) those of the bags that each row is in; None four times."""
        bags, starts = ctx.saved_tensors
        return F.embedding_bag(bags, gradient.contiguous(), starts, mode="sum"), None, None, None, None


class Scorer(nn.Module):
    """Score vectors of texts against a tree's leaves: a leaf's vector comes from its names and from what training adds.

    width (int): Size X of the vectors of texts, and of categories.
    size (int): Categories N of the tree.
    name_width (int): Size E of the vectors of names.
    name_dropout (float): Share of the categories that a training step knows by names and ancestors only.
    """

    def __init__(self, width: int, size: int, name_width: int, name_dropout: float) -> None:
        super().__init__()
        self.name_dropout = name_dropout
        self.name_in = nn.Linear(2 * name_width, width, bias=False)
        # What training adds, to a category and to all below it. Its last number is the bias.
        self.added = nn.Parameter(torch.zeros(size, width + 1))
        # What predictions share: ten thousand categories take longer to make than to compare.
        self.kept: Tuple[Any, Optional[Tuple[Tensor, Tensor]]] = (None, None)

    def forward(self, x: Tensor, tree: Tree) -> Tensor:
        """Score a batch.

        x (Tensor): (B, X) the texts.
        tree (Tree): The categories.
        RETURNS (Tensor): (B, T).
        """
        vectors, bias = self._categories(tree)  # (T, X), (T,)
        return torch.addmm(bias, x, vectors.T)

    def _categories(self, tree: Tree) -> Tuple[Tensor, Tensor]:
        """Make the leaves' vectors, or take those of the last call. RETURNS: (T, X) vectors, (T,) biases."""
        if self.training:
            self.kept = (None, None)
            return self._make(tree, self.name_dropout)
        # Averaged weights are other tensors, loaded ones the same in another version.
        state = tuple(_state(weight) for weight in (self.name_in.weight, self.added, tree.names))
        # At once: another thread may replace both.
        made_of, kept = self.kept
        if kept is None or made_of != state:
            kept = self._make(tree, 0.0)
            self.kept = state, kept
        return kept

    def _make(self, tree: Tree, name_dropout: float) -> Tuple[Tensor, Tensor]:
        added = self.added  # (N, X + 1)
        if name_dropout:
            added = added * (torch.rand(len(added), 1, device=added.device) >= name_dropout)  # (N, X + 1)
        added = tree.sum_paths(added)  # (T, X + 1)
        return self.name_in(tree.path_names()) + added[:, :-1], added[:, -1]


def _state(weight: Tensor) -> Tuple[int, int]:
    """Tell whether a tensor changed since. RETURNS (Tuple[int, int]): Another one where it did."""
    return weight.data_ptr(), 0 if weight.is_inference() else weight._version


def category_loss(logits: Tensor, spans: Tensor) -> Tensor:
    """Negative log likelihood of gold categories: each should hold the probability of the leaves below it.

    logits (Tensor): (B, T) scores of the leaves, in an order in which the leaves below any category are neighbours.
    spans (Tensor): (B, 2) first and last + 1 column below each text's category.
    RETURNS (Tensor): (B,) losses.
    """
    place = torch.arange(logits.shape[1], device=logits.device)  # (T,)
    outside = (place < spans[:, :1]) | (place >= spans[:, 1:])  # (B, T)
    return -logits.log_softmax(dim=1).masked_fill(outside, float("-inf")).logsumexp(dim=1)  # (B,)


def order_leaves(parents: Sequence[int]) -> Tuple[List[int], List[Tuple[int, int]]]:
    """Order a tree's leaves so that those below any category are neighbours.

    parents (Sequence[int]): Parent of each category, -1 at the top.
    RETURNS (Tuple[List[int], List[Tuple[int, int]]]): The leaves, and first and last + 1 of each category's.
    """
    children: List[List[int]] = [[] for _ in range(len(parents) + 1)]
    for node, parent in enumerate(parents):
        children[parent].append(node)
    leaves: List[int] = []
    spans = [(0, 0)] * len(parents)
    stack = [(node, False) for node in reversed(children[-1])]
    while stack:
        node, done = stack.pop()
        if done:
            spans[node] = (spans[node][0], len(leaves))
        elif not children[node]:
            spans[node] = (len(leaves), len(leaves) + 1)
            leaves.append(node)
        else:
            spans[node] = (len(leaves), 0)
            stack.append((node, True))
            stack.extend((child, False) for child in reversed(children[node]))
    return leaves, spans
