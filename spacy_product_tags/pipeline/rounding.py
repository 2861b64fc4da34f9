"""Scores rounded before anything is decided by them: what else is in a batch changes their sixth digit."""
from typing import Any, Union

from ..tag import SCORE_DIGITS

# Arrays of numpy or cupy
Scores = Any


def rounded(scores: Union[Scores, float]) -> Union[Scores, float]:
    """Round scores, or the least score that counts.

    scores (Union[Scores, float]): An array of numpy or cupy, or a number.
    RETURNS (Union[Scores, float]): In double precision: 0.4 is what a config's 0.4 is.
    """
    if isinstance(scores, (int, float)):
        return round(float(scores), SCORE_DIGITS)
    return scores.astype("float64").round(SCORE_DIGITS)
