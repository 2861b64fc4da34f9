"""`Tag`, the one thing that this package makes, and the `Doc` extensions that carry it.

Tags live as plain dicts in ``doc.user_data["spacy_product_tags"]``, so they survive ``to_bytes``, a ``DocBin`` with
``store_user_data=True``, pickling and worker processes. ``doc._.tags`` reads them as a tuple of `Tag`.
"""
import json
import threading
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, List, Mapping, Optional, Tuple, Union

from .graphemes import clean, surrogates_replaced

if TYPE_CHECKING:
    from spacy.tokens import Doc

USER_DATA_KEY = "spacy_product_tags"
# Beside the tags: what the normalizer did to each.
TRACE = "trace"
# And what the tag classifier made of each that had no facet.
FACETS = "facets"
# And the length of the text in which they were found: spaCy hands user data on to parts of a doc.
LENGTH = "length"
# And which spans a user set, who said nothing of their source.
OWN = "own"
# Whether the category is a prediction, which the next one takes the place of; a given one stays.
PREDICTED = "category_is_predicted"
SOURCES = ("span", "implicit", "generated", "seller")
# Digits of scores, and of their log odds, that count: what else is in a batch changes those behind.
SCORE_DIGITS, ODDS_DIGITS = 5, 3


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag of a product.

    text (str): What to show.
    facet (str): What the tag says about the product (brand, color, material, …); "" = unknown.
    score (float): Probability that the tag is right, in [0, 1].
    start (Optional[int]): Character offset in ``doc.text``; None = not in the text.
    end (Optional[int]): Character offset behind the last character; None = not in the text.
    source (str): Where it came from: span, implicit, generated or seller.
    canonical_id (str): Id in the alias table; "" = none of these.
    raw (str): The surface before correction and normalization.
    """

    text: str
    facet: str = ""
    score: float = 1.0
    start: Optional[int] = None
    end: Optional[int] = None
    source: str = "span"
    canonical_id: str = ""
    raw: str = ""

    @property
    def span(self) -> Tuple[int, int]:
        """Start and end of a tag in the text. RAISES (ValueError): Where it does not stand there."""
        if self.start is None or self.end is None:
            raise ValueError(f"the tag {self.text!r} has no place in the text")
        return self.start, self.end

    def to_dict(self) -> Dict[str, Any]:
        """Give the tag as a dict of built-in types. RETURNS (Dict[str, Any]): All fields."""
        return {name: getattr(self, name) for name in _FIELDS}

    def __json__(self) -> str:
        """Give the tag as JSON, to ``srsly`` and so to ``doc.to_json(["tags"])``. RETURNS (str): An object."""
        return json.dumps(self.to_dict(), ensure_ascii=False)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Tag":
        """Make a checked tag of a dict, such as a line of JSON holds.

        data (Mapping[str, Any]): Field names and values; only ``text`` is needed.
        RETURNS (Tag): The tag, its numbers as built-in types; a "span" without offsets becomes "implicit".
        RAISES (ValueError): On an unknown field, a wrong type or half a span. The message names the field.
        """
        for name in data:
            if name not in _FIELDS:
                raise ValueError(f"{name}: not a field of a tag; the fields are {', '.join(_FIELDS)}")
        for name in ("text", "facet", "source", "canonical_id", "raw"):
            if not isinstance(data.get(name, ""), str):
                raise ValueError(f"{name}: must be a string, not {data[name]!r}")
        if not data.get("text", "").strip():
            raise ValueError("text: missing or blank")
        start, end = data.get("start"), data.get("end")
        for name, value in (("start", start), ("end", end)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, Integral)):
                raise ValueError(f"{name}: must be a whole number (characters) or null, not {value!r}")
        if (start is None) != (end is None) or (start is not None and not 0 <= start < end):
            raise ValueError(f"start: {start} and end: {end} are no span; needed is 0 <= start < end, or neither")
        score = data.get("score", 1.0)
        is_number = isinstance(score, Real) and not isinstance(score, bool)
        if not is_number or not 0 <= score <= 1:
            raise ValueError(f"score: must be a number from 0 to 1, not {score!r}")
        source = data.get("source") or "span"
        if source == "span" and start is None:
            source = "implicit"
        if source not in SOURCES:
            raise ValueError(f"source: must be one of {', '.join(SOURCES)}, not {source!r}")
        if start is not None and end is not None:
            start, end = int(start), int(end)
        return cls(**{**data, "score": float(score), "source": source, "start": start, "end": end})


_FIELDS = Tag.__slots__


def as_tag(value: Union[Tag, Mapping[str, Any], str]) -> Tag:
    """Make a tag of what users hand in.

    value (Union[Tag, Mapping, str]): A tag, a dict of its fields, or the bare text that a seller typed.
    RETURNS (Tag): The checked tag; a bare text gets the source "seller", and loses what nobody sees.
    RAISES (TypeError): On anything else.
    RAISES (ValueError): On a wrong field, as `Tag.from_dict`.
    """
    if isinstance(value, Tag):
        return Tag.from_dict(value.to_dict())
    if isinstance(value, str):
        value = surrogates_replaced(value)
        shown = clean(value)
        return Tag.from_dict({"text": shown, "source": "seller", "raw": value if shown != value else ""})
    if isinstance(value, Mapping):
        return Tag.from_dict(value)
    raise TypeError(f"a tag is a Tag, a dict or a string, not {type(value).__name__}: {value!r}")


def check_offsets(tag: Tag, length: int) -> None:
    """Check that a tag's span lies in the text. RAISES (ValueError): Where it does not."""
    if tag.end is not None and tag.end > length:
        raise ValueError(f"end: {tag.end} is behind the text, which has {length} characters")


