"""`product-tags render`: a page that shows the tags in their texts."""
from html import escape
from pathlib import Path
from typing import Annotated, Any, Collection, Dict, Iterable, Mapping, Sequence

import typer

from ..batch import tag_records
from ..errors import ListingError
from ..listing import Listing
from ..tag import Tag
from ._util import (
    Complaints,
    GpuOpt,
    InputOpt,
    ModelArg,
    TextsArg,
    check_source,
    load_pipeline,
    one_writer,
    open_records,
)

# displaCy's own page declares no encoding, and shows a title as it is, markup and all.
_PAGE = """<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8">
<title>Product tags</title>
<style>
body {{ font-family: "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; margin: 2rem; }}
figure {{ margin: 0 0 2rem; }}
.chip {{ border-radius: 0.35em; padding: 0.2em 0.5em; margin-right: 0.5em; }}
</style>
</head>
<body>
{body}
</body>
</html>
"""


@one_writer("output")
def render_cli(
    model: ModelArg,
    texts: TextsArg = None,
    source: InputOpt = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="HTML file to write", dir_okay=False)
    ] = Path("tags.html"),
    gpu_id: GpuOpt = -1,
) -> None:
    """
    Tag texts and write a page that shows the tags in colours.
    """
    check_source(texts, source)
    nlp = load_pipeline(model, gpu_id)
    complaints = Complaints()
    listings = []
    with open_records(texts, source, nlp.max_length) as rows:
        for record in rows.track(tag_records(nlp, iter(rows), on_tag_error=lambda err: complaints(rows.place(err)))):
            if isinstance(record, ListingError):
                complaints(record)
            else:
                listings.append(record)
    output.parent.mkdir(parents=True, exist_ok=True)
    taggers = (name for name in nlp.pipe_names if "doc._.tags" in nlp.get_pipe_meta(name).assigns)
    facets = {label for name in taggers for label in nlp.pipe_labels.get(name, ())}
    output.write_text(render_page(listings, facets), encoding="utf8")
    typer.echo(f"{output}: {len(listings)} listings")
    complaints.exit("lines are not on the page")


def render_page(listings: Iterable[Listing], facets: Collection[str] = ()) -> str:
    """Draw listings with their tags.

    listings (Iterable[Listing]): The listings.
    facets (Collection[str]): The facets there can be, such as a pipeline has; their colours are then the same on
        every page.
    RETURNS (str): A whole HTML page.
    """
    listings = list(listings)
    others = {tag.facet for listing in listings for tag in listing.tags}.difference(facets)
    colors = {facet: _color(number) for number, facet in enumerate((*sorted(facets), *sorted(others)))}
    figures = (f"<figure>{render_listing(listing, colors)}</figure>" for listing in listings)
    return _PAGE.format(body="\n".join(figures))


def render_listing(listing: Listing, colors: Mapping[str, str]) -> str:
    """Draw a listing with displaCy: its text with the tags in it, and below it the tags that are not in it.

    listing (Listing): The listing.
    colors (Mapping[str, str]): A CSS colour for each facet.
    RETURNS (str): HTML.
    """
    from spacy import displacy

    spans = sorted((tag for tag in listing.tags if tag.start is not None), key=_outer_first)
    # displaCy escapes the text, but takes labels for HTML; and it looks colours up by labels as they are shown.
    labels = [escape(tag.facet) for tag in spans]
    options = {"colors": {escape(facet): color for facet, color in colors.items()}}
    if any(right.span[0] < left.span[1] for left, right in zip(spans, spans[1:])):
        style, data = "span", _as_tokens(listing.text, spans, labels)
    else:
        ents = [{"start": tag.start, "end": tag.end, "label": label} for tag, label in zip(spans, labels)]
        style, data = "ent", {"text": listing.text, "ents": ents}
    markup = displacy.render(data, style, manual=True, options=options, jupyter=False)
    chips = (
        f'<span class="chip" style="background: {colors[tag.facet]}">{escape(tag.text)} '
        f"<small>{escape(f'{tag.facet} ({tag.source})'.strip())}</small></span>"
        for tag in listing.tags
        if tag.start is None
    )
    return f"{markup}<p>{''.join(chips)}</p>"


def _color(number: int) -> str:
    # The golden angle keeps the hues of any number of facets apart; dark text can be read on all of them.
    return f"hsl({number * 137.508 % 360:.0f}, 75%, {(72, 80, 88)[number % 3]}%)"


def _outer_first(tag: Tag) -> Any:
    start, end = tag.span
    return start, -end, tag.facet


def _as_tokens(text: str, tags: Sequence[Tag], labels: Sequence[str]) -> Dict[str, Any]:
    """Cut the text where tags start and end: displaCy shows overlaps of whole tokens. RETURNS (Dict): Its input."""
    cuts = sorted({0, len(text), *(offset for tag in tags for offset in tag.span)})
    at = {cut: number for number, cut in enumerate(cuts)}
    return {
        "text": text,
        "tokens": [text[start:end] for start, end in zip(cuts, cuts[1:])],
        "spans": [
            {"start_token": at[start], "end_token": at[end], "label": label}
            for (start, end), label in zip((tag.span for tag in tags), labels)
        ],
    }
