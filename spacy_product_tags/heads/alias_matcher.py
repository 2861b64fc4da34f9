"""`AliasMatcher`: tags by likeness to known values. A frozen encoder and an alias table, and nothing to train.

Known values that stand in the text as they are known (case and width aside) are sure; of those within one another the
longest counts. Elsewhere each run of tokens is compared with all values: the mean of the encoder's vectors of its
characters with that of the value, encoded alone, by the cosine after what all values share is taken out (the mean and
the first principal components: "all but the top", Mu and Viswanath 2018).
"""
from functools import partial
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np
import torch
from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import minibatch
from thinc.api import ArgsKwargs, Model, xp2torch
from thinc.types import Floats2d, Ints1d
from torch import Tensor, nn
from torch.nn import functional as F

from ..encoders.pieces import Pieces, no_backprop, spread, text_starts, with_pieces
from ..encoders.shim import ModuleShim
from ..graphemes import inside_clusters
from ..text.chars import classify, code_points, doc_index
from ..text.folding import fold_in_place
from ..values.index import AliasIndex
from .alias_spans import KnownTexts, find_runs, overlap_any
from .span_head import SpanScores
from .tag_generator import InT

# Facet number and folded text
Key = Tuple[int, str]
# Logits of what is as good as impossible, and of a known value at least; a long one gets nearly as much more as
# `_LONGER`, so that of two that cross, or stand in one another, the longer counts.
_NEVER, _SURE, _LONGER = -30.0, 8.0, 4.0
# Cosines that are worked out at once.
_MOST_COSINES = 2**23
_ENCODED_AT_ONCE = 256


def build_alias_matcher_v1(
    tok2vec: Model,
    max_tokens: int = 6,
    max_width: int = 64,
    threshold: float = 0.85,
    scale: float = 20.0,
    remove: int = 0,
    nO: Optional[int] = None,
) -> Model[InT, SpanScores]:
    """Build a model of `product_tag_generator` that compares with known values and learns nothing.

    The values come from ``[initialize.components.product_tag_generator] aliases``, and later from `add_aliases`.

    tok2vec (Model): Pretrained encoder: `spacy-product-tags.WordpieceTransformer.v1`, a listener to a frozen
        transformer, or any of spaCy's that gives one row a token.
    max_tokens (int): Longest run of tokens that is compared.
    max_width (int): Longest tag in characters.
    threshold (float): Cosine at which a run is as likely a tag as not; above 1, only known values are found.
    scale (float): How fast the probability grows with the cosine: it is ``sigmoid(scale * (cosine - threshold))``.
    remove (int): Principal components to take out of the vectors, beside the mean.
    nO (Optional[int]): Number of facets; set when the component is initialized.
    RETURNS (Model[InT, SpanScores]): Takes docs, gives the scores of candidate spans.
    """
    # Bound to the function and not attributes, which would be saved: so the config has the last word.
    return Model(
        "alias_matcher",
        partial(forward, max_tokens=max_tokens, threshold=threshold, scale=scale),
        init=init,
        layers=[tok2vec],
        shims=[ModuleShim(KnownValues)],
        refs={"tok2vec": tok2vec},
        dims={"nO": nO},
        attrs={"settings": {"max_width": max_width}, "remove": remove},
    )


