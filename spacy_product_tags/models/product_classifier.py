"""`ProductClassifier`: an encoder, n-grams of the text, and the category head as one thinc model."""
from typing import Any, Callable, List, Optional, Tuple

import numpy as np
from spacy.tokens import Doc
from thinc.api import ArgsKwargs, Model, get_torch_default_device, torch2xp, xp2torch
from thinc.types import Floats2d

from .ngrams import hash_ngrams
from .pieces import Pieces, text_starts, with_pieces
from .shim import ModuleShim

# Of each tree, the scores of its leaves.
OutT = List[Floats2d]
# So many words in a row, and so many letters of a word, are hashed.
_WORDS = (1, 2)
_LETTERS = (4, 5)


def build_product_classifier_v1(
    tok2vec: Model,
    hidden_width: int = 256,
    dropout: float = 0.2,
    buckets: int = 65536,
    bag_width: int = 64,
    gram_dropout: float = 0.3,
    name_dropout: float = 0.3,
    lr_scale: float = 1.0,
) -> Model[List[Doc], OutT]:
    """Build the model of `product_classifier`.

    tok2vec (Model): Encoder, usually a listener: `spacy-product-tags.WordpieceListener.v1`, or any of spaCy's that
        gives one row a token.
    hidden_width (int): Size of the vectors of texts and categories.
    dropout (float): The head's dropout.
    buckets (int): Rows of the table of hashed n-grams; 0 = the encoder only.
    bag_width (int): Size of an n-gram's vector.
    gram_dropout (float): Share of n-grams that a training step leaves out.
    name_dropout (float): Share of categories that a training step knows by their names and ancestors only; what
        categories without examples need.
    lr_scale (float): Factor on the head's learning rate: it starts from nothing.
    RETURNS (Model[List[Doc], OutT]): Takes docs, gives the logits of each tree's leaves.
    """
    # Imported here, or each command line call would wait for torch.
    from .category_head import CategoryHead

    settings = {
        "hidden": hidden_width,
        "dropout": dropout,
        "buckets": buckets,
        "bag_width": bag_width,
        "gram_dropout": gram_dropout,
        "name_dropout": name_dropout,
    }
    return Model(
        "product_classifier",
        forward,
        init=init,
        layers=[tok2vec],
        shims=[ModuleShim(CategoryHead, lr_scale)],
        refs={"tok2vec": tok2vec},
        attrs={"settings": settings},
    )


def init(model: Model[List[Doc], OutT], X: Optional[List[Doc]] = None, Y: Any = None) -> None:
    """Initialize the encoder; the component builds the head, which needs the categories."""
    model.get_ref("tok2vec").initialize(X=X)


def forward(model: Model[List[Doc], OutT], docs: List[Doc], is_train: bool) -> Tuple[OutT, Callable]:
    """Score a batch.

    docs (List[Doc]): The batch.
    RETURNS (Tuple[OutT, Callable]): (B, T) logits of each tree, and the backward pass, which takes their gradients.
    """
    pieces, backprop_pieces = with_pieces(model.get_ref("tok2vec"), docs, is_train)
    texts = _to_texts(pieces, docs, is_train, model.attrs["settings"]["buckets"])
    logits, backprop_head = model.shims[0](ArgsKwargs((texts,), {}), is_train)

    def backprop(d_logits: OutT) -> List[Doc]:
        gradients = tuple(xp2torch(d_logit) for d_logit in d_logits)
        backprop_head(ArgsKwargs((logits,), {"grad_tensors": gradients}))
        # The last listener triggers the transformer's backward pass: it must run even when there is nothing.
        if not len(texts.vectors):
            return backprop_pieces(model.ops.alloc2f(*pieces.vectors.shape))
        return backprop_pieces(torch2xp(texts.vectors.grad))

    return [torch2xp(tensor.detach()) for tensor in logits], backprop


def _to_texts(pieces: Pieces, docs: List[Doc], is_train: bool, buckets: int) -> Any:
    """Put pieces and n-grams together as tensors on the model's device. RETURNS (Texts): The batch."""
    import torch

    from .category_head import Texts

    device = get_torch_default_device()
    texts = [doc.text for doc in docs]
    begins = text_starts(docs)  # (B + 1,)
    # A listing is its title, a line break and its description.
    titles = np.array([len(text.partition("\n")[0]) for text in texts], dtype=np.int64) + begins[:-1]  # (B,)
    doc = np.searchsorted(begins, pieces.starts, side="right") - 1  # (P,)
    grams, starts = hash_ngrams(texts if buckets else [], buckets, words=_WORDS, letters=_LETTERS)  # (G,), (G,)
    gram_doc = np.searchsorted(begins, starts, side="right") - 1  # (G,)
    vectors = xp2torch(pieces.vectors, device=device).detach()  # (P, D)
    vectors.requires_grad_(is_train)
    arrays = (doc, pieces.starts < titles[doc], grams, gram_doc, starts < titles[gram_doc])
    return Texts(vectors, *(torch.from_numpy(np.ascontiguousarray(array)).to(device) for array in arrays), len(docs))

