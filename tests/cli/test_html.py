"""Listings with HTML through the command and the pipeline."""
import json
from time import process_time

import spacy

from spacy_product_tags import Listing, tag_listings
from spacy_product_tags.listing import read_listings
from spacy_product_tags.text.html import markup_spans

CELL = '<td style="width:20px"><img src="https://cdn.example.com/c.jpg" alt="shirt"></td>'
ROW = f"<tr>{CELL}<td><b>纯棉</b>&nbsp;T恤</td><td>Nike shirt</td></tr>\n"


def test_a_description_of_100_kilobytes(pipeline):
    nlp = spacy.load(pipeline)
    listing = Listing("耐克男士纯棉T恤", f"<table>{ROW * (100_000 // len(ROW))}</table>")
    problems = []
    start = process_time()
    (tagged,) = tag_listings(nlp, [listing], on_error=problems.append)
    assert process_time() - start < 4
    # It has more tags than any listing, which is said.
    assert [problem.field for problem in problems] == ["tags"]
    assert (tagged.title, tagged.description) == (listing.title, listing.description)
    assert "T恤" in {tag.text for tag in tagged.tags}
    marked = markup_spans(listing.text)
    edges = {at for start, end in marked for at in range(start, end)}
    for tag in tagged.tags:
        assert listing.text[tag.start : tag.end] == (tag.raw or tag.text)
        assert tag.start not in edges and tag.end - 1 not in edges and "<" not in tag.text


def test_the_pipeline_alone_leaves_markup_untagged(pipeline):
    doc = spacy.load(pipeline)("<b>耐克</b>男士<i>纯棉</i><br/>T恤")
    assert [tag.text for tag in doc._.tags if "<" in tag.text or ">" in tag.text] == []


def test_tag_a_file_with_html(run, pipeline, tmp_path):
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    title = "<b>耐克</b>2024新款男士纯棉短袖<i>T恤</i>"
    source.write_text(json.dumps({"title": title}) + "\n", encoding="utf8")
    result = run("tag", pipeline, "--input", source, "--output", output)
    assert result.exit_code == 0, result.stderr
    (tagged,) = read_listings(output)
    assert tagged.title == title
    assert [(tag.text, tag.start) for tag in tagged.tags][0] == ("耐克", 3)
    assert all(title[tag.start : tag.end] == (tag.raw or tag.text) for tag in tagged.tags)
