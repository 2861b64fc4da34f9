"""The span head: finds labelled character spans, nested and overlapping ones too, in one pass over a batch.

Two steps. Every character gets a score for "a span starts here" and one for "a span ends here"; the pairs of likely
starts and ends are then classified (a facet, or none). The cost is that of a few small matrix products per character
plus one per pair, and only the last layer knows how many facets there are. The parts come from boundary-then-classify
span models (DyGIE++, Wadden et al. 2019; spaCy's SpanFinder and SpanCategorizer), here over characters, so that every
span can be represented whatever the tokens or wordpieces are.
"""
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..tag import ODDS_DIGITS
from ..text.chars import N_CLASSES

# Rows of the table of hashed characters.
CHAR_BUCKETS = 2048
# Widths are embedded one by one up to here, then by powers of two.
_EXACT_WIDTHS = 16
# Ends that a start is tried with at most.
_MOST_ENDS = 8
_MOST_STARTS_INSIDE = 4


class Units(NamedTuple):
    """What the head reads: vectors of pieces (wordpieces, tokens or characters) and how characters map to them.

    vectors (Tensor): (P, D) one vector a piece; row 0 is for characters that no piece covers.
    piece (Tensor): (T,) piece of each character.
    offset (Tensor): (T,) place of the character in its piece, from 0.
    rest (Tensor): (T,) characters behind it in its piece.
    bucket (Tensor): (T,) hashed character.
    kind (Tensor): (T,) character class.
    doc (Tensor): (T,) text number of the character, ascending.
    clue_chars (Tensor): (K,) characters of which something else is known, ascending; see `clues`.
    clue_rows (Tensor): (K,) what it is.
    """

    vectors: Tensor
    piece: Tensor
    offset: Tensor
    rest: Tensor
    bucket: Tensor
    kind: Tensor
    doc: Tensor
    clue_chars: Tensor
    clue_rows: Tensor

    def cut(self, low: int, high: int) -> "Units":
        """Cut out a stretch of characters. RETURNS (Units): Its characters, and all pieces."""
        begin, end = torch.searchsorted(self.clue_chars, torch.tensor([low, high], device=self.doc.device)).tolist()
        stretch = {name: getattr(self, name)[low:high] for name in ("piece", "offset", "rest", "bucket", "kind", "doc")}
        clues = {"clue_chars": self.clue_chars[begin:end] - low, "clue_rows": self.clue_rows[begin:end]}
        return self._replace(**stretch, **clues)


class SpanScores(NamedTuple):
    """What the head gives.

    boundaries (Tensor): (T, 2) logits of "a span starts here" and "a span ends with this character".
    pairs (Tensor): (N, 2) first and last character of each candidate span, counted over the batch.
    facets (Tensor): (N, 1 + F) logits of none and the facets.
    """

    boundaries: Tensor
    pairs: Tensor
    facets: Tensor


