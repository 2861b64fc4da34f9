"""What the span scores of a batch should be, from gold tags or from teachers, and how far off they are."""
from typing import Any, List, NamedTuple, Sequence, Tuple

import numpy as np
from spacy.training import Example
from thinc.api import Ops
from thinc.types import Floats2d

from ...heads.span_head import SpanScores
from ...tag import span_tags, text_length


class Targets(NamedTuple):
    """What the scores of a batch should be.

    boundaries (ndarray): (T, 2) chances of "a span starts here" and "a span ends with this character".
    pairs (ndarray): (G, 2) first and last character of spans, counted over the batch, by first then last, each once.
    facets (ndarray): (G, 1 + F) chances of none and of the facets; spans that are not among them are none.
    """

    boundaries: np.ndarray
    pairs: np.ndarray
    facets: np.ndarray


def gold_spans(examples: Sequence[Example], labels: Sequence[str], max_width: int) -> np.ndarray:
    """Give the gold tags' spans.

    examples (Sequence[Example]): The batch.
    labels (Sequence[str]): The facets; tags of others are left out.
    max_width (int): Tags of more characters are left out.
    RETURNS (ndarray): (G, 3) first and last character in the batch, and facet.
    """
    facet_ids = {label: number for number, label in enumerate(labels)}
    rows: List[Tuple[int, int, int]] = []
    begin = 0
    for example in examples:
        for tag in span_tags(example.reference):
            start, end = tag.span
            if tag.facet in facet_ids and end - start <= max_width:
                rows.append((begin + start, begin + end - 1, facet_ids[tag.facet]))
        begin += text_length(example.predicted)
    return np.array(rows, dtype=np.int64).reshape(-1, 3)


def gold_targets(spans: np.ndarray, size: int, n_facets: int) -> Targets:
    """Make targets of gold spans.

    spans (ndarray): (G, 3) from `gold_spans`.
    size (int): Characters T in the batch.
    n_facets (int): Number F of facets.
    RETURNS (Targets): Certain, but for spans with several facets, which share them evenly.
    """
    boundaries = np.zeros((size, 2), dtype="f")
    boundaries[spans[:, 0], 0] = 1.0
    boundaries[spans[:, 1], 1] = 1.0
    keys, row = np.unique(spans[:, 0] * size + spans[:, 1], return_inverse=True)
    facets = np.zeros((len(keys), 1 + n_facets), dtype="f")
    facets[row, spans[:, 2] + 1] = 1.0
    facets /= facets.sum(axis=1, keepdims=True)
    return Targets(boundaries, _to_pairs(keys, size), facets)


def soft_targets(
    ops: Ops, scores: Sequence[SpanScores], facets: Sequence[Sequence[str]], labels: Sequence[str], temperature: float
) -> Targets:
    """Make targets of what teachers give: the mean of their chances.

    ops (Ops): Of the arrays in `scores`.
    scores (Sequence[SpanScores]): What each teacher gave for the batch.
    facets (Sequence[Sequence[str]]): The facets of each.
    labels (Sequence[str]): The student's facets; a teacher's facet that is not among them counts as none.
    temperature (float): What logits are divided by (Hinton et al. 2015).
    RETURNS (Targets): A span that a teacher did not propose is none to it.
    """
    size = len(scores[0].boundaries)
    keys = [_keys(ops.to_numpy(given.pairs), size) for given in scores]
    union = np.unique(np.concatenate(keys))
    boundaries = np.zeros((size, 2), dtype="f")
    mean = np.zeros((len(union), 1 + len(labels)), dtype="f")
    for given, own_keys, own_facets in zip(scores, keys, facets):
        xp = ops.xp
        # A sigmoid that doesn't overflow.
        boundaries += ops.to_numpy(0.5 + 0.5 * xp.tanh(given.boundaries / (2 * temperature))) / len(scores)
        chances = ops.to_numpy(xp.exp(_log_softmax(xp, given.facets / temperature)))  # (N, 1 + own F)
        place = np.zeros((1 + len(own_facets), 1 + len(labels)), dtype="f")
        place[0, 0] = 1.0
        for number, facet in enumerate(own_facets, 1):
            place[number, labels.index(facet) + 1 if facet in labels else 0] = 1.0
        part = np.zeros_like(mean)
        part[:, 0] = 1.0
        part[np.searchsorted(union, own_keys)] = chances @ place
        mean += part / len(scores)
    return Targets(boundaries, _to_pairs(union, size), mean)


def likely_pairs(targets: Targets, threshold: float, max_width: int) -> np.ndarray:
    """Give the spans that the model's candidates should hold, whatever it makes of them.

    targets (Targets): From `soft_targets`.
    threshold (float): Spans less likely than this are left out, as are boundaries by the model.
    max_width (int): Spans of more characters are left out.
    RETURNS (ndarray): (G, 2) first and last character in the batch.
    """
    wide = targets.pairs[:, 1] - targets.pairs[:, 0] >= max_width
    return targets.pairs[(targets.facets[:, 0] < 1 - threshold) & ~wide]


def span_loss(
    ops: Ops, scores: SpanScores, targets: Targets, n_docs: int, temperature: float = 1.0
) -> Tuple[float, Tuple[Floats2d, Floats2d]]:
    """Compare scores with targets: binary cross-entropy of the boundaries, cross-entropy of the facets.

    ops (Ops): Of the arrays in `scores`.
    scores (SpanScores): What the model gave.
    targets (Targets): What it should have given.
    n_docs (int): Docs in the batch.
    temperature (float): What the scores are divided by, as the targets' were. Its square is a factor on the loss, so
        that the gradients keep their size.
    RETURNS (Tuple[float, Tuple]): The loss per doc, and the gradients of the boundaries and the facets.
    """
    xp = ops.xp
    size = len(scores.boundaries)
    keys, known = _keys(ops.to_numpy(scores.pairs), size), _keys(targets.pairs, size)  # (N,), (G,)
    facets = np.zeros(scores.facets.shape, dtype="f")  # (N, 1 + F)
    facets[:, :1] = 1.0
    if len(known):
        row = np.minimum(np.searchsorted(known, keys), len(known) - 1)  # (N,)
        hit = known[row] == keys
        facets[hit] = targets.facets[row[hit]]
    wanted, facets = xp.asarray(targets.boundaries), xp.asarray(facets)
    # log(sigmoid), which doesn't overflow where a boundary is very sure.
    logits = scores.boundaries / temperature  # (T, 2)
    log_on = -xp.logaddexp(0.0, -logits)  # (T, 2)
    log_off = log_on - logits  # (T, 2)
    log_chances = _log_softmax(xp, scores.facets / temperature)  # (N, 1 + F)
    loss = -(wanted * log_on + (1 - wanted) * log_off).sum() - (facets * log_chances).sum()
    d_boundaries = ((xp.exp(log_on) - wanted) * (temperature / n_docs)).astype("f")
    d_facets = ((xp.exp(log_chances) - facets) * (temperature / n_docs)).astype("f")
    return float(loss) * temperature**2 / n_docs, (d_boundaries, d_facets)


def _log_softmax(xp: Any, logits: Floats2d) -> Floats2d:
    shifted = logits - (logits.max(axis=1, keepdims=True) if len(logits) else 0.0)
    return shifted - xp.log(xp.exp(shifted).sum(axis=1, keepdims=True))


def _keys(pairs: np.ndarray, size: int) -> np.ndarray:
    return pairs[:, 0] * size + pairs[:, 1]


def _to_pairs(keys: np.ndarray, size: int) -> np.ndarray:
    return np.stack([keys // max(size, 1), keys % max(size, 1)], axis=1)
