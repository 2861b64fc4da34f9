"""`TagGenerator`: an encoder, its pieces, and the span head as one thinc model."""
from typing import Callable, List, Optional, Tuple

import numpy as np
import torch
from spacy.tokens import Doc
from thinc.api import ArgsKwargs, Model, torch2xp, xp2torch
from thinc.types import Floats2d, Ints1d, Ints2d

from ..encoders.pieces import Pieces, spread, with_pieces
from ..encoders.shim import ModuleShim
from ..text.chars import SubstringHash, classify, code_points, doc_index
from ..text.folding import fold_points
from .clues import KINDS, Lexicon, count_rows, find_clues
from .span_head import CHAR_BUCKETS, SpanHead, SpanScores, Units

# (docs, gold spans as (G, 2) first and last character over the batch; no rows when predicting)
InT = Tuple[List[Doc], Ints2d]
# Characters that the head takes at once when it predicts.
STRETCH = 16384


def build_tag_generator_v1(
    tok2vec: Model,
    hidden_width: int = 192,
    max_width: int = 128,
    dropout: float = 0.1,
    threshold: float = 0.05,
    lr_scale: float = 1.0,
    clues: List[str] = [],
    lexicon_dropout: float = 0.3,
    nO: Optional[int] = None,
) -> Model[InT, SpanScores]:
    """Build the model of `product_tag_generator`.

    tok2vec (Model): Encoder, usually a listener: `spacy-product-tags.WordpieceListener.v1`,
        `spacy-product-tags.CharEncoder.v1`, or any of spaCy's that gives one row a token.
    hidden_width (int): Size of the head's hidden layers.
    max_width (int): Longest tag in characters.
    dropout (float): The head's dropout.
    threshold (float): Span ends less likely than this propose no span; lower is slower and finds more.
    lr_scale (float): Factor on the head's learning rate: it starts from nothing, and on a pretrained encoder needs
        about ten times the encoder's.
    clues (List[str]): What the head is told beside the text, of ``words`` (where the tokenizer's words begin and
        end), ``pos`` (their part of speech), ``promotions`` (which are promotion words, as `product_preprocessor` says)
        and ``lexicon`` (in which known values of which facet a character stands; these come from
        ``[initialize.components.product_tag_generator] aliases``, and later from `add_words`).
    lexicon_dropout (float): Share of the known values that a training step passes over.
    nO (Optional[int]): Number of facets; set when the component is initialized.
    RETURNS (Model[InT, SpanScores]): Takes docs and gold spans, gives the scores of candidate spans.
    RAISES (ValueError): On a setting outside its range.
    """
    if not set(clues) <= set(KINDS) or len(set(clues)) < len(clues):
        raise ValueError(f"[model] clues: must be of {', '.join(KINDS)}, each once, not {list(clues)}")
    if not 0 <= lexicon_dropout < 1:
        raise ValueError(f"[model] lexicon_dropout: must be from 0 to below 1, not {lexicon_dropout}")
    settings = {"hidden": hidden_width, "max_width": max_width, "dropout": dropout, "threshold": threshold}
    return Model(
        "tag_generator",
        forward,
        init=init,
        layers=[tok2vec],
        shims=[ModuleShim(SpanHead, lr_scale), *([Lexicon()] if "lexicon" in clues else [])],
        refs={"tok2vec": tok2vec},
        dims={"nO": nO},
        attrs={"settings": settings, "clues": list(clues), "lexicon_dropout": lexicon_dropout, "facets": []},
    )


def init(model: Model[InT, SpanScores], X: Optional[InT] = None, Y: Optional[Ints1d] = None) -> None:
    """Initialize the encoder and build the head anew; the facet number ``nO`` must be set."""
    tok2vec = model.get_ref("tok2vec")
    docs = X[0] if X is not None else None
    tok2vec.initialize(X=docs)
    width = tok2vec.get_dim("nO")
    n_facets = model.get_dim("nO")
    n_clues = count_rows(model.attrs["clues"], len(model.attrs["facets"]))
    model.shims[0].setup(width=width, n_facets=n_facets, n_clues=n_clues, **model.attrs["settings"])


