"""The category head: scores texts against categories whose vectors come from their names.

A text's vector is pooled from the encoder's pieces (attention, for the title and for all of the text) and from hashed
n-grams of its tokens (fastText, Joulin et al. 2017), which see rare words that an encoder blurs. A category's vector is
a projection of the vectors of its names plus what training adds, along the path from the top: a category without an
example has its names and its ancestors, and the cost of ten thousand categories is one matrix product.
"""
from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# Attention heads that look at the title and, as many again, at all of the text.
_HEADS = 4
# A rare n-gram has few steps to learn in: its vector is read larger than it is, and so changes faster.
_GRAM_SCALE = 4.0


class Texts(NamedTuple):
    """What the head reads of a batch.

    vectors (Tensor): (P, D) the encoder's pieces.
    doc (Tensor): (P,) text number of each, ascending.
    title (Tensor): (P,) whether the piece stands in the text's first line.
    grams (Tensor): (G,) hashed n-grams.
    gram_doc (Tensor): (G,) text number of each, ascending.
    gram_title (Tensor): (G,) whether it stands in the first line.
    size (int): Texts B in the batch.
    """

    vectors: Tensor
    doc: Tensor
    title: Tensor
    grams: Tensor
    gram_doc: Tensor
    gram_title: Tensor
    size: int


class CategoryHead(nn.Module):
    """Score texts against the leaves of one or several trees of categories.

    width (int): Size D of the encoder's vectors.
    axes (Sequence[Sequence[int]]): Of each tree the parents of its categories, -1 at the top.
    columns (Sequence[Sequence[int]]): Of each tree the categories that have a column of scores (its leaves), in order.
    name_width (int): Size E of the vectors of names.
    hidden (int): Size H of the vectors of texts and categories.
    dropout (float): Dropout on texts' vectors.
    buckets (int): Rows of the table of n-grams; 0 = no n-grams.
    bag_width (int): Size of an n-gram's vector.
    gram_dropout (float): Share of n-grams that a training step leaves out.
    name_dropout (float): Share of categories that a training step knows by their names and ancestors only.
    """

    def __init__(
        self,
        width: int,
        axes: Sequence[Sequence[int]],
        columns: Sequence[Sequence[int]],
        name_width: int,
        hidden: int = 256,
        dropout: float = 0.2,
        buckets: int = 65536,
        bag_width: int = 64,
        gram_dropout: float = 0.3,
        name_dropout: float = 0.3,
    ) -> None:
        super().__init__()
        self.buckets, self.gram_dropout, self.name_dropout = buckets, gram_dropout, name_dropout
        self.attention = nn.Linear(width, 2 * _HEADS)
        if buckets:
            self.grams = nn.Embedding(buckets, bag_width)
            self.gram_weights = nn.Embedding(buckets, 1)
            nn.init.normal_(self.grams.weight, 0.0, 0.1 / _GRAM_SCALE)
            nn.init.zeros_(self.gram_weights.weight)
            self.bag_out = nn.ModuleList(nn.Linear(2 * bag_width, hidden, bias=False) for _ in axes)
        # Of each tree what predictions share: ten thousand categories take longer to make than to compare.
        self._kept: Dict[int, Tuple[Any, Tuple[Tensor, Tensor]]] = {}
        self.dropout = nn.Dropout(dropout)
        self.text_norm = nn.LayerNorm(2 * _HEADS * width)
        self.text_in = nn.Linear(2 * _HEADS * width, hidden)
        self.text_out = nn.ModuleList(nn.Linear(hidden, hidden) for _ in axes)
        self.name_in = nn.Linear(2 * name_width, hidden, bias=False)
        self.name_scale = nn.Parameter(torch.ones(len(axes)))
        self.trees = nn.ModuleList(
            Tree(parents, leaves, name_width, hidden) for parents, leaves in zip(axes, columns)
        )

    def forward(self, texts: Texts) -> Tuple[Tensor, ...]:
        """Score a batch.

        texts (Texts): The batch.
        RETURNS (Tuple[Tensor, ...]): Of each tree the logits of its leaves, (B, T).
        """
        x = self.text_in(self.dropout(self.text_norm(self._pool(texts))))  # (B, H)
        x = self.dropout(F.gelu(x))  # (B, H)
        bag = self.dropout(self._bag(texts)) if self.buckets else None  # (B, 2W)
        logits = []
        for number, tree in enumerate(self.trees):
            vectors, bias = self._categories(number, tree)  # (T, H), (T,)
            text = self.text_out[number](x)  # (B, H)
            if bag is not None:
                text = text + self.bag_out[number](bag)  # (B, H)
            logits.append(text @ vectors.T + bias)  # (B, T)
        return tuple(logits)

    def _categories(self, number: int, tree: "Tree") -> Tuple[Tensor, Tensor]:
        """Make the leaves' vectors, or take those of the last call. RETURNS (Tuple[Tensor, Tensor]): As `Tree`."""
        if self.training:
            self._kept.clear()
            return tree(self.name_in, self.name_scale[number], self.name_dropout)
        weights = (self.name_in.weight, self.name_scale, tree.names, tree.added)
        # Averaged weights are other tensors, loaded ones the same in another version.
        state = tuple((weight.data_ptr(), weight._version) for weight in weights)
        if number not in self._kept or self._kept[number][0] != state:
            self._kept[number] = state, tree(self.name_in, self.name_scale[number], 0.0)
        return self._kept[number][1]

    def _pool(self, texts: Texts) -> Tensor:
        """Pool pieces by attention. RETURNS (Tensor): (B, 2 * heads * D); zeros where a text has no piece."""
        scores = self.attention(texts.vectors)  # (P, 2A)
        outside = ~texts.title.unsqueeze(1)  # (P, 1)
        # Half of the heads see the title only.
        scores = torch.cat([scores[:, :_HEADS].masked_fill(outside, -1e4), scores[:, _HEADS:]], dim=1)  # (P, 2A)
        weights = _softmax_in_doc(scores, texts.doc, texts.size)  # (P, 2A)
        # A head at a time: all at once would take eight times the memory of the pieces.
        pooled = [_sum_rows(texts.vectors * weight.unsqueeze(1), texts.doc, texts.size) for weight in weights.T]
        return torch.cat(pooled, dim=1)  # (B, 2A * D)

    def _bag(self, texts: Texts) -> Tensor:
        """Sum up the vectors of n-grams by learnt weights. RETURNS (Tensor): (B, 2W), the title's first."""
        grams, doc, title = texts.grams, texts.gram_doc, texts.gram_title
        if self.training and self.gram_dropout:
            seen = torch.rand(len(grams), device=grams.device) >= self.gram_dropout  # (G,)
            grams, doc, title = grams[seen], doc[seen], title[seen]
        weights = self.gram_weights(grams).exp()  # (G, 1)
        vectors = self.grams(grams) * (weights * _GRAM_SCALE)  # (G, W)
        parts = []
        for share in (title.unsqueeze(1).to(weights.dtype), torch.ones_like(weights)):
            # As sums of independent vectors grow: long texts are no louder than short ones.
            norm = _sum_rows(weights.square() * share, doc, texts.size)  # (B, 1)
            parts.append(_sum_rows(vectors * share, doc, texts.size) / (norm + 1.0).sqrt())  # (B, W)
        return torch.cat(parts, dim=1)


