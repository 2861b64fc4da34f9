"""Make one tag of those that are the same, and tell which was made of which."""
from typing import Any, Dict, Iterable, List, Sequence, Set, Tuple

from ...tag import Tag
from ...text.folding import lookup_key


def merge_tags(
    pairs: Sequence[Tuple[Tag, Tag, str, float]], earlier: Sequence[Dict[str, Any]]
) -> Tuple[List[Tag], List[Dict[str, Any]]]:
    """Make one of tags that are the same.

    pairs (Sequence[Tuple[Tag, Tag, str, float]]): Each tag as it was and as it is; how it was found, how surely.
    earlier (Sequence[Dict[str, Any]]): The doc's trace; of a tag that went through here before, it says more.
    RETURNS (Tuple[List[Tag], List[Dict[str, Any]]]): The tags in order, and the trace.
    """
    facets: Dict[str, Set[str]] = {}
    names = [_name(tag) for _, tag, _, _ in pairs]
    for name, (_, tag, _, _) in zip(names, pairs):
        facets.setdefault(name, set()).update([tag.facet] if tag.facet else [])
    known = _by_tag(earlier)
    merged: Dict[Tuple[str, str], Tag] = {}
    found: List[Tuple[Tuple[str, str], Dict[str, Any]]] = []
    for name, (before, tag, how, probability) in zip(names, pairs):
        own = facets[name]
        # What a seller typed has no facet: it joins the tag of the text, if there is one of that name.
        same = (name, next(iter(own)) if not tag.facet and len(own) == 1 else tag.facet)
        if same not in merged or _rank(tag) > _rank(merged[same]):
            merged[same] = tag
        step = {field: getattr(before, field) for field in ("text", "start", "end", "source")}
        step["given"] = before.facet
        new = [{**step, "how": how, "probability": float(probability)}]
        found += [(same, step) for step in known.pop((before.text, before.facet, before.canonical_id), new)]
    steps = []
    for same, step in found:
        tag = merged[same]
        steps.append({**step, "became": tag.text, "facet": tag.facet, "canonical_id": tag.canonical_id})
    return list(merged.values()), steps


def as_written(tags: Iterable[Tag], earlier: Sequence[Dict[str, Any]]) -> List[Tuple[str, str]]:
    """Say what was written, so that a listing tells the same when it is normalized again.

    tags (Iterable[Tag]): The tags.
    earlier (Sequence[Dict[str, Any]]): The doc's trace.
    RETURNS (List[Tuple[str, str]]): Texts and facets, of tags that were merged too.
    """
    known, written = _by_tag(earlier), []
    for tag in tags:
        steps = known.pop((tag.text, tag.facet, tag.canonical_id), ())
        written += [(step["text"], step.get("given", tag.facet)) for step in steps] or [(tag.text, tag.facet)]
    return written


def _by_tag(earlier: Sequence[Dict[str, Any]]) -> Dict[Tuple[str, str, str], List[Dict[str, Any]]]:
    known: Dict[Tuple[str, str, str], List[Dict[str, Any]]] = {}
    for step in earlier:
        known.setdefault((step["became"], step["facet"], step["canonical_id"]), []).append(step)
    return known


def _name(tag: Tag) -> str:
    # Ids and texts must not be taken for one another.
    return f"id {tag.canonical_id}" if tag.canonical_id else f"text {lookup_key(tag.text) or tag.text}"


def _rank(tag: Tag) -> Tuple[bool, bool, float]:
    # Words of the text speak louder than what a seller typed.
    return tag.start is not None, bool(tag.facet), tag.score
