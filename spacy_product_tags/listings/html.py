"""Listings with HTML in them: read as plain text, with tags that stand where they are in the source."""
from collections import deque
from dataclasses import replace
from typing import Any, Callable, Deque, Iterable, Iterator, Optional, Tuple

from ..listing import Listing
from ..tag import Tag
from ..text.html import PlainText, has_markup, strip_html


def strip_listing(listing: Listing) -> Tuple[Listing, Optional[PlainText]]:
    """Take HTML out of a listing's title and description.

    listing (Listing): The listing; its tags' offsets are not moved.
    RETURNS (Tuple[Listing, Optional[PlainText]]): The listing as plain text, and where the characters of its `text`
        stand in the source's `text`; None = there was no markup, and the listing is as it was.
    """
    if not has_markup(listing.title) and not has_markup(listing.description):
        return listing, None
    title, description = strip_html(listing.title, one_line=True), strip_html(listing.description)
    plain = replace(listing, title=title.text, description=description.text, tags=())
    if not description.text:
        return plain, title
    shift = len(listing.title)
    starts = [*title.starts, shift, *(start + shift + 1 for start in description.starts)]
    ends = [*title.ends, shift + 1, *(end + shift + 1 for end in description.ends)]
    return plain, PlainText(plain.text, starts, ends)


def restore_tags(tags: Iterable[Tag], plain: PlainText, source: Listing) -> Tuple[Tag, ...]:
    """Move tags that were found in a plain text to the source.

    tags (Iterable[Tag]): The tags.
    plain (PlainText): From `strip_listing`.
    source (Listing): The listing as it was.
    RETURNS (Tuple[Tag, ...]): The tags; `raw` is what the source has there, where that is not the tag's text.
    """
    return tuple(tag if tag.start is None else _restore(tag, plain, source.text) for tag in tags)


def _restore(tag: Tag, plain: PlainText, text: str) -> Tag:
    start, end = plain.span(*tag.span)
    surface = text[start:end]
    return replace(tag, start=start, end=end, raw=tag.raw if surface == tag.text else surface)


def tag_as_plain_text(records: Iterable[Any], tag: Callable[[Iterable[Any]], Iterator[Any]]) -> Iterator[Any]:
    """Tag listings without their HTML, and give them back with it.

    records (Iterable[Any]): Listings; anything else goes through as it is.
    tag (Callable[[Iterable[Any]], Iterator[Any]]): Gives one for one, in order, listings with tags.
    YIELDS (Any): The listings with their own title and description, tags where they stand in those.
    """
    waiting: Deque[Tuple[Any, Optional[PlainText]]] = deque()

    def strip() -> Iterator[Any]:
        for record in records:
            stripped, plain = strip_listing(record) if isinstance(record, Listing) else (record, None)
            waiting.append((record, plain))
            yield stripped

    for tagged in tag(strip()):
        source, plain = waiting.popleft()
        if plain is not None and isinstance(tagged, Listing):
            tags = restore_tags(tagged.tags, plain, source)
            tagged = replace(tagged, title=source.title, description=source.description, tags=tags)
        yield tagged