class KnownValues(nn.Module):
    """The known texts, their vectors as the encoder gave them, and what is worked out from these.

    width (int): Size D of the vectors.
    texts (List[str]): A texts, those of a facet together.
    facets (List[int]): Facet number of each, ascending.
    freqs (List[int]): How often each was seen.
    remove (int): Principal components to take out.
    """

    def __init__(self, width: int, texts: List[str], facets: List[int], freqs: List[int], remove: int) -> None:
        super().__init__()
        self.register_buffer("vectors", torch.zeros(len(texts), width))
        self.remove = remove
        self.facets, self.starts = np.unique(np.array(facets, dtype=np.int64), return_index=True)
        self.known: Dict[str, List[Tuple[int, int]]] = {}
        for text, facet, freq in zip(texts, facets, freqs):
            self.known.setdefault(text, []).append((facet, freq))
        self.finder = KnownTexts(texts)
        self.space: Optional[Tuple[Tensor, Tensor]] = None
        self.unit: Optional[Tensor] = None

    def normalize(self, x: Tensor) -> Tensor:
        """Take out what all values share, and give unit vectors. RETURNS (Tensor): (N, D)."""
        if self.space is None:
            centre = self.vectors.mean(0)  # (D,)
            spread_out = (self.vectors - centre).double()  # (A, D)
            _, directions = torch.linalg.eigh(spread_out.T @ spread_out)  # ascending
            self.space = centre, directions[:, directions.shape[1] - self.remove :].to(x.dtype)  # (D, R)
        centre, top = self.space
        x = x - centre  # (N, D)
        return F.normalize(x - (x @ top) @ top.T, dim=1)

    def forward(self, x: Tensor) -> Tensor:
        """Compare vectors with the values.

        x (Tensor): (N, D).
        RETURNS (Tensor): (N, number of facets that have values) the cosine of each facet's best value.
        """
        if self.unit is None:
            self.unit = self.normalize(self.vectors)
        cosines = self.normalize(x) @ self.unit.T  # (N, A)
        bounds = [*self.starts.tolist(), len(self.vectors)]
        return torch.stack([cosines[:, low:high].amax(1) for low, high in zip(bounds, bounds[1:])], dim=1)


def init(model: Model[InT, SpanScores], X: Optional[InT] = None, Y: Optional[Ints1d] = None) -> None:
    """Initialize the encoder, and forget all values."""
    tok2vec = model.get_ref("tok2vec")
    tok2vec.initialize(X=X[0] if X is not None else None)
    _setup(model, [], [], np.zeros((0, tok2vec.get_dim("nO")), dtype="f"))


def _setup(model: Model[InT, SpanScores], keys: Sequence[Key], freqs: Sequence[int], vectors: np.ndarray) -> None:
    facets, texts = [facet for facet, _ in keys], [text for _, text in keys]
    shim: ModuleShim = model.shims[0]
    shim.setup(width=vectors.shape[1], texts=texts, facets=facets, freqs=list(freqs), remove=model.attrs["remove"])
    shim.module.vectors.copy_(torch.from_numpy(vectors))


def add_aliases(nlp: Language, aliases: AliasIndex, name: str = "product_tag_generator") -> int:
    """Add known values to an initialized component, and its facets too. Only texts that are new are encoded.

    The frequency of a text that was known already becomes the one given here.

    nlp (Language): The pipeline: its tokenizer, and what the component listens to, read the texts.
    aliases (AliasIndex): The values.
    name (str): The component.
    RETURNS (int): How many texts are new.
    RAISES (ValueError): Where the component's model takes no values, or is not initialized.
    """
    component: Any = nlp.get_pipe(name)
    model = component.model
    if not model.shims or getattr(model.shims[0], "build", None) is not KnownValues:
        raise ValueError(
            f"aliases: the model of {name!r} takes no known values; set [components.{name}.model] @architectures = "
            '"spacy-product-tags.AliasMatcher.v1", or leave [initialize.components] aliases out'
        )
    if not model.shims[0].is_built:
        raise ValueError(f"aliases: {name!r} is not initialized; call nlp.initialize() first, or load a saved pipeline")
    labels: List[str] = component.cfg["labels"]
    labels.extend(facet for facet in aliases.facets if facet not in labels)
    model.set_dim("nO", len(labels), force=True)
    index, sizes = model.shims[0].module, model.shims[0].sizes
    old = list(zip(sizes["facets"], sizes["texts"]))
    places = {key: row for row, key in enumerate(old)}
    freqs = dict(zip(old, sizes["freqs"]))
    freqs.update(_count(aliases, labels))
    new: Dict[Key, str] = {}
    for value in aliases:
        for surface in value.surfaces:
            key = (labels.index(value.facet), fold_in_place(surface).strip())
            if key not in places:
                new.setdefault(key, surface.strip())
    places.update((key, len(old) + row) for row, key in enumerate(new))
    vectors = np.concatenate([index.vectors.cpu().numpy(), _encode(nlp, model, name, list(new.values()))])
    # Those of a facet stand together.
    keys = sorted(places)
    _setup(model, keys, [freqs[key] for key in keys], vectors[[places[key] for key in keys]])
    return len(new)


