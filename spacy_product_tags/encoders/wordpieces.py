"""Layers that hand the shared transformer's wordpieces, not tokens, to a head."""
from typing import Any, Callable, Dict, List, Tuple

import numpy as np
from spacy.tokens import Doc
from spacy_transformers.data_classes import TransformerData
from spacy_transformers.layers import TransformerListener, split_trf_batch
from thinc.api import Model, chain
from thinc.types import Floats2d, Ragged
from transformers.file_utils import ModelOutput

from .pieces import Pieces, no_backprop, text_starts, token_offsets
from .transformer import build_transformer_model_v1
from .windows import OFFSETS


def build_wordpiece_listener_v1(upstream: str = "*", grad_factor: float = 1.0) -> Model[List[Doc], Pieces]:
    """Listen to the shared transformer and give its wordpieces with their character offsets.

    The offsets are the fast tokenizer's where the transformer is `spacy-product-tags.TransformerModel.v1`. Behind
    spacy-transformers' own model they come from its token alignment: exact where a token has one wordpiece a
    character, as in Chinese, and else one piece a token.

    upstream (str): Name of the transformer component; "*" = whichever there is.
    grad_factor (float): Factor on the gradients that go back; 0 leaves the transformer as it is.
    RETURNS (Model[List[Doc], Pieces]): The layer.
    """
    return _with_pieces(TransformerListener(upstream), grad_factor)


def build_wordpiece_transformer_v1(
    name: str,
    tokenizer_config: Dict[str, Any] = {"use_fast": True},
    transformer_config: Dict[str, Any] = {},
    mixed_precision: bool = False,
    grad_scaler_config: Dict[str, Any] = {},
    stride: int = 64,
    grad_factor: float = 1.0,
) -> Model[List[Doc], Pieces]:
    """Build a transformer of the head's own, as `nlp.replace_listeners` puts in a listener's place.

    grad_factor (float): Factor on the gradients. The other arguments are those of the shared transformer's model.
    RETURNS (Model[List[Doc], Pieces]): The layer.
    """
    transformer = build_transformer_model_v1(
        name, tokenizer_config, transformer_config, mixed_precision, grad_scaler_config, stride
    )
    return _with_pieces(chain(transformer, split_trf_batch()), grad_factor)


def _with_pieces(source: Model[List[Doc], List[TransformerData]], grad_factor: float) -> Model[List[Doc], Pieces]:
    return Model(
        "wordpieces", forward, init=init, layers=[source], dims={"nO": None}, attrs={"grad_factor": grad_factor}
    )


def init(model: Model[List[Doc], Pieces], X: Any = None, Y: Any = None) -> None:
    """Take over the transformer's width."""
    source = model.layers[0]
    # The width stands on the listener, or on the transformer once that has taken the listener's place.
    node = source.layers[0] if source.layers else source
    node.initialize(X=X)
    if not node.has_dim("nO"):
        raise ValueError(_NO_TRANSFORMER)
    model.set_dim("nO", node.get_dim("nO"), force=True)


_NO_TRANSFORMER = (
    "this component listens to a transformer, and there is none ahead of it in the pipeline. Add it first, from the "
    "pipeline that this component comes from: nlp.add_pipe('transformer', source=source_nlp, first=True); or give "
    "the component a transformer of its own before sourcing it: source_nlp.replace_listeners('transformer', "
    "'product_tag_generator', ['model.tok2vec'])"
)


