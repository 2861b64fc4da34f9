"""What the category head reads of a text: the encoder's pieces, hashed n-grams, and stretches of its title."""
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Texts(NamedTuple):
    """What the head reads of a batch.

    vectors (Tensor): (P, D) the encoder's pieces.
    doc (Tensor): (P,) text number of each, ascending.
    title (Tensor): (P,) whether the piece stands in the text's first line.
    grams (Tensor): (G,) hashed n-grams.
    gram_doc (Tensor): (G,) text number of each, ascending.
    gram_title (Tensor): (G,) whether it stands in the first line.
    stretches (Tensor): (S, E) name vectors of stretches of the titles; see `name_matcher`.
    features (Tensor): (S, F) what else is known of each.
    counts (Tensor): (B,) stretches of each text, which stand one text after the other.
    size (int): Texts B in the batch.
    """

    vectors: Tensor
    doc: Tensor
    title: Tensor
    grams: Tensor
    gram_doc: Tensor
    gram_title: Tensor
    stretches: Tensor
    features: Tensor
    counts: Tensor
    size: int


class PieceReader(nn.Module):
    """Average the encoder's pieces, those of the title and those of all of the text.

    width (int): Size D of the encoder's vectors.
    dropout (float): Dropout.
    """

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.width = 2 * width
        self.norm = nn.LayerNorm(2 * width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, texts: Texts) -> Tensor:
        """Read a batch. RETURNS (Tensor): (B, 2D), the title's first."""
        title = texts.title.unsqueeze(1).to(texts.vectors.dtype)  # (P, 1)
        parts = []
        for share in (title, torch.ones_like(title)):
            count = sum_rows(share, texts.doc, texts.size)  # (B, 1)
            parts.append(sum_rows(texts.vectors * share, texts.doc, texts.size) / count.clamp(min=1.0))  # (B, D)
        return self.dropout(self.norm(torch.cat(parts, dim=1)))  # (B, 2D)


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
        nn.init.normal_(self.vectors.weight, 0.0, 0.1)
        nn.init.zeros_(self.weights.weight)

    def forward(self, texts: Texts) -> Tensor:
        """Read a batch. RETURNS (Tensor): (B, 2W), the title's first."""
        grams, doc, title = texts.grams, texts.gram_doc, texts.gram_title
        if self.training and self.gram_dropout:
            seen = torch.rand(len(grams), device=grams.device) >= self.gram_dropout  # (G,)
            grams, doc, title = grams[seen], doc[seen], title[seen]
        weights = self.weights(grams).exp()  # (G, 1)
        vectors = self.vectors(grams) * weights  # (G, W)
        parts = []
        for share in (title.unsqueeze(1).to(weights.dtype), torch.ones_like(weights)):
            # As sums of independent vectors grow: long texts are no louder than short ones.
            norm = sum_rows(weights.square() * share, doc, texts.size)  # (B, 1)
            parts.append(sum_rows(vectors * share, doc, texts.size) / (norm + 1.0).sqrt())  # (B, W)
        return self.dropout(torch.cat(parts, dim=1))  # (B, 2W)


def sum_rows(rows: Tensor, to: Tensor, size: int) -> Tensor:
    """Sum up rows that belong together. RETURNS (Tensor): (size, W)."""
    return rows.new_zeros(size, rows.shape[1]).index_add(0, to, rows)