def _count(aliases: AliasIndex, labels: List[str]) -> Dict[Key, int]:
    """Count how often each text was seen with each facet. RETURNS (Dict[Key, int]): The frequencies."""
    freqs: Dict[Key, int] = {}
    for value in aliases:
        for text in {fold_in_place(surface).strip() for surface in value.surfaces}:
            key = (labels.index(value.facet), text)
            freqs[key] = freqs.get(key, 0) + value.freq
    return freqs


def _encode(nlp: Language, model: Model[InT, SpanScores], name: str, texts: List[str]) -> np.ndarray:
    """Encode texts, each alone. RETURNS (ndarray): (A, D)."""
    tok2vec = model.get_ref("tok2vec")
    parts = [np.zeros((0, tok2vec.get_dim("nO")), dtype="f")]
    heard: List[Any] = [pipe for _, pipe in nlp.pipeline if name in getattr(pipe, "listening_components", ())]
    for batch in minibatch(texts, _ENCODED_AT_ONCE):
        docs = [nlp.make_doc(text) for text in batch]
        for pipe in heard:
            docs = list(pipe.pipe(docs))
        begins = text_starts(docs)
        pieces, _ = with_pieces(tok2vec, docs, False)
        rows, _, _ = spread(pieces, int(begins[-1]))
        pairs = np.stack([begins[:-1], begins[1:] - 1], axis=1)
        parts.append(_pool(_padded(pieces, model.shims[0].module.vectors.device), rows, pairs).cpu().numpy())
    return np.concatenate(parts)


def _padded(pieces: Pieces, device: torch.device) -> Tensor:
    """Put a row of zeros first, for characters that no piece covers. RETURNS (Tensor): (1 + P, D)."""
    return F.pad(xp2torch(pieces.vectors, device=device), (0, 0, 1, 0)).detach()


def _pool(vectors: Tensor, rows: np.ndarray, pairs: np.ndarray) -> Tensor:
    """Average the vectors of the characters of spans.

    vectors (Tensor): (1 + P, D), from `_padded`.
    rows (ndarray): (T,) row of each character.
    pairs (ndarray): (N, 2) first and last character.
    RETURNS (Tensor): (N, D).
    """
    low, high = int(pairs[:, 0].min()), int(pairs[:, 1].max()) + 1
    row = torch.from_numpy(rows[low:high]).to(vectors.device)  # (t,)
    first, last = torch.from_numpy(pairs - low).to(vectors.device).unbind(1)  # (N,) each
    # In double precision, or a title's scores would depend on the titles before it in the batch.
    total = F.pad(vectors[row].double().cumsum(0), (0, 0, 1, 0))  # (1 + t, D)
    count = F.pad((row > 0).cumsum(0), (1, 0))  # (1 + t,)
    size = (count[last + 1] - count[first]).clamp(min=1).unsqueeze(1)  # (N, 1)
    return ((total[last + 1] - total[first]) / size).to(vectors.dtype)


