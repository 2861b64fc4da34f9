"""Calibration: how far a probability can be taken at its word, and the temperature that mends it."""
from pathlib import Path
from typing import Callable, Sequence, Tuple, Union

import numpy as np

# Sharper or flatter than this is no calibration any more; where all answers are right, the search ends here.
_LOW, _HIGH = 0.05, 20.0
_GOLDEN = (5**0.5 - 1) / 2
# Rows of scores that are weighed at once.
_ROWS = 256


def fit_temperature(logits: np.ndarray, gold: np.ndarray) -> float:
    """Find the temperature by which to divide logits, so that their probabilities fit the gold best (Guo et al. 2017).

    logits (np.ndarray): Scores before softmax, (B, N); -inf for what is ruled out.
    gold (np.ndarray): The right column of each row, (B,): softmax. Or which are right, bool (B, N): a sigmoid each.
    RETURNS (float): The temperature of least cross entropy, from 0.05 to 20; 1.0 where there are no rows. A weak pull
        to 1 (a standard normal prior on its logarithm) decides where the rows don't, as where all of few are right.
    RAISES (ValueError): Where the shapes don't fit, a gold column isn't there or is ruled out, or a logit is no number.
    """
    logits, gold = np.asarray(logits, dtype=np.float64), np.asarray(gold)
    if logits.ndim != 2 or gold.shape not in (logits.shape[:1], logits.shape):
        raise ValueError(f"gold: must be (B,) or (B, N) for logits of (B, N), not {gold.shape} for {logits.shape}")
    if np.isnan(logits).any() or np.isposinf(logits).any():
        raise ValueError("logits: some are NaN or infinite; the model has diverged or got bad input")
    if not logits.size:
        return 1.0
    if gold.ndim == 2:
        if not np.isfinite(logits).all():
            raise ValueError("logits: with a sigmoid each, all must be finite")
        # One column against zero, the sign telling whether it is right.
        signed = np.where(gold, logits, -logits)
        return _minimize(lambda temperature: float(np.logaddexp(0.0, -signed / temperature).mean()), logits.size)
    if gold.min() < 0 or gold.max() >= logits.shape[1]:
        raise ValueError(f"gold: has columns from {gold.min()} to {gold.max()}, the logits have {logits.shape[1]}")
    right = np.take_along_axis(logits, gold[:, None], axis=1)
    if not np.isfinite(right).all():
        raise ValueError("gold: a right column is ruled out by a logit of -inf; leave the row out")
    below = logits - logits.max(axis=1, keepdims=True)
    own = (right - logits.max(axis=1, keepdims=True))[:, 0]
    return _minimize(
        lambda temperature: float((np.log(np.exp(below / temperature).sum(axis=1)) - own / temperature).mean()),
        len(logits),
    )


