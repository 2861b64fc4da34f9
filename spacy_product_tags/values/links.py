"""What was looked up in an alias table, kept with the table that it was looked up in."""
from typing import Dict, List, NamedTuple, Optional, Tuple

from ..caching import keep
from .index import AliasIndex, Candidate
from .linking import Link, choose, find_candidates
from .surroundings import Surroundings
from .table import find_label

# Texts, and values' names, that are kept.
_CACHED = 20000


class Named(NamedTuple):
    """A value as it is shown: its id (the one that it has now), its facet and its label; "" = it has none there."""

    id: str
    facet: str
    label: str


class Links:
    """An alias table and what texts mean in it. The same words come again and again, and those that the table lacks
    cost the most. It is used for one table only: what another thread has begun with one ends with the same.

    index (AliasIndex): The table.
    """

    def __init__(self, index: AliasIndex) -> None:
        self.index = index
        self._found: Dict[Tuple[str, str, bool, bool], Tuple[List[Candidate], Link]] = {}
        self._names: Dict[Tuple[str, str], Named] = {}

    def link(
        self, text: str, facet: str, listing: Optional[Surroundings], *, fuzzy: bool = True, dense: bool = True
    ) -> Link:
        """Find the value that a text means, as `values.linking.link` does.

        text (str): The text of a tag.
        facet (str): Its facet; "" = unknown.
        listing (Optional[Surroundings]): The listing; None = not known.
        fuzzy (bool): Whether to look for aliases that are written nearly so.
        dense (bool): Whether to look for values whose names in other languages are near by their vectors.
        RETURNS (Link): The likeliest value and its probability.
        """
        key = text, facet, fuzzy, dense
        known = self._found.get(key)
        if known is None:
            found = find_candidates(self.index, text, facet, fuzzy=fuzzy, dense=dense)
            known = keep(self._found, key, (found, choose(self.index, text, facet, found)), _CACHED)
        found, alone = known
        if not found or listing is None or not listing.tells:
            return alone
        return choose(self.index, text, facet, found, listing)

    def name(self, value_id: str, locale: str) -> Named:
        """Say how a value is shown.

        value_id (str): Its id.
        locale (str): The language, as `find_label` takes it.
        RETURNS (Named): Its id, facet and label.
        RAISES (KeyError): Where no value has this id.
        """
        known = self._names.get((value_id, locale))
        if known is None:
            value = self.index[value_id]
            named = Named(value.id, value.facet, find_label(value, locale))
            known = keep(self._names, (value_id, locale), named, _CACHED)
        return known

    def is_vouched_for(self, candidate: Candidate, facet: str, listing: Optional[Surroundings]) -> bool:
        """Say whether a text may mean a value before it is read as a quantity.

        candidate (Candidate): What `link` found.
        facet (str): The tag's facet; "" = unknown.
        listing (Optional[Surroundings]): The listing; None = not known.
        RETURNS (bool): Whether it may.
        """
        # 12V are the volts of anything before they are a battery's size; values that no category is known to use are
        # the shop's own.
        if facet or self.index.categories_of(candidate.id) is None:
            return True
        return listing is not None and listing.allows(candidate.id) is True
