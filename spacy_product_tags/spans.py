"""Between tags and spaCy's spans: ``doc.spans``, a part of a doc, docs that are joined."""
from dataclasses import replace
from typing import TYPE_CHECKING, Tuple

from .tag import Tag, get_tags

if TYPE_CHECKING:
    from spacy.tokens import Doc, Span, SpanGroup

_MODES = ("strict", "contract", "expand")


def tags_to_spans(doc: "Doc", key: str = "sc", *, alignment_mode: str = "expand") -> "SpanGroup":
    """Write the tags that stand in the text to ``doc.spans[key]``, for displaCy, matchers and span components.

    A tag is a span of characters, a spaCy span one of tokens: where they don't end together, `alignment_mode` decides.

    doc (Doc): The doc.
    key (str): The key in ``doc.spans``; "sc" is what displaCy and spaCy's span categorizer read.
    alignment_mode (str): "expand" takes the whole tokens that a tag touches, "contract" those that are wholly in it,
        if any, and "strict" leaves out a tag that starts or ends inside of a token.
    RETURNS (SpanGroup): The spans, their facets as labels, their values' ids as ``kb_id_``; their scores are in
        ``attrs["scores"]``.
    RAISES (ValueError): On another mode.
    """
    from spacy.tokens import SpanGroup

    if alignment_mode not in _MODES:
        raise ValueError(f"alignment_mode: must be one of {', '.join(_MODES)}, not {alignment_mode!r}")
    spans, scores = [], []
    for tag in get_tags(doc):
        if tag.start is None or tag.end is None:
            continue
        span = doc.char_span(
            tag.start, tag.end, label=tag.facet, kb_id=tag.canonical_id, alignment_mode=alignment_mode
        )
        if span is not None and len(span):
            spans.append(span)
            scores.append(tag.score)
    doc.spans[key] = SpanGroup(doc, name=key, attrs={"scores": scores}, spans=spans)
    return doc.spans[key]


def spans_to_tags(doc: "Doc", key: str = "sc") -> Tuple[Tag, ...]:
    """Read ``doc.spans[key]`` as tags, such as those of a span categorizer, a ruler, or of `tags_to_spans`.

    doc (Doc): The doc; it does not change.
    key (str): The key in ``doc.spans``; one that is not there holds none.
    RETURNS (Tuple[Tag, ...]): The tags, to give to ``doc._.tags``: a span's label is the facet, its ``kb_id_`` the
        value's id, and where the group has ``attrs["scores"]``, its score.
    """
    if key not in doc.spans:
        return ()
    group = doc.spans[key]
    scores = [float(score) for score in group.attrs.get("scores", ())]
    if len(scores) != len(group):
        scores = [1.0] * len(group)
    return tuple(
        Tag(span.text, span.label_, score, span.start_char, span.end_char, canonical_id=span.kb_id_)
        for span, score in zip(group, scores)
    )


def tags_in_span(span: "Span") -> Tuple[Tag, ...]:
    """Give the tags that stand wholly in a span, with offsets that count from its start.

    ``part = span.as_doc(); part._.tags = tags_in_span(span)`` is what ``as_doc(copy_user_data=True)`` can't do, as
    spaCy hands user data on as it is.

    span (Span): The span.
    RETURNS (Tuple[Tag, ...]): The tags; none that stands nowhere in the text.
    """
    first, last = span.start_char, span.end_char
    return tuple(
        replace(tag, start=tag.start - first, end=tag.end - first)
        for tag in get_tags(span.doc)
        if tag.start is not None and tag.end is not None and first <= tag.start and tag.end <= last
    )
