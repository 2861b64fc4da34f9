"""`ProductClassifier`: an encoder, n-grams of the text, stretches of its title, and the category head as one model."""
from typing import Any, Callable, List, Optional, Tuple

import numpy as np
from spacy.tokens import Doc
from thinc.api import ArgsKwargs, Model, torch2xp, xp2torch
from thinc.types import Floats2d

from ..encoders.pieces import Pieces, no_backprop, text_starts, with_pieces
from ..encoders.shim import ModuleShim
from ..text.ngrams import hash_ngrams

# Of each tree, the scores of its leaves.
OutT = List[Floats2d]
# So many words in a row, and so many letters of a word, are hashed.
_WORDS = (1, 2)
_LETTERS = (4, 5)


def build_product_classifier_v1(
    tok2vec: Optional[Model],
    dropout: float = 0.2,
    buckets: int = 65536,
    bag_width: int = 64,
    gram_dropout: float = 0.3,
    name_dropout: float = 0.3,
    name_words: int = 4,
    lr_scale: float = 1.0,
) -> Model[List[Doc], OutT]:
    """Build the model of `product_classifier`.

    tok2vec (Optional[Model]): Encoder, usually a listener: `spacy-product-tags.WordpieceListener.v1`, or any of spaCy's
        that gives one row a token; None = without.
    dropout (float): The head's dropout.
    buckets (int): Rows of the table of hashed n-grams; 0 = without.
    bag_width (int): Size of an n-gram's vector.
    gram_dropout (float): Share of n-grams that a training step leaves out.
    name_dropout (float): Share of categories that a training step knows by their names and ancestors only; what
        categories without examples need.
    name_words (int): Words of the longest stretch of a title that is compared with the categories' names, which works
        before any training; 0 = without.
    lr_scale (float): Factor on the head's learning rate: it starts from nothing.
    RETURNS (Model[List[Doc], OutT]): Takes docs, gives the logits of each tree's leaves.
    RAISES (ValueError): Where nothing is left to read, or a setting is outside its range.
    """
    # Imported here, or each command line call would wait for torch.
    from .category_head import CategoryHead

    shares = {"dropout": dropout, "gram_dropout": gram_dropout, "name_dropout": name_dropout}
    for name, share in shares.items():
        if not 0 <= share < 1:
            raise ValueError(f"[model] {name}: must be from 0 to below 1, not {share}")
    sizes = {"buckets": (buckets, 0), "name_words": (name_words, 0), "bag_width": (bag_width, 1)}
    for name, (size, least) in sizes.items():
        if size < least:
            raise ValueError(f"[model] {name}: must be {least} or more, not {size}")
    if tok2vec is None and not buckets and not name_words:
        raise ValueError("[model]: without tok2vec, buckets and name_words nothing is read; give at least one")
    settings = {**shares, "buckets": buckets, "bag_width": bag_width}
    return Model(
        "product_classifier",
        forward,
        init=init,
        layers=[] if tok2vec is None else [tok2vec],
        shims=[ModuleShim(CategoryHead, lr_scale)],
        refs={"tok2vec": tok2vec},
        attrs={"settings": settings, "name_words": name_words},
    )


def init(model: Model[List[Doc], OutT], X: Optional[List[Doc]] = None, Y: Any = None) -> None:
    """Initialize the encoder; the component builds the head, which needs the categories."""
    for layer in model.layers:
        layer.initialize(X=X)


def forward(model: Model[List[Doc], OutT], docs: List[Doc], is_train: bool) -> Tuple[OutT, Callable]:
    """Score a batch.

    docs (List[Doc]): The batch.
    RETURNS (Tuple[OutT, Callable]): Logits of each tree, (B, T), in training (parts * B, T), and the backward pass,
        which takes their gradients.
    """
    pieces, backprop_pieces = _read_pieces(model, docs, is_train)
    texts = _to_texts(model, pieces, docs, is_train)
    logits, backprop_head = model.shims[0](ArgsKwargs((texts,), {}), is_train)

    def backprop(d_logits: OutT) -> List[Doc]:
        gradients = tuple(xp2torch(d_logit) for d_logit in d_logits)
        backprop_head(ArgsKwargs((logits,), {"grad_tensors": gradients}))
        # The last listener triggers the transformer's backward pass: it must run even when there is nothing.
        if not len(texts.vectors):
            return backprop_pieces(model.ops.alloc2f(*pieces.vectors.shape))
        return backprop_pieces(torch2xp(texts.vectors.grad))

    return [torch2xp(tensor.detach()) for tensor in logits], backprop


def _read_pieces(model: Model[List[Doc], OutT], docs: List[Doc], is_train: bool) -> Tuple[Pieces, Callable]:
    if model.layers:
        return with_pieces(model.layers[0], docs, is_train)
    nowhere = np.zeros(0, dtype=np.int64)
    return Pieces(model.ops.alloc2f(0, 0), nowhere, nowhere), no_backprop


def _to_texts(model: Model[List[Doc], OutT], pieces: Pieces, docs: List[Doc], is_train: bool) -> Any:
    """Put all that is read together as tensors on the model's device. RETURNS (Texts): The batch."""
    import torch

    from .text_readers import Texts

    device, buckets = model.shims[0].device, model.attrs["settings"]["buckets"]
    texts = [doc.text for doc in docs]
    titles = [_title(text) for text in texts]
    begins = text_starts(docs)  # (B + 1,)
    # A listing is its title, a line break and its description.
    title_ends = np.array([len(title) for title in titles], dtype=np.int64) + begins[:-1]  # (B,)
    doc = np.searchsorted(begins, pieces.starts, side="right") - 1  # (P,)
    grams, starts = hash_ngrams(texts if buckets else [], buckets, words=_WORDS, letters=_LETTERS)  # (G,), (G,)
    gram_doc = np.searchsorted(begins, starts, side="right") - 1  # (G,)
    vectors = xp2torch(pieces.vectors, device=device).detach()  # (P, D)
    vectors.requires_grad_(is_train)
    arrays = (
        *(doc, pieces.starts < title_ends[doc]),
        *(grams, gram_doc, starts < title_ends[gram_doc]),
        *_read_names(model, titles),
    )
    tensors = [torch.from_numpy(np.ascontiguousarray(array)).to(device) for array in arrays]
    return Texts._make((vectors, *tensors, len(docs)))


def _title(text: str) -> str:
    """Cut off what stands behind the first line that is not blank. RETURNS (str): The text up to there."""
    blank = len(text) - len(text.lstrip())
    return text[:blank] + text[blank:].partition("\n")[0]


def _read_names(model: Model[List[Doc], OutT], titles: List[str]) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Encode stretches of titles as names. RETURNS: (S, E) vectors, (S, F) features, (B,) stretches of each title."""
    head = model.shims[0].module
    if not head.matchers:
        return np.zeros((0, 0)), np.zeros((0, 0)), np.zeros(len(titles), dtype=np.int64)
    from .name_matcher import find_stretches

    found = find_stretches(titles, model.attrs["name_words"])
    # Listings of a shop share most of their words.
    known = {text: number for number, text in enumerate(dict.fromkeys(found.texts))}
    vectors = head.encoder.encode(list(known))  # (U, E)
    rows = np.array([known[text] for text in found.texts], dtype=np.int64)  # (S,)
    return vectors[rows], found.features, found.counts
