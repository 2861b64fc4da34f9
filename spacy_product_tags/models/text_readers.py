"""What the category head reads of a text: the encoder's pieces, and hashed n-grams."""
from typing import NamedTuple

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
    spans (Tensor): (S, E) name vectors of stretches of the titles.
    span_features (Tensor): (S, F) what else is known of each.
    span_counts (Tensor): (B,) stretches of each text, which stand one text after the other.
    size (int): Texts B in the batch.
    """

    vectors: Tensor
    doc: Tensor
    title: Tensor
    grams: Tensor
    gram_doc: Tensor
    gram_title: Tensor
    spans: Tensor
    span_features: Tensor
    span_counts: Tensor
    size: int


class PieceReader(nn.Module):
    """Pool the encoder's pieces by attention, over the title and over all of the text.

    width (int): Size D of the encoder's vectors.
    hidden (int): Size H of a text's vector.
    dropout (float): Dropout.
    """

    def __init__(self, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.width = hidden
        self.attention = nn.Linear(width, 2 * _HEADS)
        self.norm = nn.LayerNorm(2 * _HEADS * width)
        self.hidden = nn.Linear(2 * _HEADS * width, hidden)
        self.dropout = nn.Dropout(dropout)

    def forward(self, texts: Texts) -> Tensor:
        """Read a batch. RETURNS (Tensor): (B, H)."""
        scores = self.attention(texts.vectors)  # (P, 2A)
        outside = ~texts.title.unsqueeze(1)  # (P, 1)
        # Half of the heads see the title only.
        scores = torch.cat([scores[:, :_HEADS].masked_fill(outside, -1e4), scores[:, _HEADS:]], dim=1)  # (P, 2A)
        weights = _softmax_in_doc(scores, texts.doc, texts.size)  # (P, 2A)
        # A head at a time: all at once would take eight times the memory of the pieces.
        pooled = [sum_rows(texts.vectors * weight.unsqueeze(1), texts.doc, texts.size) for weight in weights.T]
        x = self.hidden(self.dropout(self.norm(torch.cat(pooled, dim=1))))  # (B, H)
        return self.dropout(F.gelu(x))  # (B, H)


class GramReader(nn.Module):
    """Sum up the vectors of n-grams by learnt weights (fastText, Joulin et al. 2017): they see rare words.

    buckets (int): Rows of the table of n-grams.
    width (int): Size W of an n-gram's vector.
    gram_dropout (float): Share of n-grams that a training step leaves out.
    dropout (float): Dropout.
    """

    def __init__(self, buckets: int, width: int, gram_dropout: float, dropout: float) -> None:
        super().__init__()
        self.width, self.gram_dropout = 2 * width, gram_dropout
        self.vectors = nn.Embedding(buckets, width)
        self.weights = nn.Embedding(buckets, 1)
        self.dropout = nn.Dropout(dropout)
        nn.init.normal_(self.vectors.weight, 0.0, 0.1 / _GRAM_SCALE)
        nn.init.zeros_(self.weights.weight)

    def forward(self, texts: Texts) -> Tensor:
        """Read a batch. RETURNS (Tensor): (B, 2W), the title's first."""
        grams, doc, title = texts.grams, texts.gram_doc, texts.gram_title
        if self.training and self.gram_dropout:
            seen = torch.rand(len(grams), device=grams.device) >= self.gram_dropout  # (G,)
            grams, doc, title = grams[seen], doc[seen], title[seen]
        weights = self.weights(grams).exp()  # (G, 1)
        vectors = self.vectors(grams) * (weights * _GRAM_SCALE)  # (G, W)
        parts = []
        for share in (title.unsqueeze(1).to(weights.dtype), torch.ones_like(weights)):
            # As sums of independent vectors grow: long texts are no louder than short ones.
            norm = sum_rows(weights.square() * share, doc, texts.size)  # (B, 1)
            parts.append(sum_rows(vectors * share, doc, texts.size) / (norm + 1.0).sqrt())  # (B, W)
        return self.dropout(torch.cat(parts, dim=1))  # (B, 2W)


def sum_rows(rows: Tensor, to: Tensor, size: int) -> Tensor:
    """Sum up rows that belong together. RETURNS (Tensor): (size, W)."""
    return rows.new_zeros(size, rows.shape[1]).index_add(0, to, rows)


def _softmax_in_doc(scores: Tensor, doc: Tensor, size: int) -> Tensor:
    """Softmax over the pieces of each text. RETURNS (Tensor): (P, A)."""
    index = doc.unsqueeze(1).expand_as(scores)  # (P, A)
    top = scores.new_full((size, scores.shape[1]), -1e4).scatter_reduce(0, index, scores, "amax")  # (B, A)
    weights = (scores - top.detach()[doc]).exp()  # (P, A)
    total = sum_rows(weights, doc, size)  # (B, A)
    return weights / total[doc].clamp(min=1e-6)
