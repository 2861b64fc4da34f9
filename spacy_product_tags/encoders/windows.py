"""Windows: texts as wordpieces with their character offsets, long ones in several overlapping parts."""
from typing import Any, List, NamedTuple, Sequence, Tuple

import numpy as np
from spacy.tokens import Doc
from spacy_transformers.data_classes import TransformerData, WordpieceBatch
from spacy_transformers.layers import TransformerModel
from thinc.types import Ragged
from transformers.file_utils import ModelOutput

from ..graphemes import surrogates_replaced
from .backbone import BackboneShim
from .pieces import token_offsets

# Key in the model output under which a doc's data hold the offsets.
OFFSETS = "char_offsets"
# Padded wordpieces that are predicted at once.
_MAX_PADDED = 4096
# Longest over shortest in such a batch.
_MOST_PADDING = 1.2


class Window(NamedTuple):
    """One input of the transformer: a text, or a part of a long one."""

    doc: int
    ids: List[int]
    type_ids: List[int]
    strings: List[str]
    offsets: List[Tuple[int, int]]


class WordpieceData(TransformerData):
    """A doc's wordpieces, their vectors and character offsets. The token alignment is worked out when it is read."""

    def __init__(self, wordpieces: WordpieceBatch, model_output: ModelOutput, doc: Doc) -> None:
        self.wordpieces = wordpieces
        self.model_output = model_output
        self.token_starts, self.token_ends = token_offsets(doc)

    @property
    def align(self) -> Ragged:
        """Align tokens with the wordpieces that overlap them. RETURNS (Ragged): One row of indices a token."""
        offsets = self.model_output[OFFSETS].reshape(-1, 2)  # (W * L, 2)
        real = np.flatnonzero(offsets[:, 1] > offsets[:, 0])
        order = real[np.argsort(offsets[real, 0], kind="stable")]
        starts = offsets[order, 0]
        ends = np.maximum.accumulate(offsets[order, 1])
        low = np.searchsorted(ends, self.token_starts, side="right")  # (N,)
        high = np.maximum(np.searchsorted(starts, self.token_ends, side="left"), low)  # (N,)
        lengths = high - low
        flat = np.arange(lengths.sum()) + np.repeat(low - (np.cumsum(lengths) - lengths), lengths)
        return Ragged(order[flat].astype("i"), lengths.astype("i"))


def window_length(model: TransformerModel) -> int:
    """Give the most wordpieces that the transformer takes, special ones counted. RETURNS (int): The limit."""
    config = model.transformer.config
    limit = getattr(config, "max_position_embeddings", None) or 512
    # RoBERTa's positions start behind the padding index.
    if "roberta" in config.model_type or config.model_type in ("camembert", "xlm"):
        limit -= (config.pad_token_id or 0) + 1
    return min(limit, model.tokenizer.model_max_length)


def cut_windows(model: TransformerModel, texts: Sequence[str]) -> List[Window]:
    """Tokenize the texts, the long ones in overlapping windows.

    model (TransformerModel): The model.
    texts (Sequence[str]): The texts.
    RETURNS (List[Window]): At least one a text, in order.
    """
    shim: BackboneShim = model.layers[0].shims[0]
    limit = window_length(model)
    encodings = shim.encode(
        [surrogates_replaced(text) for text in texts], limit, min(model.attrs["stride"], limit // 4)
    )
    windows: List[Window] = []
    for number, encoding in enumerate(encodings):
        for part in (encoding, *encoding.overflowing):
            windows.append(Window(number, part.ids, part.type_ids, part.tokens, part.offsets))
        # A tokenizer without special tokens gives nothing for an empty text, but every doc needs its row.
        if not windows[-1].ids:
            windows[-1] = Window(number, [model.tokenizer.pad_token_id or 0], [0], [""], [(0, 0)])
    return windows


def group_alike(windows: List[Window]) -> List[List[int]]:
    """Group windows of like length, so that padding costs little. RETURNS (List[List[int]]): Indices."""
    order = sorted(range(len(windows)), key=[len(window.ids) for window in windows].__getitem__)
    groups: List[List[int]] = [[]]
    for i in order:
        shortest = len(windows[groups[-1][0]].ids) if groups[-1] else len(windows[i].ids)
        length = len(windows[i].ids)
        # A new batch costs about as much as padding by a sixth.
        if length * (len(groups[-1]) + 1) > _MAX_PADDED or length > shortest * _MOST_PADDING + 1:
            groups.append([])
        groups[-1].append(i)
    return groups


def to_batch(model: TransformerModel, windows: List[Window]) -> WordpieceBatch:
    lengths = [len(window.ids) for window in windows]
    ids = np.full((len(windows), max(lengths)), model.tokenizer.pad_token_id or 0, dtype=np.int64)  # (W, L)
    types = np.zeros_like(ids)
    mask = np.zeros(ids.shape, dtype="f")
    for row, window in enumerate(windows):
        ids[row, : lengths[row]] = window.ids
        types[row, : lengths[row]] = window.type_ids
        mask[row, : lengths[row]] = 1.0
    with_types = "token_type_ids" in model.tokenizer.model_input_names
    return WordpieceBatch([window.strings for window in windows], ids, mask, lengths, types if with_types else None)


def split_windows(
    model: TransformerModel, docs: List[Doc], windows: List[Window], vectors: List[Any], width: int = 0
) -> List[TransformerData]:
    """Give each doc its windows, padded to the longest (or to `width`). RETURNS (List[TransformerData]): One a doc."""
    data: List[TransformerData] = []
    begin = 0
    for number, doc in enumerate(docs):
        end = begin + 1
        while end < len(windows) and windows[end].doc == number:
            end += 1
        own = windows[begin:end]
        length = width or max(len(window.ids) for window in own)
        offsets = np.zeros((len(own), length, 2), dtype=np.int64)  # (W, L, 2)
        for row, window in enumerate(own):
            offsets[row, : len(window.offsets)] = window.offsets
        xp = model.ops.xp
        if end - begin == 1:
            hidden = vectors[begin][None]  # (1, L, D)
        else:
            hidden = xp.zeros((len(own), length, vectors[begin].shape[1]), dtype="f")  # (W, L, D)
            for row in range(len(own)):
                hidden[row, : len(vectors[begin + row])] = vectors[begin + row]
        output = ModelOutput(last_hidden_state=hidden)
        output[OFFSETS] = _once_each(offsets)
        data.append(WordpieceData(to_batch(model, own), output, doc))
        begin = end
    return data


def _once_each(offsets: np.ndarray) -> np.ndarray:
    """Leave each stretch that two windows share to the one in which it lies farther from the edge.

    offsets (ndarray): (W, L, 2); special wordpieces are (0, 0).
    RETURNS (ndarray): (W, L, 2) with (0, 0) for wordpieces that the other window speaks for.
    """
    for row in range(1, len(offsets)):
        shared_from = offsets[row][offsets[row, :, 1] > offsets[row, :, 0]][:1, 0]
        shared_to = offsets[row - 1, :, 1].max()
        if len(shared_from) and shared_from[0] < shared_to:
            middle = (shared_from[0] + shared_to) // 2
            offsets[row - 1][offsets[row - 1, :, 0] >= middle] = 0
            offsets[row][offsets[row, :, 0] < middle] = 0
    return offsets