def forward(model: Model[InT, SpanScores], X: InT, is_train: bool) -> Tuple[SpanScores, Callable]:
    """Score a batch.

    X (InT): Docs, and the gold spans in training.
    RETURNS (Tuple[SpanScores, Callable]): Scores as arrays, and the backward pass, which takes the gradients of
        `boundaries` and `facets`.
    """
    docs, gold = X
    pieces, backprop_pieces = with_pieces(model.get_ref("tok2vec"), docs, is_train)
    shim: ModuleShim = model.shims[0]
    units = _to_units(model, pieces, docs, is_train)
    spans = xp2torch(np.asarray(gold, dtype=np.int64).reshape(-1, 2), device=units.doc.device)  # (G, 2)
    if not is_train:
        return _to_arrays(_predict(shim, units, model.attrs["settings"]["max_width"])), backprop_pieces
    scores, backprop_head = shim(ArgsKwargs((units, spans), {}), True)

    def backprop(d_scores: Tuple[Floats2d, Floats2d]) -> List[Doc]:
        if len(units.doc):
            d_outputs = tuple(xp2torch(d_score) for d_score in d_scores)
            backprop_head(ArgsKwargs(((scores.boundaries, scores.facets),), {"grad_tensors": d_outputs}))
            return backprop_pieces(torch2xp(units.vectors.grad[1:]))
        # The last listener triggers the transformer's backward pass: it must run even when there is nothing.
        return backprop_pieces(model.ops.alloc2f(*pieces.vectors.shape))

    return _to_arrays(scores), backprop


def _to_units(model: Model[InT, SpanScores], pieces: Pieces, docs: List[Doc], is_train: bool) -> Units:
    """Put pieces, characters and clues together as tensors on the model's device. RETURNS (Units): The batch."""
    device, texts = model.shims[0].device, [doc.text for doc in docs]
    points = code_points(texts)  # (T,)
    folded = fold_points(points)
    each = np.arange(len(points))
    bucket = SubstringHash(folded)(each, each + 1, CHAR_BUCKETS, 0)  # (T,)
    row, offset, rest = spread(pieces, len(points))
    facets = {facet: number for number, facet in enumerate(model.attrs["facets"], 1)}
    masked = model.attrs["lexicon_dropout"] if is_train else 0.0
    clues = find_clues(docs, model.attrs["clues"], find_lexicon(model), facets, masked)
    arrays = (row, offset, rest, bucket, classify(points), doc_index(texts), clues.chars, clues.rows)
    vectors = xp2torch(pieces.vectors, device=device)  # (P, D)
    vectors = torch.nn.functional.pad(vectors, (0, 0, 1, 0)).detach()  # (1 + P, D)
    vectors.requires_grad_(is_train)
    return Units(vectors, *(torch.from_numpy(array).to(device) for array in arrays))


def find_lexicon(model: Model[InT, SpanScores]) -> Optional[Lexicon]:
    """Give a model's lexicon. RETURNS (Optional[Lexicon]): None where it has none."""
    return next((shim for shim in model.shims if isinstance(shim, Lexicon)), None)


def _predict(shim: ModuleShim, units: Units, max_width: int) -> SpanScores:
    """Score without a backward pass, a stretch of the batch at a time: a megabyte of text needs no more memory.

    Every span belongs to the stretch that it starts in; the stretch is read one character to the left (the head looks
    that far aside) and the widest span to the right, so the scores are those of a single pass.
    """
    size = len(units.doc)
    nothing = torch.zeros((0, 2), dtype=torch.long, device=units.doc.device)
    parts: List[SpanScores] = []
    for start in range(0, max(size, 1), STRETCH):
        end = min(start + STRETCH, size)
        low, high = max(start - 1, 0), min(end + max_width + 1, size)
        part = units.cut(low, high)
        scores, _ = shim(ArgsKwargs((part, nothing), {}), False)
        pairs = scores.pairs + low  # (N, 2)
        own = (pairs[:, 0] >= start) & (pairs[:, 0] < end)  # (N,)
        parts.append(SpanScores(scores.boundaries[start - low : end - low], pairs[own], scores.facets[own]))
    return SpanScores(*(torch.cat(column) for column in zip(*parts)))


def _to_arrays(scores: SpanScores) -> SpanScores:
    return SpanScores(*(torch2xp(tensor.detach()) for tensor in scores))