class Tree(nn.Module):
    """The categories of one tree.

    parents (Sequence[int]): Parent of each, -1 at the top.
    leaves (Sequence[int]): Those that are scored, in order.
    name_width (int): Size E of the vectors of names.
    hidden (int): Size H of a category's vector.

    names (Tensor): (N, E) vectors of the categories' names; the component fills it.
    """

    def __init__(self, parents: Sequence[int], leaves: Sequence[int], name_width: int, hidden: int) -> None:
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
        depths = torch.zeros(len(leaves)).index_add(0, self.column, torch.ones(len(column)))
        self.register_buffer("levels", depths.unsqueeze(1), persistent=False)  # (T, 1)
        self.register_buffer("names", torch.zeros(len(parents), name_width))
        # What training adds, to a category and to all below it. Its last number is the bias.
        self.added = nn.Parameter(torch.zeros(len(parents), hidden + 1))

    def forward(self, name_in: nn.Linear, scale: Tensor, name_dropout: float) -> Tuple[Tensor, Tensor]:
        """Make the leaves' vectors.

        name_in (nn.Linear): From names to vectors.
        scale (Tensor): () how much names count.
        name_dropout (float): Share of the categories to know by names and ancestors only.
        RETURNS (Tuple[Tensor, Tensor]): (T, H) vectors and (T,) biases.
        """
        path_names = _sum_rows(self.names[self.above], self.column, len(self.leaves)) / self.levels  # (T, E)
        vectors = name_in(torch.cat([self.names[self.leaves], path_names], dim=1)) * scale  # (T, H)
        added = self.added
        if name_dropout:
            added = added * (torch.rand(len(added), 1, device=added.device) >= name_dropout)  # (N, H + 1)
        added = _sum_rows(added[self.above], self.column, len(self.leaves))  # (T, H + 1)
        return vectors + added[:, :-1], added[:, -1]


def _sum_rows(rows: Tensor, to: Tensor, size: int) -> Tensor:
    return rows.new_zeros(size, rows.shape[1]).index_add(0, to, rows)  # (size, W)


def _softmax_in_doc(scores: Tensor, doc: Tensor, size: int) -> Tensor:
    """Softmax over the pieces of each text. RETURNS (Tensor): (P, A)."""
    index = doc.unsqueeze(1).expand_as(scores)  # (P, A)
    top = scores.new_full((size, scores.shape[1]), -1e4).scatter_reduce(0, index, scores, "amax")  # (B, A)
    weights = (scores - top.detach()[doc]).exp()  # (P, A)
    total = _sum_rows(weights, doc, size)  # (B, A)
    return weights / total[doc].clamp(min=1e-6)


def path_loss(logits: Tensor, spans: Tensor, owner: Tensor) -> Tensor:
    """Negative log likelihood of gold paths: each of their categories should hold the probability of the leaves below.

    logits (Tensor): (B, T) scores of the leaves, in an order in which the leaves below any category are neighbours.
    spans (Tensor): (K, 2) first and last + 1 column below each gold category.
    owner (Tensor): (K,) its text.
    RETURNS (Tensor): (K,) losses.
    """
    log_probs = logits.log_softmax(dim=1)  # (B, T)
    place = torch.arange(logits.shape[1], device=logits.device)  # (T,)
    outside = (place < spans[:, :1]) | (place >= spans[:, 1:])  # (K, T)
    return -log_probs[owner].masked_fill(outside, float("-inf")).logsumexp(dim=1)  # (K,)


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
