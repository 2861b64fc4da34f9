"""What a listing says about the meaning of its tags: where values are used that its category and other tags go with."""
import math
from typing import Dict, Iterable, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

from .index import AliasIndex
from .usage import Usage

# Of a value that no taxonomy mentions, as the share of categories that have it: between those that the listing's
# category has and those that it hasn't, and below those that a good part of all categories has.
_UNKNOWN = 0.05
# So many tags say where a listing belongs.
_MOST_CONTEXT = 12
# Used so many times as often as elsewhere, as a power of ten, is as much as any more.
_MOST_LIFT = 2.0


class Use(NamedTuple):
    """How much a value is used; uses are ordered by the first of it.

    weight (float): Probability that a product like the listing's may have it, over the root of that of any product:
        where a category has both roses, the flower and the color that most categories have, the flower is meant.
    lift (float): How much more than others may, from -1 (none of this kind) over 0 (as many, or not known) to 1.
    """

    weight: float
    lift: float


class Surroundings:
    """A listing, as it tells what its tags mean. It works nothing out before it is asked.

    index (AliasIndex): The alias table; without `usage` it tells nothing.
    category (Union[int, str, Sequence[str]]): The category, as `Usage.locate` takes it; "" or () = not known.
    tags (Iterable[Tuple[str, str]]): Texts and facets of tags. Those that may mean one value only are told by.
    """

    def __init__(
        self, index: AliasIndex, category: Union[int, str, Sequence[str]] = "", tags: Iterable[Tuple[str, str]] = ()
    ) -> None:
        self._index, self._category, self._tags = index, category, tuple(tags)
        self._row: Optional[int] = None
        self._sure: Dict[str, np.ndarray] = {}
        self._weights: Dict[str, Optional[np.ndarray]] = {}

    @property
    def tells(self) -> bool:
        """RETURNS (bool): Whether there is anything to tell by."""
        return self._index.usage is not None and (bool(self._tags) or self._category not in ("", (), -1))

    def allows(self, value_id: str) -> Optional[bool]:
        """Say whether the listing's category, or one below it, has a value.

        value_id (str): The value's id.
        RETURNS (Optional[bool]): Whether it has; None = category or value are not known.
        """
        usage = self._index.usage
        if usage is None or self._category in ("", (), -1):
            return None
        rows, row = self._index.categories_of(value_id), usage.locate(self._category)
        return None if rows is None or row < 0 else usage.lists(row, rows)

    def use(self, value_id: str) -> Use:
        """Say how much a value is used. What a tag says of its own value is left out. RETURNS (Use): How much."""
        usage = self._index.usage
        if usage is None:
            return Use(0.0, 0.0)
        rows = self._index.categories_of(value_id)
        if rows is None:
            return Use(math.sqrt(_UNKNOWN), 0.0)
        weights, ever = self._weigh(usage, value_id), len(rows) / len(usage)
        if weights is None:
            return Use(math.sqrt(ever), 0.0)
        now = float(weights[rows].sum())
        lift = math.log10(max(now, 1e-9) / ever) / _MOST_LIFT
        return Use(now / math.sqrt(ever), max(-1.0, min(1.0, lift)))

    def _weigh(self, usage: Usage, value_id: str) -> Optional[np.ndarray]:
        """RETURNS (Optional[np.ndarray]): Probabilities of categories; None = nothing is known."""
        if self._row is None:
            self._row = usage.locate(self._category)
            self._sure = self._find_sure()
        but = value_id if value_id in self._sure else ""
        if but not in self._weights:
            context = [rows for other, rows in self._sure.items() if other != but]
            known = self._row >= 0 or bool(context)
            self._weights[but] = usage.weigh(self._row, context) if known else None
        return self._weights[but]

    def _find_sure(self) -> Dict[str, np.ndarray]:
        sure: Dict[str, np.ndarray] = {}
        for text, facet in self._tags:
            if len(sure) == _MOST_CONTEXT:
                break
            value_id = self._index.only(text, facet)
            rows = self._index.categories_of(value_id) if value_id else None
            if rows is not None:
                sure[value_id] = rows
        return sure
