"""`CharEncoder`: a small encoder over characters that trains from nothing, for use without a pretrained model.

Each character reads hashed n-grams around it and the Latin or digit run that it stands in (feature hashing as in
spaCy's `HashEmbed`, n-grams as in fastText); gated convolutions and self-attention with rotary positions (RoFormer,
Su et al. 2021) give it context.
"""
from typing import Callable, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import torch
from spacy.tokens import Doc
from thinc.api import ArgsKwargs, Model, torch2xp, xp2torch
from thinc.types import Floats2d
from torch import Tensor, nn
from torch.nn import functional as F

from ..text.chars import N_CLASSES, SubstringHash, classify, code_points, doc_index, run_bounds
from ..text.folding import fold_points
from .pieces import Pieces, no_backprop
from .shim import ModuleShim

# The n-grams that a character reads, as (first, behind the last) around it.
_NGRAMS = [(0, 1), (-1, 1), (0, 2), (-2, 1), (-1, 2), (0, 3), (-3, 1), (0, 4)]
_N_FEATURES = len(_NGRAMS) + 1
# Longest stretch that attends to itself, and what it sees of its neighbours on either side.
_WINDOW, _MARGIN = 256, 32
# Padded characters that are predicted at once.
_MAX_PADDED = 16384


class Features(NamedTuple):
    """What the network reads: windows of texts, padded.

    ngrams (Tensor): (W, L, 9) rows of the hash table; 0 = none.
    kinds (Tensor): (W, L) character classes.
    mask (Tensor): (W, L) whether there is a character.
    home (Tensor): (N,) places in the flattened windows that speak for their characters.
    """

    ngrams: Tensor
    kinds: Tensor
    mask: Tensor
    home: Tensor


