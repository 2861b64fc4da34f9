"""The listing: the one format that people feed us and that we write, a JSON object a line."""
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Tuple, Union

from .errors import ListingError
from .io import bad, iter_jsonl, open_text, raise_error
from .tag import Tag, check_offsets

# Between the levels of a category, where its path is one string.
SEPARATOR = " > "
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Listing:
    """One product listing.

    title (str): The title.
    description (str): More text, may be empty.
    id (str): The row's id.
    product (str): The product shown; listings of one product never stand in two splits.
    lang (str): Language code, such as zh.
    category (Tuple[str, ...]): Category path from the top.
    tags (Tuple[Tag, ...]): Gold or predicted tags, offsets in `text`.
    seller_tags (Tuple[str, ...]): Tags that a seller typed.
    seller_answers (Tuple[Optional[str], ...]): For each seller tag the right one, None = should go; may be empty.
    """

    title: str
    description: str = ""
    id: str = ""
    product: str = ""
    lang: str = ""
    category: Tuple[str, ...] = ()
    tags: Tuple[Tag, ...] = ()
    seller_tags: Tuple[str, ...] = ()
    seller_answers: Tuple[Optional[str], ...] = ()

    @property
    def text(self) -> str:
        """The text that offsets count in: title, line break, description."""
        return f"{self.title}\n{self.description}" if self.description else self.title

    def to_dict(self) -> Dict[str, Any]:
        """Give the listing as JSON types without empty fields. RETURNS (Dict[str, Any]): One line of JSONL."""
        data: Dict[str, Any] = {}
        for name in self.__slots__:
            value = getattr(self, name)
            if name == "tags":
                value = [_slim(tag) for tag in value]
            elif isinstance(value, tuple):
                value = list(value)
            if value or name == "title":
                data[name] = value
        return data

    @classmethod
    def from_dict(cls, data: Any) -> "Listing":
        """Make a checked listing of parsed JSON.

        data (Any): What a line of JSONL holds; ``text`` is taken for ``title``.
        RETURNS (Listing): The listing.
        RAISES (ListingError): Naming the field (path and line are filled in by who knows them).
        """
        if not isinstance(data, Mapping):
            raise bad("line", f'must be a JSON object such as {{"title": "…"}}, not {type(data).__name__}')
        data = dict(data)
        if "title" not in data and "text" in data:
            data["title"] = data.pop("text")
        for name in data:
            if name not in cls.__slots__:
                raise bad(name, f"not a field of a listing; the fields are {', '.join(cls.__slots__)}")
        if data.get("title") is None:
            raise bad("title", "missing")
        listing = cls(
            title=_string(data, "title"),
            description=_string(data, "description"),
            id=_string(data, "id"),
            product=_string(data, "product"),
            lang=_string(data, "lang"),
            category=tuple(_strings(data, "category", (str,))),
            seller_tags=tuple(_strings(data, "seller_tags", (str,))),
            seller_answers=tuple(_strings(data, "seller_answers", (str, type(None)))),
        )
        if listing.seller_answers and len(listing.seller_answers) != len(listing.seller_tags):
            raise bad("seller_answers", "must have one answer (a string, or null = remove) for each seller tag")
        tags = _strings(data, "tags", (dict,))
        return replace(listing, tags=tuple(_tag(tag, number, listing.text) for number, tag in enumerate(tags)))


def as_listing(value: Union[Listing, Mapping[str, Any], str]) -> Listing:
    """Make a checked listing of what users hand in.

    value (Union[Listing, Mapping[str, Any], str]): A listing, a dict of its fields, or a title.
    RETURNS (Listing): The listing; half a character (a lone surrogate, as text cut within an emoji has) becomes U+FFFD.
    RAISES (ListingError): Naming the field, where something else stands in it.
    """
    if isinstance(value, str):
        return mend_surrogates(Listing(title=str(value)))
    if isinstance(value, Mapping):
        return mend_surrogates(Listing.from_dict(value))
    if not isinstance(value, Listing):
        kind = type(value).__name__
        raise bad("title", f"needed is a Listing, a dict of its fields or a title, not {kind} {value!r}")
    fields = {name: getattr(value, name) for name in Listing.__slots__ if name != "tags"}
    return mend_surrogates(replace(Listing.from_dict(fields), tags=value.tags))


def mend_surrogates(listing: Listing) -> Listing:
    """Put U+FFFD where half a character stands, which is no text. RETURNS (Listing): The listing, as long as before."""
    if not any(map(_SURROGATE.search, (listing.title, listing.description, *listing.seller_tags, *listing.category))):
        if not any(map(_SURROGATE.search, (listing.id, listing.product, listing.lang))):
            return listing
    text = json.dumps(listing.to_dict(), ensure_ascii=False)
    return Listing.from_dict(json.loads(_SURROGATE.sub("\ufffd", text)))


def _string(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool) and name in ("id", "product"):
        return str(value)
    if not isinstance(value, str):
        raise bad(name, f"must be a string, not {value!r}")
    return value


def _strings(data: Mapping[str, Any], name: str, types: Tuple[type, ...]) -> List[Any]:
    value = data.get(name)
    if value is None:
        return []
    if not isinstance(value, (list, tuple)):
        hint = "; split the text" if isinstance(value, str) else ""
        raise bad(name, f"must be a list, not {value!r}{hint}")
    for number, item in enumerate(value):
        if not isinstance(item, types):
            raise bad(f"{name}[{number}]", f"must be a {types[0].__name__}, not {item!r}")
    return list(value)


def _tag(data: Mapping[str, Any], number: int, text: str) -> Tag:
    try:
        tag = Tag.from_dict(data)
        check_offsets(tag, len(text))
        # A predicted tag may show a normalized text: then `raw` is what stands in the listing.
        surface = tag.raw or tag.text
        if tag.start is not None and text[tag.start : tag.end] != surface:
            found = text.find(surface)
            hint = f"; it stands at {found}" if found >= 0 else "; it does not stand in title + '\\n' + description"
            raise ValueError(f"start: the text has {text[tag.start : tag.end]!r} there, the tag {surface!r}{hint}")
    except ValueError as err:
        raise bad(f"tags[{number}].{str(err).partition(': ')[0]}", str(err).partition(": ")[2]) from None
    return tag


def _slim(tag: Tag) -> Dict[str, Any]:
    default = Tag("x")
    return {k: v for k, v in tag.to_dict().items() if k in ("text", "facet") or v != getattr(default, k)}


def read_listings(
    path: Union[str, Path], *, on_error: Callable[[ListingError], None] = raise_error
) -> Iterator[Listing]:
    """Stream the listings of a JSONL file (``.gz`` is unpacked on the way).

    path (Union[str, Path]): The file.
    on_error (Callable[[ListingError], None]): Called with each bad line's error; where it returns, reading goes on
        with the next line, so that one bad line never costs a good one.
    YIELDS (Listing): One listing a line; blank lines are passed over.
    RAISES (ListingError): At the first bad line, with file, line, field and what to do, unless `on_error` returns.
    """
    yield from iter_jsonl(path, Listing.from_dict, on_error)


def write_listings(path: Union[str, Path], listings: Iterable[Listing]) -> int:
    """Write listings as JSONL (gzipped where the name ends in ``.gz``).

    path (Union[str, Path]): The file; its folder is made.
    listings (Iterable[Listing]): What to write.
    RETURNS (int): How many were written.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with open_text(path, "wt") as file:
        for listing in listings:
            file.write(json.dumps(listing.to_dict(), ensure_ascii=False) + "\n")
            count += 1
    return count