def forward(
    model: Model[InT, SpanScores], X: InT, is_train: bool, *, max_tokens: int, threshold: float, scale: float
) -> Tuple[SpanScores, Callable]:
    """Score a batch.

    X (InT): Docs; gold spans are not used.
    max_tokens, threshold, scale: As in `build_alias_matcher_v1`.
    RETURNS (Tuple[SpanScores, Callable]): Scores as arrays, and a backward pass that changes nothing.
    """
    docs, _ = X
    tok2vec, shim, widest = model.get_ref("tok2vec"), model.shims[0], model.attrs["settings"]["max_width"]
    # The last listener triggers the transformer's backward pass; an encoder of our own stays as it is.
    listens = is_train and any(hasattr(node, "upstream_name") for node in tok2vec.walk())
    backprop_pieces: Callable[[Any], List[Doc]] = no_backprop
    texts = [doc.text for doc in docs]
    points = code_points(texts)  # (T,)
    kinds, doc_of_char = classify(points), doc_index(texts)
    folded = fold_in_place("".join(texts))
    pairs = shim.module.finder.find(folded, kinds, doc_of_char, widest, inside_clusters(texts))
    surfaces = [folded[first : last + 1] for first, last in pairs.tolist()]
    logits = _score_known(shim.module.known, surfaces, model.get_dim("nO"))
    compares = threshold <= 1 and len(shim.module.vectors) > 0
    if compares or listens:
        pieces, backprop_pieces = with_pieces(tok2vec, docs, listens)
    if compares:
        runs = find_runs(docs, kinds, max_tokens, widest)
        runs = runs[~overlap_any(runs, pairs, len(points))]
        rows, _, _ = spread(pieces, len(points))
        cosines = _compare(shim, _padded(pieces, shim.module.vectors.device), rows, runs)  # (N, facets with values)
        more = np.full((len(runs), logits.shape[1]), _NEVER, dtype="f")
        more[:, 0] = 0.0
        more[:, 1 + shim.module.facets] = scale * (cosines - threshold)
        pairs, logits = np.concatenate([pairs, runs]), np.concatenate([logits, more])
        order = np.lexsort((pairs[:, 1], pairs[:, 0]))
        pairs, logits = pairs[order], logits[order]
    # Boundaries are as likely as the likeliest span there.
    boundaries = np.full((len(points), 2), _NEVER, dtype="f")
    best = logits[:, 1:].max(axis=1, initial=_NEVER) - logits[:, 0]  # (N,)
    for side in range(2):
        np.maximum.at(boundaries[:, side], pairs[:, side], best)
    asarray = model.ops.asarray
    scores = SpanScores(asarray(boundaries), asarray(pairs), asarray(logits))

    def backprop(d_scores: Tuple[Floats2d, Floats2d]) -> List[Doc]:
        return backprop_pieces(model.ops.alloc2f(*pieces.vectors.shape)) if listens else []

    return scores, backprop


def _score_known(known: Mapping[str, List[Tuple[int, int]]], texts: Sequence[str], n_facets: int) -> np.ndarray:
    """Score texts that are known: sure, split among the facets they were seen with. RETURNS (ndarray): (N, 1 + F)."""
    logits = np.full((len(texts), 1 + n_facets), _NEVER, dtype="f")
    logits[:, 0] = 0.0
    for row, text in enumerate(texts):
        total = sum(freq for _, freq in known[text])
        sure = _SURE + _LONGER * (1 - 1 / len(text))
        for facet, freq in known[text]:
            logits[row, 1 + facet] = sure + np.log(freq / total)
    return logits


def _compare(shim: ModuleShim, vectors: Tensor, rows: np.ndarray, runs: np.ndarray) -> np.ndarray:
    """Compare runs of characters with the values, some at a time. RETURNS (ndarray): (N, facets with values)."""
    known: KnownValues = shim.module
    some = max(_MOST_COSINES // len(known.vectors), 1)
    parts = [np.zeros((0, len(known.facets)), dtype="f")]
    for begin in range(0, len(runs), some):
        pooled = _pool(vectors, rows, runs[begin : begin + some])
        cosines, _ = shim(ArgsKwargs((pooled,), {}), False)
        parts.append(cosines.cpu().numpy())
    return np.concatenate(parts)