def forward(model: Model[List[Doc], Pieces], docs: List[Doc], is_train: bool) -> Tuple[Pieces, Callable]:
    """Give the wordpieces of the docs.

    docs (List[Doc]): The batch.
    RETURNS (Tuple[Pieces, Callable]): The pieces, and the backward pass from the gradient of their vectors.
    RAISES (ValueError): Where no transformer has run on the docs.
    """
    source = model.layers[0]
    # In training the transformer has left its output with the listener, unless it is frozen.
    if isinstance(source, TransformerListener) and not (is_train and source._batch_id is not None):
        # The listener itself would hand on zeros.
        if not Doc.has_extension("trf_data") or any(doc._.trf_data is None for doc in docs):
            raise ValueError(_NO_TRANSFORMER)
    outputs, backprop_source = source(docs, is_train)
    begins = text_starts(docs)
    rows, counts, starts, ends = [], [], [], []
    flat: List[Floats2d] = []
    base = 0
    for doc, data, begin in zip(docs, outputs, begins):
        if "last_hidden_state" not in data.model_output:
            continue
        hidden = data.model_output.last_hidden_state  # (W, L, D)
        flat.append(hidden.reshape(-1, hidden.shape[-1]))  # (W * L, D)
        row, count, start, end = _from_offsets(data) if OFFSETS in data.model_output else _from_tokens(doc, data)
        rows.append(row + base)
        counts.append(count)
        starts.append(start + begin)
        ends.append(end + begin)
        base += len(flat[-1])
    ops, xp = model.ops, model.ops.xp
    if not flat:
        none = np.zeros(0, np.int64)
        return Pieces(ops.alloc2f(0, model.get_dim("nO")), none, none), no_backprop
    index = ops.asarray(np.concatenate(rows))  # (R,)
    lengths = ops.asarray1i(np.concatenate(counts))  # (P,)
    pooled = len(index) != len(lengths)
    everything = xp.concatenate(flat)  # (sum of W * L, D)
    vectors = everything[index]  # (R, D)
    if pooled:
        vectors = ops.reduce_mean(vectors, lengths)  # (P, D)

    def backprop(d_vectors: Floats2d) -> List[Doc]:
        if pooled:
            d_vectors = ops.backprop_reduce_mean(d_vectors, lengths)  # (R, D)
        d_flat = ops.alloc2f(*everything.shape)
        ops.scatter_add(d_flat, index, d_vectors * model.attrs["grad_factor"])
        parts = iter(ops.unflatten(d_flat, [len(part) for part in flat]))
        # Of a doc without wordpieces spacy-transformers' own model takes no gradient.
        return backprop_source([_like(data, parts) for data in outputs if "last_hidden_state" in data.model_output])

    return Pieces(vectors, np.concatenate(starts), np.concatenate(ends)), backprop


def _like(data: TransformerData, parts: Any) -> TransformerData:
    output = ModelOutput(last_hidden_state=next(parts).reshape(data.model_output.last_hidden_state.shape))
    return TransformerData(data.wordpieces, output, Ragged(np.zeros(0, "i"), np.zeros(0, "i")))


Rows = Tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _from_offsets(data: TransformerData) -> Rows:
    """Take the offsets that our transformer keeps. RETURNS (Rows): Rows, rows a piece, starts, ends."""
    offsets = np.asarray(data.model_output[OFFSETS]).reshape(-1, 2)  # (W * L, 2)
    rows = np.flatnonzero(offsets[:, 1] > offsets[:, 0])  # (P,)
    return rows, np.ones(len(rows), np.int64), offsets[rows, 0], offsets[rows, 1]


def _from_tokens(doc: Doc, data: TransformerData) -> Rows:
    """Work out offsets from the token alignment. RETURNS (Rows): Rows, rows a piece, starts, ends."""
    starts, ends = token_offsets(doc)
    lengths = np.asarray(data.align.lengths, dtype=np.int64)  # (N,)
    rows = np.asarray(data.align.dataXd, dtype=np.int64).ravel()  # (R,)
    single = lengths == ends - starts  # one wordpiece a character
    kept = lengths > 0
    counts = np.repeat(np.where(single, 1, lengths)[kept], np.where(single, lengths, 1)[kept])  # (P,)
    pieces = np.where(single, lengths, 1)[kept]  # pieces a token
    within = np.arange(len(counts)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    first = np.repeat(starts[kept], pieces) + within
    last = np.where(np.repeat(single[kept], pieces), first + 1, np.repeat(ends[kept], pieces))
    return rows, counts, first, last


