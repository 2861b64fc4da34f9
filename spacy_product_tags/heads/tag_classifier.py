"""`TagClassifier`: facets of given tags, from their text, their place in the listing and the alias table.

All tags of all docs go through at once, as ragged rows: character n-grams of the tag (hashed, as fastText has them,
Joulin et al. 2017), the encoder's vectors of the characters that it stands on, the encoder's vectors of the whole doc
(each of a few learned queries attends to what it looks for), and the facets under which the alias table knows the text.
"""
from typing import Any, Callable, List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np
import torch
from spacy.tokens import Doc
from thinc.api import ArgsKwargs, Model, torch2xp, xp2torch
from thinc.types import Floats2d
from torch import Tensor, nn
from torch.nn import functional as F

from ..encoders.pieces import Pieces, no_backprop, spread, text_starts, with_pieces
from ..encoders.shim import ModuleShim
from ..text.ngrams import hash_ngrams

# Lengths of n-grams, and the characters that mark the ends of a text.
_LENGTHS = (1, 2, 3, 4)
_OPEN, _CLOSE = "\x02", "\x03"
# Queries that attend to a doc.
_QUERIES = 4


class TagRows(NamedTuple):
    """The tags of a batch.

    texts (List[str]): N texts.
    docs (ndarray): (N,) doc number of each.
    spans (ndarray): (N, 2) first and last character, counted over the texts of the batch; -1 = not in the text.
    aliases (Sequence[Sequence[int]]): Numbers of the facets under which the alias table knows each text.
    """

    texts: List[str]
    docs: np.ndarray
    spans: np.ndarray
    aliases: Sequence[Sequence[int]]


class Bags(NamedTuple):
    """Rows of ragged length: `values` of all rows, and where each row begins in them."""

    values: Tensor
    starts: Tensor


class HeadInput(NamedTuple):
    """What the head reads.

    vectors (Tensor): (1 + P, D) pieces of the docs; row 0 is for characters that no piece covers.
    piece_docs (Tensor): (P,) doc number of each piece.
    grams (Bags): Hashed n-grams of each tag.
    inside (Bags): Pieces of the characters that it stands on; none = not in the text.
    docs (Tensor): (N,) its doc number.
    aliases (Bags): Its facets in the alias table.
    """

    vectors: Tensor
    piece_docs: Tensor
    grams: Bags
    inside: Bags
    docs: Tensor
    aliases: Bags


InT = Tuple[List[Doc], TagRows]


def build_tag_classifier_v1(
    tok2vec: Model,
    hidden_width: int = 128,
    rows: int = 131072,
    embed_width: int = 32,
    dropout: float = 0.2,
    context: bool = True,
    lr_scale: float = 1.0,
    nO: Optional[int] = None,
) -> Model[InT, Floats2d]:
    """Build the model of `product_tag_classifier`.

    tok2vec (Model): Encoder, usually a listener: `spacy-product-tags.WordpieceListener.v1`,
        `spacy-product-tags.CharEncoder.v1`, or any of spaCy's that gives one row a token.
    hidden_width (int): Size of the head's hidden layers.
    rows (int): Rows of the table of hashed n-grams: many, as sharing them costs more than narrow ones do.
    embed_width (int): Width of its rows.
    dropout (float): The head's dropout.
    context (bool): Whether the doc counts; else only the tag's text and the alias table do, and no encoder runs.
    lr_scale (float): Factor on the head's learning rate: it starts from nothing, and on a pretrained encoder needs
        about ten times the encoder's.
    nO (Optional[int]): Number of facets; set when the component is initialized.
    RETURNS (Model[InT, Floats2d]): Takes docs and their tags, gives a logit for each tag and facet.
    """
    return Model(
        "tag_classifier",
        forward,
        init=init,
        layers=[tok2vec],
        shims=[ModuleShim(FacetHead, lr_scale)],
        refs={"tok2vec": tok2vec},
        dims={"nO": nO},
        attrs={
            "settings": {
                "hidden": hidden_width,
                "rows": rows,
                "embed": embed_width,
                "dropout": dropout,
                "context": context,
            },
            "n_aliases": 0,
        },
    )


def init(model: Model[InT, Floats2d], X: Optional[InT] = None, Y: Optional[Floats2d] = None) -> None:
    """Initialize the encoder and build the head anew; ``nO`` and the number of the table's facets must be set."""
    tok2vec = model.get_ref("tok2vec")
    tok2vec.initialize(X=X[0] if X is not None else None)
    sizes = {"width": tok2vec.get_dim("nO"), "n_facets": model.get_dim("nO"), "n_aliases": model.attrs["n_aliases"]}
    model.shims[0].setup(**sizes, **model.attrs["settings"])


