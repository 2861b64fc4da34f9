"""What is decided by scores heeds no digits that change with what else is in the batch: the sixth of a probability."""
from typing import Any, overload

import numpy as np

from ..tag import ODDS_DIGITS, SCORE_DIGITS

# Arrays of numpy or cupy
Scores = Any
_BELOW_ONE = 1 - 10**-SCORE_DIGITS


@overload
def rounded(scores: float) -> float: ...


@overload
def rounded(scores: Scores) -> Scores: ...


def rounded(scores: Any) -> Any:
    """Round probabilities, or the least one that counts, to compare them.

    scores (Union[Scores, float]): An array of numpy or cupy, or a number.
    RETURNS (Union[Scores, float]): In double precision: 0.4 is what a config's 0.4 is. What is below 1 stays so: a
        least one of 1 lets nothing pass that is not certain.
    """
    if isinstance(scores, (int, float)):
        return min(round(float(scores), SCORE_DIGITS), _BELOW_ONE if scores < 1 else 1.0)
    near = scores.astype("float64").round(SCORE_DIGITS)
    near[(scores < 1) & (near > _BELOW_ONE)] = _BELOW_ONE
    return near


def certainty(chances: np.ndarray) -> np.ndarray:
    """Tell how sure probabilities are, to order by: rounded log odds, which keep 0.9999 and 0.99999 apart.

    chances (np.ndarray): The probabilities.
    RETURNS (np.ndarray): float64, of the same shape.
    """
    inside = np.clip(chances.astype("float64"), 1e-9, 1 - 1e-7)
    return np.log(inside / (1 - inside)).round(ODDS_DIGITS)