class CharNetwork(nn.Module):
    """Encode characters.

    width (int): Size D of the vectors.
    depth (int): Number of attention layers.
    rows (int): Rows of the n-gram table.
    features (int): Size of an n-gram's vector.
    dropout (float): Dropout on the embeddings and at the end; half as much between the layers.
    word_dropout (float): Share of n-grams that are hidden in training.
    """

    def __init__(
        self, width: int, depth: int, rows: int, features: int, dropout: float, word_dropout: float
    ) -> None:
        super().__init__()
        self.word_dropout = word_dropout
        self.ngrams = nn.Embedding(rows, features, padding_idx=0)
        nn.init.normal_(self.ngrams.weight[1:], 0.0, 0.1)
        self.kinds = nn.Embedding(N_CLASSES, 16)
        self.project = nn.Linear(_N_FEATURES * features + 16, width)
        self.convolutions = nn.ModuleList(GatedConvolution(width, dilation) for dilation in (1, 2))
        self.attentions = nn.ModuleList(AttentionLayer(width, 4) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        self.set_dropout(dropout)

    def set_dropout(self, rate: float) -> None:
        """Set the rate of dropout. rate (float): On the embeddings and at the end; half as much between the layers."""
        self.dropout.p = rate
        for layer in (*self.convolutions, *self.attentions):
            layer.dropout.p = rate / 2

    def forward(self, features: Features) -> Tensor:
        """Encode a batch. RETURNS (Tensor): (N, D)."""
        ngrams = features.ngrams
        if self.training:
            ngrams = ngrams.masked_fill(torch.rand(ngrams.shape, device=ngrams.device) < self.word_dropout, 0)
        x = torch.cat([self.ngrams(ngrams).flatten(2), self.kinds(features.kinds)], dim=2)  # (W, L, 9 * E + 16)
        x = self.project(self.dropout(x))  # (W, L, D)
        for layer in (*self.convolutions, *self.attentions):
            x = layer(x, features.mask)
        return self.dropout(self.norm(x.flatten(0, 1)[features.home]))  # (N, D)


class GatedConvolution(nn.Module):
    """Residual gated convolution over three places (Dauphin et al. 2017)."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.convolve = nn.Conv1d(width, 2 * width, 3, padding=dilation, dilation=dilation)
        self.dropout = nn.Dropout()

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Mix neighbours in. x (Tensor): (W, L, D). mask (Tensor): (W, L). RETURNS (Tensor): (W, L, D)."""
        y = (self.norm(x) * mask.unsqueeze(2)).transpose(1, 2)  # (W, D, L)
        return x + self.dropout(F.glu(self.convolve(y).transpose(1, 2), dim=2))


class AttentionLayer(nn.Module):
    """Transformer layer, normalized first, with rotary positions."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attend_norm, self.feed_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.dropout = nn.Dropout()

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Attend. x (Tensor): (W, L, D). mask (Tensor): (W, L). RETURNS (Tensor): (W, L, D)."""
        w, length, width = x.shape
        parts = self.query_key_value(self.attend_norm(x)).view(w, length, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)  # (W, H, L, D / H) each
        y = F.scaled_dot_product_attention(_rotate(query), _rotate(key), value, mask[:, None, None, :])
        x = x + self.dropout(self.out(y.transpose(1, 2).reshape(w, length, width)))
        return x + self.dropout(self.narrow(F.gelu(self.widen(self.feed_norm(x)))))


def _rotate(x: Tensor) -> Tensor:
    """Turn pairs of features by an angle that grows with the place. RETURNS (Tensor): (W, H, L, E), as `x`."""
    length, width = x.shape[-2:]
    rates = 10000.0 ** (-torch.arange(0, width, 2, device=x.device) / width)  # (E / 2,)
    angles = torch.arange(length, device=x.device).unsqueeze(1) * rates  # (L, E / 2)
    sin, cos = angles.sin().to(x.dtype), angles.cos().to(x.dtype)
    even, odd = x[..., ::2], x[..., 1::2]
    return torch.stack([even * cos - odd * sin, odd * cos + even * sin], dim=-1).flatten(-2)


def build_char_encoder_v1(
    width: int = 192,
    depth: int = 2,
    rows: int = 50000,
    features: int = 32,
    dropout: float = 0.2,
    word_dropout: float = 0.1,
) -> Model[List[Doc], Pieces]:
    """Build an encoder over characters, for `tok2vec`.

    width (int): Size of the vectors; a multiple of 8.
    depth (int): Number of attention layers.
    rows (int): Rows of the n-gram table.
    features (int): Size of an n-gram's vector.
    dropout (float): Dropout on the embeddings and at the end, half as much between the layers, until a training run
        sets its own: ``[training] dropout``, as in spaCy's encoders.
    word_dropout (float): Share of n-grams that are hidden in training.
    RETURNS (Model[List[Doc], Pieces]): Gives one piece a character.
    """
    settings = {
        "width": width,
        "depth": depth,
        "rows": rows,
        "features": features,
        "dropout": dropout,
        "word_dropout": word_dropout,
    }
    return Model(
        "char_encoder",
        forward,
        init=init,
        shims=[ModuleShim(CharNetwork)],
        dims={"nO": width},
        attrs={"settings": settings, "dropout_rate": dropout},
    )


def init(model: Model[List[Doc], Pieces], X: Optional[List[Doc]] = None, Y: Optional[Floats2d] = None) -> None:
    """Build the network anew."""
    model.shims[0].setup(**model.attrs["settings"])


def forward(model: Model[List[Doc], Pieces], docs: List[Doc], is_train: bool) -> Tuple[Pieces, Callable]:
    """Encode the docs' characters. RETURNS (Tuple[Pieces, Callable]): One piece a character, and the backward pass."""
    texts = [doc.text for doc in docs]
    size = sum(map(len, texts))
    each = np.arange(size)
    if not size:
        return Pieces(model.ops.alloc2f(0, model.get_dim("nO")), each, each), no_backprop
    shim = model.shims[0]
    ngrams, kinds = _read(texts, model.attrs["settings"]["rows"])
    windows = cut_windows([len(text) for text in texts])
    if not is_train:
        vectors = None
        for group in _alike(windows):
            features, chars = _pad(ngrams, kinds, group, shim.device)
            part, _ = shim(ArgsKwargs((features,), {}), False)  # (N, D)
            vectors = part.new_empty(size, part.shape[1]) if vectors is None else vectors
            vectors[torch.from_numpy(chars).to(part.device)] = part
        return Pieces(torch2xp(vectors), each, each + 1), no_backprop
    # Windows come in the order of the text, and so do the characters that they speak for.
    features, _ = _pad(ngrams, kinds, windows, shim.device)
    shim.module.set_dropout(model.attrs["dropout_rate"])
    output, backprop_shim = shim(ArgsKwargs((features,), {}), True)

    def backprop(d_vectors: Floats2d) -> List[Doc]:
        backprop_shim(ArgsKwargs((output,), {"grad_tensors": xp2torch(d_vectors)}))
        return docs

    return Pieces(torch2xp(output.detach()), each, each + 1), backprop


def _read(texts: Sequence[str], rows: int) -> Tuple[np.ndarray, np.ndarray]:
    """Look the characters' features up. RETURNS (Tuple[ndarray, ndarray]): (T, 9) n-gram rows and (T,) classes."""
    points = code_points(texts)
    kinds, doc = classify(points), doc_index(texts)
    lengths = np.array([len(text) for text in texts])
    ends = np.cumsum(lengths)[doc]  # (T,)
    starts = ends - lengths[doc]  # (T,)
    hashed = SubstringHash(fold_points(points))
    each = np.arange(len(points))
    columns = []
    for seed, (first, last) in enumerate(_NGRAMS, 1):
        columns.append(hashed(np.maximum(each + first, starts), np.minimum(each + last, ends), rows - 1, seed) + 1)
    run_starts, run_ends = run_bounds(kinds, doc)
    run = hashed(run_starts, run_ends, rows - 1, 0) + 1
    columns.append(np.where(run_ends - run_starts > 1, run, 0))
    return np.stack(columns, axis=1), kinds


# First and behind-the-last character that a window sees, and of those that it speaks for.
Window = Tuple[int, int, int, int]


def cut_windows(lengths: Sequence[int]) -> List[Window]:
    """Cut long texts into windows that see some of their neighbours; short ones stay whole.

    lengths (Sequence[int]): Characters of each text of the batch.
    RETURNS (List[Window]): In the order of the text; every character belongs to one window.
    """
    windows = []
    begin = 0
    for length in lengths:
        for start in range(0, length, _WINDOW):
            end = min(start + _WINDOW, length)
            seen = max(start - _MARGIN, 0), min(end + _MARGIN, length)
            windows.append((begin + seen[0], begin + seen[1], begin + start, begin + end))
        begin += length
    return windows


def _alike(windows: Sequence[Window]) -> List[List[Window]]:
    """Group windows of like length up to a padded size. RETURNS (List[List[Window]]): The groups."""
    groups: List[List[Window]] = [[]]
    for window in sorted(windows, key=_length):
        if _length(window) * (len(groups[-1]) + 1) > _MAX_PADDED:
            groups.append([])
        groups[-1].append(window)
    return groups


def _length(window: Window) -> int:
    return window[1] - window[0]


def _pad(
    ngrams: np.ndarray, kinds: np.ndarray, windows: Sequence[Window], device: torch.device
) -> Tuple[Features, np.ndarray]:
    """Put windows side by side. RETURNS (Tuple[Features, ndarray]): The network's input, and (N,) whom it's for."""
    bounds = np.array(windows)  # (W, 4)
    places = np.arange((bounds[:, 1] - bounds[:, 0]).max())  # (L,)
    index = bounds[:, :1] + places  # (W, L)
    mask = index < bounds[:, 1:2]  # (W, L)
    own = (index >= bounds[:, 2:3]) & (index < bounds[:, 3:])  # (W, L)
    index[~mask] = 0
    arrays = (ngrams[index] * mask[..., None], kinds[index], mask, np.flatnonzero(own))
    return Features(*(torch.from_numpy(array).to(device) for array in arrays)), index[own]
