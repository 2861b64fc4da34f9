"""Listings with HTML in them: read as plain text, with tags that stand where they are in the source."""
from collections import deque
from dataclasses import replace
from typing import Any, Callable, Deque, Iterable, Iterator, Optional, Tuple

from ..listing import Listing
from ..tag import Tag
from ..text.html import PlainText, has_markup, strip_html


def strip_listing(listing: Listing) -> Tuple[Listing, Optional[PlainText]]:
    """Take HTML out of a listing's title, description and seller tags.

    listing (Listing): The listing; its tags' offsets are not moved.
    RETURNS (Tuple[Listing, Optional[PlainText]]): The listing as plain text, and where the characters of its `text`
        stand in the source's `text`; None = there was no markup in it, and it is as it was.
    """
    typed = tuple(strip_html(text, one_line=True).text for text in listing.seller_tags)
    if typed != listing.seller_tags:
        listing = replace(listing, seller_tags=typed)
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


def restore_tags(
    tags: Iterable[Tag], stripped: Listing, plain: Optional[PlainText], source: Listing
) -> Tuple[Tag, ...]:
    """Move tags that were found in a plain text to the source.

    tags (Iterable[Tag]): The tags.
    stripped (Listing): From `strip_listing`.
    plain (Optional[PlainText]): That, too.
    source (Listing): The listing as it was.
    RETURNS (Tuple[Tag, ...]): The tags; `raw` is what the source has there, or what the seller typed, where that is not
        the tag's text.
    """
    typed = {ours: theirs for ours, theirs in zip(stripped.seller_tags, source.seller_tags) if ours != theirs}
    restored = []
    for tag in tags:
        if tag.start is None:
            raw = typed.get(tag.raw or tag.text) if tag.source == "seller" else None
            restored.append(tag if raw is None else replace(tag, raw=raw))
        else:
            restored.append(tag if plain is None else _restore(tag, plain, source.text))
    return tuple(restored)


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
    waiting: Deque[Tuple[Any, Any, Optional[PlainText]]] = deque()

    def strip() -> Iterator[Any]:
        for record in records:
            stripped, plain = strip_listing(record) if isinstance(record, Listing) else (record, None)
            waiting.append((record, stripped, plain))
            yield stripped

    for tagged in tag(strip()):
        source, stripped, plain = waiting.popleft()
        if stripped is not source and isinstance(tagged, Listing):
            tags = restore_tags(tagged.tags, stripped, plain, source)
            kept = {name: getattr(source, name) for name in ("title", "description", "seller_tags")}
            tagged = replace(tagged, **kept, tags=tags)
        yield tagged
