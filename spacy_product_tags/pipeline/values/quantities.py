"""Tags that are quantities: which amount a tag says, and how that is written."""
from functools import lru_cache
from typing import Any, Dict, NamedTuple, Optional, Tuple

from spacy.tokens import Doc

from ...quantities.context import words_near
from ...quantities.quantity import (
    convert,
    counts_in_other_words,
    format_quantity,
    parse_exactly,
    parse_quantity,
    parse_quantity_id,
    quantity_id,
)
from ...quantities.units import Quantity
from ...tag import Tag, get_category

# Quantities whose names are kept.
_CACHED = 10000


class Names(NamedTuple):
    """A quantity's id ("" = it can't be written so that it is read back), and how an alias table may have it: in the
    base unit, and in its own."""

    id: str
    in_base: str
    plain: str


def read_amount(tag: Tag, doc: Optional[Doc], text: str) -> Optional[Tuple[Quantity, Names]]:
    """Read a tag as a quantity.

    tag (Tag): The tag.
    doc (Optional[Doc]): Whose category, language and words tell what an ambiguous unit means; None = nothing does.
    text (str): The doc's text.
    RETURNS (Optional[Tuple[Quantity, Names]]): The quantity and its names; None where the tag is none.
    """
    known: Dict[str, Any] = {}
    if doc is not None:
        near = words_near(text, tag.start, tag.end)
        known = {"category": get_category(doc), "context": near, "lang": doc.lang_}
    quantity = parse_exactly(tag.text, facet=tag.facet, **known)
    # Without a facet a bare number or letter may be anything: 361, S, A4.
    if quantity is None or not (tag.facet or quantity.unit):
        return None
    names = _name(quantity)
    return (quantity, names) if names.id else None


@lru_cache(_CACHED)
def _name(quantity: Quantity) -> Names:
    name, plain = quantity_id(quantity), format_quantity(quantity)
    in_base = parse_quantity_id(name)
    return Names(name, plain if in_base is None else format_quantity(in_base), plain)


def write_amount(quantity: Quantity, text: str, language: str, doc: Optional[Doc]) -> str:
    """Write a quantity for people.

    quantity (Quantity): The quantity.
    text (str): What the tag says.
    language (str): The language to write.
    doc (Optional[Doc]): The tag's doc.
    RETURNS (str): The quantity as that language writes it, or the text as it is.
    """
    # A seller's counters are words, and those that stand for one of ours read strange in its place: 10片, 10件.
    same = doc is not None and doc.lang_ == language
    return text if same and counts_in_other_words(quantity, text, language) else format_quantity(quantity, language)


def localize_amount(tag: Tag, language: str) -> str:
    """Write a tag whose id is a quantity's in another language.

    tag (Tag): The tag.
    language (str): The language.
    RETURNS (str): The id's quantity, in the unit that the tag was written in (else the base unit); the tag's own text
        where the id is none of a quantity.
    """
    quantity = parse_quantity_id(tag.canonical_id)
    if quantity is None:
        return tag.text
    # What was read with its surroundings is written so that it needs none.
    written = parse_quantity(tag.raw, facet=tag.facet) or parse_quantity(tag.text, facet=tag.facet)
    try:
        quantity = convert(quantity, written.unit) if written and written.unit != quantity.unit else quantity
    except ValueError:
        pass  # What the tag says is no such amount: the id decides.
    return format_quantity(quantity, language)