def forward(model: Model[InT, Floats2d], X: InT, is_train: bool) -> Tuple[Floats2d, Callable]:
    """Score the tags of a batch.

    X (InT): Docs and their tags.
    RETURNS (Tuple[Floats2d, Callable]): (N, F) logits, and the backward pass, which takes their gradient.
    """
    docs, tags = X
    tok2vec, settings, shim = model.get_ref("tok2vec"), model.attrs["settings"], model.shims[0]
    # The last listener triggers the transformer's backward pass: it must run even when there is nothing for it.
    listens = is_train and any(hasattr(node, "upstream_name") for node in tok2vec.walk())
    nowhere = np.zeros(0, np.int64)
    pieces = Pieces(model.ops.alloc2f(0, tok2vec.get_dim("nO")), nowhere, nowhere)
    backprop_pieces: Callable[[Any], List[Doc]] = no_backprop
    if listens or (settings["context"] and tags.texts):
        pieces, backprop_pieces = with_pieces(tok2vec, docs, is_train)
    inputs = to_input(pieces, docs, tags, settings["rows"], shim.device)
    inputs.vectors.requires_grad_(is_train and settings["context"])
    logits, backprop_head = shim(ArgsKwargs((inputs,), {}), is_train)  # (N, F)

    def backprop(d_logits: Floats2d) -> List[Doc]:
        if tags.texts:
            backprop_head(ArgsKwargs(((logits,),), {"grad_tensors": (xp2torch(d_logits),)}))
        if inputs.vectors.grad is None:
            return backprop_pieces(model.ops.alloc2f(*pieces.vectors.shape))
        return backprop_pieces(torch2xp(inputs.vectors.grad[1:]))

    return torch2xp(logits.detach()), backprop


def to_input(
    pieces: Pieces, docs: Sequence[Doc], tags: TagRows, rows: int, device: Union[str, torch.device] = "cpu"
) -> HeadInput:
    """Put docs and tags together as tensors on the model's device.

    pieces (Pieces): The encoder's output.
    docs (Sequence[Doc]): The docs.
    tags (TagRows): Their tags.
    rows (int): Rows of the table of n-grams.
    device (Union[str, torch.device]): Where the head is.
    RETURNS (HeadInput): The batch.
    """
    begins = text_starts(docs)  # (B + 1,)
    piece_row, _, _ = spread(pieces, int(begins[-1]))  # (T,)
    lengths = np.where(tags.spans[:, 0] < 0, 0, tags.spans[:, 1] - tags.spans[:, 0] + 1)  # (N,)
    chars = np.repeat(tags.spans[:, 0], lengths) + _count_up(lengths)  # (C,)
    grams, counts = hash_texts(tags.texts, rows)
    aliases = np.array([number for own in tags.aliases for number in own], dtype=np.int64)
    vectors = xp2torch(pieces.vectors, device=device)  # (P, D)
    piece_docs = np.searchsorted(begins[1:], pieces.starts, side="right")  # (P,)
    return HeadInput(
        F.pad(vectors, (0, 0, 1, 0)).detach(),
        torch.from_numpy(piece_docs).to(device),
        _to_bags(grams, counts, device),
        _to_bags(piece_row[chars], lengths, device),
        torch.from_numpy(tags.docs).to(device),
        _to_bags(aliases, np.array([len(own) for own in tags.aliases], dtype=np.int64), device),
    )


def hash_texts(texts: Sequence[str], rows: int) -> Tuple[np.ndarray, np.ndarray]:
    """Hash the n-grams of texts and of the marks at their ends; ASCII case and full-width forms make no difference.

    There is no row for the whole text: of one that is new it would be the row of some other text, which cost 5 points
    of accuracy.

    texts (Sequence[str]): N texts.
    rows (int): Size of the table.
    RETURNS (Tuple[ndarray, ndarray]): (K,) hashes, text by text, and (N,) how many each has.
    """
    marked = [_OPEN + text + _CLOSE for text in texts]
    grams, places = hash_ngrams(marked, rows, chars=_LENGTHS)  # (K,) each
    ends = np.cumsum([len(text) for text in marked], dtype=np.int64)  # (N,)
    owner = np.searchsorted(ends, places, side="right")  # (K,)
    return grams[np.argsort(owner, kind="stable")], np.bincount(owner, minlength=len(texts))


def _count_up(lengths: np.ndarray) -> np.ndarray:
    """Count from 0 in each row of ragged length. RETURNS (ndarray): (sum of lengths,)."""
    return np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)


def _to_bags(values: np.ndarray, lengths: np.ndarray, device: torch.device) -> Bags:
    starts = np.cumsum(lengths) - lengths
    return Bags(*(torch.from_numpy(array.astype(np.int64)).to(device) for array in (values, starts)))