def text_length(doc: "Doc") -> int:
    """Give ``len(doc.text)`` without joining the tokens. RETURNS (int): Characters."""
    return doc[-1].idx + len(doc[-1].text_with_ws) if len(doc) else 0


def get_tags(doc: "Doc") -> Tuple[Tag, ...]:
    """Read a doc's tags; the getter of ``doc._.tags``.

    doc (Doc): The doc.
    RETURNS (Tuple[Tag, ...]): The tags.
    RAISES (ValueError): Where the doc is a part of the one that was tagged, so that offsets don't fit.
    """
    data = doc.user_data.get(USER_DATA_KEY, {})
    stored = data.get("tags", ())
    if stored and data.get(LENGTH, text_length(doc)) != text_length(doc):
        raise ValueError(
            f"doc._.tags: these tags were found in a text of {data[LENGTH]} characters, and this doc has "
            f"{text_length(doc)}, so that their offsets don't fit; instead of span.as_doc(copy_user_data=True), take "
            "span.as_doc() and spacy_product_tags.tags_in_span(span)"
        )
    return tuple(Tag(**data) for data in stored)


def span_tags(doc: "Doc") -> List[Tag]:
    """Give the tags that were found in the text, those that are learnt and scored. RETURNS (List[Tag]): The tags."""
    return [tag for tag in get_tags(doc) if tag.start is not None and tag.source == "span"]


def set_tags(doc: "Doc", tags: Iterable[Union[Tag, Mapping[str, Any], str]]) -> None:
    """Replace a doc's tags; the setter of ``doc._.tags``.

    The generator replaces tags of the source "span", which an earlier one found, and keeps the others. A dict with
    offsets and without a source is somebody's own: it is a span until the generator runs, which hands it on as
    "seller".

    doc (Doc): The doc.
    tags (Iterable[Union[Tag, Mapping, str]]): Tags, dicts of their fields, or texts that a seller typed.
    RAISES (ValueError): On a span outside the text or a wrong field; the doc then keeps the tags it had.
    """
    if isinstance(tags, (str, Mapping)):
        raise TypeError(f"doc._.tags takes a list of tags, not one {type(tags).__name__}: {tags!r}")
    length = text_length(doc)
    checked = []
    own: List[List[Any]] = []
    for number, value in enumerate(tags):
        try:
            tag = as_tag(value)
            check_offsets(tag, length)
        except ValueError as err:
            raise ValueError(f"tags[{number}].{err}") from None
        checked.append(tag)
        if tag.start is not None and isinstance(value, Mapping) and not value.get("source"):
            own.append([tag.start, tag.end, tag.facet])
    store_tags(doc, checked)
    # They tell of tags that were there before.
    for record in (TRACE, FACETS, OWN):
        doc.user_data[USER_DATA_KEY].pop(record, None)
    if own:
        doc.user_data[USER_DATA_KEY][OWN] = own


def store_tags(doc: "Doc", tags: Iterable[Tag]) -> None:
    """Replace a doc's tags by tags that are known to be right, as a component's own are: no check, so fast."""
    register_extensions()
    data = doc.user_data.setdefault(USER_DATA_KEY, {})
    data["tags"] = [tag.to_dict() for tag in tags]
    data[LENGTH] = text_length(doc)