class SpanHead(nn.Module):
    """Score labelled character spans.

    width (int): Size D of the vectors that come in.
    n_facets (int): Number F of facets.
    hidden (int): Size H of the hidden layers.
    max_width (int): Longest span in characters.
    dropout (float): Dropout on the characters' vectors.
    threshold (float): Boundaries less likely than this propose no span.
    n_clues (int): Number of different clues; 0 = without.
    """

    def __init__(
        self,
        width: int,
        n_facets: int,
        hidden: int = 192,
        max_width: int = 128,
        dropout: float = 0.1,
        threshold: float = 0.05,
        n_clues: int = 0,
    ) -> None:
        super().__init__()
        self.max_width, self.threshold = max_width, threshold
        self.project = nn.Linear(width, hidden)
        self.chars = nn.Embedding(CHAR_BUCKETS, hidden)
        self.kinds = nn.Embedding(N_CLASSES, hidden)
        self.offsets = nn.Embedding(8, hidden)
        self.rests = nn.Embedding(8, hidden)
        self.widths = nn.Embedding(_EXACT_WIDTHS + 32, hidden)
        for table in (self.chars, self.kinds, self.offsets, self.rests, self.widths):
            nn.init.normal_(table.weight, 0.0, 0.02)
        # They begin at nothing, as if there were none.
        self.clues = nn.Embedding(n_clues, hidden) if n_clues else None
        if self.clues is not None:
            nn.init.zeros_(self.clues.weight)
        self.mix = nn.Linear(3 * hidden, 2 * hidden)
        self.norm = nn.LayerNorm(hidden)
        self.dropout = nn.Dropout(dropout)
        self.boundary = nn.Linear(hidden, 2)
        nn.init.constant_(self.boundary.bias, -2.0)
        # What a character means as the start, the inside and the end of a span.
        self.roles = nn.Linear(hidden, 3 * hidden)
        self.pair_norm = nn.LayerNorm(hidden)
        self.facets = nn.Linear(hidden, 1 + n_facets)

    def forward(self, units: Units, gold: Tensor) -> SpanScores:
        """Score a batch.

        units (Units): The batch.
        gold (Tensor): (G, 2) spans whose ends are made candidates whatever their score (training), else (0, 2).
        RETURNS (SpanScores): The scores.
        """
        if not len(units.doc):
            nothing = units.vectors.new_zeros(0, 2)
            return SpanScores(nothing, gold[:0], units.vectors.new_zeros(0, len(self.facets.bias)))
        x = self.project(units.vectors)[units.piece]  # (T, H)
        x = x + self.chars(units.bucket) + self.kinds(units.kind)  # (T, H)
        x = x + self.offsets(units.offset.clamp(max=7)) + self.rests(units.rest.clamp(max=7))  # (T, H)
        if self.clues is not None:
            x = x.index_add(0, units.clue_chars, self.clues(units.clue_rows))  # (T, H)
        x = self.dropout(self.norm(x + self._look_aside(x, units.doc)))  # (T, H)
        boundaries = self.boundary(x)  # (T, 2)
        pairs = self.propose(boundaries.detach(), units.doc, gold)  # (N, 2)
        start, inside, end = self.roles(x).chunk(3, dim=-1)  # (T, H) each
        total = _sums_in_doc(inside, units.doc)  # (T, H)
        first, last = pairs.unbind(1)  # (N,) each
        width = last - first + 1  # (N,)
        mean = (total[last] - (total - inside)[first]) / width.unsqueeze(1)  # (N, H)
        pair = start[first] + mean + end[last] + self.widths(_width_bucket(width))  # (N, H)
        facets = self.facets(self.dropout(F.gelu(self.pair_norm(pair))))  # (N, 1 + F)
        return SpanScores(boundaries, pairs, facets)

    def _look_aside(self, x: Tensor, doc: Tensor) -> Tensor:
        """Mix in the characters to the left and right, within a text. RETURNS (Tensor): (T, H)."""
        same = (doc[1:] == doc[:-1]).unsqueeze(1)  # (T - 1, 1)
        left = F.pad(x[:-1] * same, (0, 0, 1, 0))  # (T, H)
        right = F.pad(x[1:] * same, (0, 0, 0, 1))  # (T, H)
        return F.glu(self.mix(torch.cat([left, x, right], dim=1)), dim=1)  # (T, H)

    @torch.no_grad()
    def propose(self, boundaries: Tensor, doc: Tensor, gold: Tensor) -> Tensor:
        """Pair likely starts with likely ends.

        boundaries (Tensor): (T, 2) logits.
        doc (Tensor): (T,) text number of each character.
        gold (Tensor): (G, 2) spans whose ends always count as likely.
        RETURNS (Tensor): (N, 2) candidates, by start then end.
        """
        size = len(boundaries)
        # Or what is proposed would come and go with what else is in the batch.
        boundaries = boundaries.round(decimals=ODDS_DIGITS)  # (T, 2)
        likely = boundaries.sigmoid() > self.threshold  # (T, 2)
        likely[gold[:, 0], 0] = True
        likely[gold[:, 1], 1] = True
        starts, ends = likely[:, 0].nonzero()[:, 0], likely[:, 1].nonzero()[:, 0]  # (S,), (E,)
        doc_end = torch.searchsorted(doc, doc[starts], right=True)  # (S,)
        low = torch.searchsorted(ends, starts)  # (S,)
        high = torch.searchsorted(ends, torch.minimum(doc_end, starts + self.max_width))  # (S,)
        count = high - low  # (S,)
        first = starts.repeat_interleave(count)  # (N,)
        ahead = torch.arange(len(first), device=first.device) - (count.cumsum(0) - count).repeat_interleave(count)
        last = ends[low.repeat_interleave(count) + ahead]  # (N,)
        pairs = torch.stack([first, last], dim=1)  # (N, 2)
        wanted = _is_in(pairs, gold, size)  # (N,)
        # A span hardly ever runs over the sure starts of many others.
        sure = (boundaries[:, 0] > 0).cumsum(0)  # (T,)
        keep = (sure[last] - sure[first] <= _MOST_STARTS_INSIDE) | wanted  # (N,)
        pairs, wanted = pairs[keep], wanted[keep]
        # An untrained boundary layer proposes every pair: keep the likeliest ends of each start. A limit for the whole
        # batch would let a text's spans depend on the texts beside it.
        rank = boundaries[pairs[:, 1], 1]  # (N,)
        order = rank.argsort(descending=True, stable=True)
        order = order[pairs[order, 0].argsort(stable=True)]  # (N,) by start, then the likelier end
        begins = torch.searchsorted(pairs[:, 0].contiguous(), pairs[:, 0].contiguous())  # (N,)
        place = torch.empty_like(order)
        place[order] = torch.arange(len(order), device=order.device) - begins
        return pairs[(place < _MOST_ENDS) | wanted]


def _width_bucket(width: Tensor) -> Tensor:
    """Map widths from 1 to rows of the width table: exact when small, then by octave. RETURNS (Tensor): (N,)."""
    octave = torch.log2(width.float() / _EXACT_WIDTHS).mul(2).ceil().long()  # (N,)
    return torch.where(width <= _EXACT_WIDTHS, width - 1, _EXACT_WIDTHS - 1 + octave.clamp(0, 32))


def _sums_in_doc(x: Tensor, doc: Tensor) -> Tensor:
    """Sum up the rows from the start of their text. RETURNS (Tensor): (T, H)."""
    # In double precision, or a title's scores would depend on the titles before it in the batch.
    total = x.double().cumsum(0)  # (T, H)
    starts = torch.searchsorted(doc, doc)  # (T,)
    return (total - (total - x)[starts]).to(x.dtype)


def _is_in(pairs: Tensor, others: Tensor, size: int) -> Tensor:
    return torch.isin(pairs[:, 0] * size + pairs[:, 1], others[:, 0] * size + others[:, 1])  # (N,)