class FacetHead(nn.Module):
    """Score the facets of tags.

    width (int): Size D of the vectors that come in.
    n_facets (int): Number F of facets.
    n_aliases (int): Number A of the alias table's facets.
    hidden (int): Size H of the hidden layers.
    rows (int): Rows of the table of n-grams.
    embed (int): Their width E.
    dropout (float): Dropout; what the alias table says is left out as often for a whole tag, as it won't know all.
    context (bool): Whether the doc counts.
    """

    def __init__(
        self,
        width: int,
        n_facets: int,
        n_aliases: int,
        hidden: int = 128,
        rows: int = 131072,
        embed: int = 32,
        dropout: float = 0.2,
        context: bool = True,
    ) -> None:
        super().__init__()
        self.context = context
        self.grams = nn.Embedding(rows, embed)
        nn.init.normal_(self.grams.weight, 0.0, 0.02)
        self.spelling = nn.Linear(embed, hidden)
        self.aliases = nn.Embedding(max(n_aliases, 1), hidden)
        nn.init.zeros_(self.aliases.weight)
        if context:
            self.inside = nn.Linear(3 * width, hidden)
            self.absent = nn.Parameter(torch.zeros(hidden))
            self.attend = nn.Linear(width, _QUERIES)
            self.around = nn.Linear(_QUERIES * width, hidden)
        self.norm = nn.LayerNorm(hidden)
        self.dropout = nn.Dropout(dropout)
        self.mix = nn.Linear(hidden, hidden)
        self.facets = nn.Linear(hidden, n_facets)
        # Most facets are not a tag's.
        nn.init.constant_(self.facets.bias, -3.0)

    def forward(self, x: HeadInput) -> Tensor:
        """Score a batch. RETURNS (Tensor): (N, F) logits, one a facet: a tag may have several facets, or none."""
        if not len(x.docs):
            return x.vectors.new_zeros(0, len(self.facets.bias))
        tags = self.spelling(_pool(x.grams, self.grams.weight, "mean"))  # (N, H)
        known = _pool(x.aliases, self.aliases.weight, "mean")  # (N, H)
        tags = tags + known * F.dropout(known.new_ones(len(known), 1), self.dropout.p, self.training)  # (N, H)
        if self.context:
            tags = tags + self._look_inside(x) + self._look_around(x)[x.docs]  # (N, H)
        tags = self.dropout(self.norm(tags))  # (N, H)
        tags = tags + self.dropout(F.gelu(self.mix(tags)))  # (N, H)
        return self.facets(tags)  # (N, F)

    def _look_inside(self, x: HeadInput) -> Tensor:
        """Pool what each tag stands on: its first character, all, its last one. RETURNS (Tensor): (N, H)."""
        pieces, starts = x.inside
        ends = torch.cat([starts[1:], starts.new_tensor([len(pieces)])])  # (N,)
        placed = (ends > starts).nonzero()[:, 0]  # (M,) tags that stand in the text
        first, last = x.vectors[pieces[starts[placed]]], x.vectors[pieces[ends[placed] - 1]]  # (M, D) each
        mean = _pool(x.inside, x.vectors, "mean")[placed]  # (M, D)
        inside = self.inside(torch.cat([first, mean, last], dim=1))  # (M, H)
        return self.absent.repeat(len(starts), 1).index_copy(0, placed, inside)

    def _look_around(self, x: HeadInput) -> Tensor:
        """Pool each doc by the attention of each query; one without pieces is zeros. RETURNS (Tensor): (B, H)."""
        vectors = x.vectors[1:]  # (P, D)
        size = int(torch.cat([x.docs, x.piece_docs]).max()) + 1  # B: up to the last doc that has a tag or a piece
        scores = self.attend(vectors)  # (P, Q)
        rows = x.piece_docs.unsqueeze(1).expand(-1, _QUERIES)  # (P, Q)
        most = scores.new_zeros(size, _QUERIES).scatter_reduce(0, rows, scores.detach(), "amax", include_self=False)
        chances = (scores - most[x.piece_docs]).exp()  # (P, Q)
        total = scores.new_zeros(size, _QUERIES).index_add(0, x.piece_docs, chances)  # (B, Q)
        chances = chances / total[x.piece_docs]  # (P, Q)
        nothing = vectors.new_zeros(size, vectors.shape[1])
        pooled = [nothing.index_add(0, x.piece_docs, vectors * chance.unsqueeze(1)) for chance in chances.unbind(1)]
        return self.around(torch.cat(pooled, dim=1))  # (B, H)


def _pool(bags: Bags, table: Tensor, mode: str) -> Tensor:
    """Pool the rows of a table that each bag names; an empty bag gives zeros. RETURNS (Tensor): (N, H)."""
    return F.embedding_bag(bags.values, table, bags.starts, mode=mode)