def take_own(doc: "Doc") -> List[Tag]:
    """Take the tags that a generator doesn't replace; a user's own spans become "seller", so that the next keeps them.

    doc (Doc): The doc; what tells which spans are a user's is taken out.
    RETURNS (List[Tag]): The tags.
    """
    own = {tuple(place) for place in doc.user_data.get(USER_DATA_KEY, {}).pop(OWN, ())}
    kept = []
    for tag in get_tags(doc):
        if tag.source != "span":
            kept.append(tag)
        elif (tag.start, tag.end, tag.facet) in own:
            kept.append(replace(tag, source="seller"))
    return kept


def get_tag_issues(doc: "Doc") -> Tuple[Dict[str, Any], ...]:
    """Read what the corrector found; the getter of ``doc._.tag_issues``. RETURNS (Tuple[Dict, ...]): The issues."""
    return tuple(doc.user_data.get(USER_DATA_KEY, {}).get("issues", ()))


def set_tag_issues(doc: "Doc", issues: Iterable[Mapping[str, Any]]) -> None:
    """Replace what the corrector found; the setter of ``doc._.tag_issues``."""
    doc.user_data.setdefault(USER_DATA_KEY, {})["issues"] = [dict(issue) for issue in issues]


def note_issue(doc: "Doc", reason: str, **details: Any) -> None:
    """Add to ``doc._.tag_issues`` what a component says of a doc's tags as a whole, in place of what it said before.

    doc (Doc): The doc.
    reason (str): A code, such as too_many_tags.
    **details (Any): Values of built-in types.
    """
    forget_issue(doc, reason)
    doc.user_data.setdefault(USER_DATA_KEY, {}).setdefault("issues", []).append({"reason": reason, **details})


def forget_issue(doc: "Doc", reason: str) -> None:
    """Take out what `note_issue` added for a reason, where something was."""
    record = doc.user_data.get(USER_DATA_KEY, {})
    if "issues" in record:
        record["issues"] = [issue for issue in record["issues"] if issue.get("reason") != reason or "tag" in issue]


def get_category(doc: "Doc") -> Tuple[str, ...]:
    """Read the category path; the getter of ``doc._.category``. RETURNS (Tuple[str, ...]): From the top; () = none."""
    return tuple(doc.user_data.get(USER_DATA_KEY, {}).get("category", ()))


def set_category(doc: "Doc", path: Iterable[str]) -> None:
    """Replace the category path; the setter of ``doc._.category``. `product_classifier` leaves it as it is."""
    register_extensions()
    stored = doc.user_data.setdefault(USER_DATA_KEY, {})
    stored["category"] = [str(level) for level in path]
    stored.pop(PREDICTED, None)


def predict_category(doc: "Doc", path: Iterable[str]) -> None:
    """Set the category path to a prediction, unless the doc was given one; an earlier prediction is replaced.

    doc (Doc): The doc.
    path (Iterable[str]): The path from the top; () = none was found, and what is there stays.
    """
    path = tuple(path)
    stored = doc.user_data.get(USER_DATA_KEY, {})
    if path and (stored.get(PREDICTED) or not stored.get("category")):
        set_category(doc, path)
        doc.user_data[USER_DATA_KEY][PREDICTED] = True


_REGISTERING = threading.Lock()
_EXTENSIONS: Dict[str, Tuple[Callable[["Doc"], Any], Callable[["Doc", Any], None]]] = {
    "tags": (get_tags, set_tags),
    "tag_issues": (get_tag_issues, set_tag_issues),
    "category": (get_category, set_category),
}


def register_extensions() -> None:
    """Register ``doc._.tags``, ``doc._.tag_issues`` and ``doc._.category``; a second call changes nothing.

    Components do so when they are made, and whoever stores tags: without a pipeline of ours, such as to read a
    ``DocBin``, call it yourself. Importing the package claims nothing: every spaCy command does that.

    RAISES (ValueError): Where another package holds one of the names with another meaning.
    """
    from spacy.tokens import Doc

    for name, (getter, setter) in _EXTENSIONS.items():
        if not Doc.has_extension(name):
            with _REGISTERING:
                if not Doc.has_extension(name):
                    Doc.set_extension(name, getter=getter, setter=setter)
        elif Doc.get_extension(name)[2] is not getter:
            raise ValueError(
                f"spacy_product_tags needs the extension doc._.{name}, which something else has registered; "
                f"remove that one with Doc.remove_extension('{name}'), or use the two in processes of their own"
            )