def fit_shares(parts: Sequence[np.ndarray], gold: np.ndarray) -> np.ndarray:
    """Find how much each of several scorers should count in the mean of their logits (stacking, Wolpert 1992).

    parts (Sequence[np.ndarray]): Scores of each before softmax, P times (B, N).
    gold (np.ndarray): The right column of each row, (B,).
    RETURNS (np.ndarray): float64 (P,), above 0, their sum is P: those of least cross entropy at the temperature that
        fits them best. A weak pull to equal shares decides where the rows don't.
    RAISES (ValueError): Where the shapes don't fit, or a logit is no finite number.
    """
    import torch

    shapes = [np.shape(part) for part in parts]
    if not shapes or len(set(shapes)) > 1 or len(shapes[0]) != 2 or np.shape(gold) != shapes[0][:1]:
        raise ValueError(f"gold: must be (B,) for one or more parts of (B, N), not {np.shape(gold)} for {shapes}")
    if not all(np.isfinite(part).all() for part in parts):
        raise ValueError("parts: some logits are NaN or infinite; leave those rows out")
    count, rows = len(parts), len(gold)
    if count == 1 or not rows:
        return np.ones(count)
    scores, right = [torch.as_tensor(part) for part in parts], torch.as_tensor(gold, dtype=torch.long)
    # Some rows at a time: only these in full precision.
    chunks = [slice(start, start + _ROWS) for start in range(0, rows, _ROWS)]
    logs = torch.full((count,), -np.log(count), dtype=torch.float64, requires_grad=True)  # (P,)
    optimizer = torch.optim.LBFGS([logs], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        # Where all is right, sharper is always better, and only the pull keeps the shares together.
        total = ((logs - logs.mean()).square().sum() + 0.01 * logs.square().sum()) / rows
        total.backward()
        total = total.detach()
        for chunk in chunks:
            mean = sum(share * part[chunk].double() for share, part in zip(logs.exp(), scores))  # (B, N)
            value = torch.nn.functional.cross_entropy(mean, right[chunk], reduction="sum") / rows
            value.backward()
            total += value.detach()
        return total

    with torch.enable_grad():
        optimizer.step(loss)
    shares = logs.detach().exp().numpy()
    return shares * (count / shares.sum())


def require_numbers(logits: np.ndarray, name: str) -> None:
    """Check scores that a component gives.

    logits (np.ndarray): The scores.
    name (str): The component.
    RAISES (ValueError): Where one is NaN.
    """
    if np.isnan(logits).any():
        raise ValueError(
            f"{name}: its scores are no numbers (NaN), as the training has diverged; train it again with a lower "
            "learning rate, [training.optimizer.learn_rate] initial_rate"
        )


def _minimize(loss: Callable[[float], float], terms: int) -> float:
    """Search by golden section on the log scale: the mean cross entropy of so many answers has one valley there."""

    def cost(log: float) -> float:
        return loss(np.exp(log)) + log * log / (2 * terms)

    low, high = np.log(_LOW), np.log(_HIGH)
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = cost(left), cost(right)
    while high - low > 1e-5:
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = cost(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = cost(right)
    return float(np.exp((low + high) / 2))


def ece(probabilities: np.ndarray, right: np.ndarray, bins: int = 15) -> float:
    """Give the expected calibration error: how far probability and share of right answers are apart.

    probabilities (np.ndarray): Of each answer, that it is right, (B,).
    right (np.ndarray): Whether it was, (B,).
    bins (int): Into how many equal steps the probabilities are sorted.
    RETURNS (float): The mean distance, each bin weighted by its answers; 0 is best, 1 worst.
    RAISES (ValueError): Where there are no answers, or a probability is none.
    """
    confidence, accuracy, counts = reliability(probabilities, right, bins)
    return float((np.abs(confidence - accuracy) * counts).sum() / counts.sum())


def reliability(
    probabilities: np.ndarray, right: np.ndarray, bins: int = 15
) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sort answers into equal steps of probability.

    RETURNS (Tuple[np.ndarray, np.ndarray, np.ndarray]): Mean probability, share of right answers and number of answers
        of each bin; 0 where a bin is empty.
    RAISES (ValueError): As `ece`.
    """
    probabilities, right = np.asarray(probabilities, dtype=np.float64), np.asarray(right, dtype=bool)
    if probabilities.ndim != 1 or probabilities.shape != right.shape or not len(right):
        raise ValueError(f"probabilities and right: must be (B,), B > 0, not {probabilities.shape} and {right.shape}")
    # A sum of probabilities may be a rounding error above 1.
    if not (probabilities >= 0).all() or not (probabilities <= 1 + 1e-6).all():
        raise ValueError("probabilities: must be from 0 to 1")
    number = np.clip(np.ceil(probabilities * bins).astype(int) - 1, 0, bins - 1)
    counts = np.bincount(number, minlength=bins)
    divisor = np.maximum(counts, 1)
    confidence = np.bincount(number, weights=probabilities, minlength=bins) / divisor
    return confidence, np.bincount(number, weights=right, minlength=bins) / divisor, counts


def reliability_plot(
    probabilities: np.ndarray, right: np.ndarray, path: Union[str, Path], *, bins: int = 15, title: str = ""
) -> None:
    """Draw the share of right answers against their probability; on the diagonal, each probability is true.

    probabilities (np.ndarray): Of each answer, that it is right, (B,).
    right (np.ndarray): Whether it was, (B,).
    path (Union[str, Path]): The .png file.
    bins (int): As for `ece`.
    title (str): What was judged; matplotlib's own font has no Chinese.
    RAISES (ImportError): Without matplotlib.
    RAISES (ValueError): As `ece`.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as err:
        raise ImportError("a reliability plot needs matplotlib; install it with: pip install matplotlib") from err
    confidence, accuracy, counts = reliability(probabilities, right, bins)
    figure = Figure(figsize=(5, 6), layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    filled = counts > 0
    above.plot([0, 1], [0, 1], color="gray", linewidth=1, linestyle="--")
    above.plot(confidence[filled], accuracy[filled], "o-", markersize=4)
    above.set(ylabel="share right", xlim=(0, 1), ylim=(0, 1), title=title)
    above.text(0.03, 0.93, f"ECE {ece(probabilities, right, bins):.3f}, {counts.sum()} answers")
    below.bar((np.arange(bins) + 0.5) / bins, counts, width=0.9 / bins)
    below.set(xlabel="probability", ylabel="answers")
    figure.savefig(path, dpi=120)
