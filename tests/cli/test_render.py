"""`product-tags render`."""
import re
from html.parser import HTMLParser

from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_product_tags import Listing, Tag
from spacy_product_tags.cli.render import render_page


class Page(HTMLParser):
    """Collects tags and text, and fails on tags that don't nest."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open, self.names, self.text = [], set(), ""
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        if tag not in ("br", "meta"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open and "title" not in self.open:
            self.text += data


def squeeze(text: str) -> str:
    return "".join(text.split())


KNOWN = {"html", "head", "meta", "title", "style", "body", "figure", "div", "p", "span", "mark", "small", "br"}


def test_command(run, pipeline, gold, tmp_path):
    (tmp_path / "in.txt").write_text("\n".join(listing.title for listing in gold), encoding="utf8")
    result = run("render", pipeline, "-i", tmp_path / "in.txt", "-o", tmp_path / "new" / "out.html")
    assert result.exit_code == 0, result.stderr
    page = Page((tmp_path / "new" / "out.html").read_text(encoding="utf8"))
    assert "耐克brand2024新款男士gender纯棉material短袖T恤product" in squeeze(page.text)
    # The second has a tag within a tag.
    assert "苹果compatibilityiPhone15Promodel手机壳product" in squeeze(page.text)


def test_bad_lines(run, pipeline, tmp_path):
    output = tmp_path / "out.html"
    result = run("render", pipeline, "-o", output, input=b'{"title": "Nike"}\n{"title": 3}\n')
    assert result.exit_code == 1
    assert "stdin:2: title" in result.stderr
    assert output.read_text(encoding="utf8").count("<figure>") == 1


def test_colors_are_stable():
    def color(page: str, facet: str) -> str:
        return re.search(r"background: (hsl\([^)]*\))(?:(?!background).)*>" + facet + "<", page, re.S)[1]

    brand, red = Tag("Nike", "brand", 1.0, 0, 4), Tag("red", "color", 1.0, 5, 8)
    both = render_page([Listing(title="Nike red", tags=(brand, red))], ["brand", "color"])
    one = render_page([Listing(title="Nike red", tags=(red,))], ["color", "brand"])
    assert color(both, "color") == color(one, "color") != color(both, "brand")


EVIL = st.text(st.sampled_from("a<>&\"'/{}%恤 \n"), min_size=1, max_size=12).filter(str.strip)


@settings(deadline=None, max_examples=200)
@given(title=EVIL, facets=st.lists(EVIL, min_size=1, max_size=3), data=st.data())
def test_whatever_stands_in_it_stays_text(title, facets, data):
    spans = st.tuples(st.integers(0, len(title)), st.integers(0, len(title))).filter(lambda span: span[0] < span[1])
    tags = [
        Tag(title[start:end], data.draw(st.sampled_from(facets)), 1.0, start, end)
        for start, end in data.draw(st.lists(spans, max_size=4))
        if title[start:end] == title[start:end].strip()
    ]
    page = Page(render_page([Listing(title=title, tags=(*tags, Tag(title, facets[0], source="implicit")))]))
    assert page.names <= KNOWN
    shown = squeeze(page.text)
    assert all(squeeze(facet) in shown for facet in (*(tag.facet for tag in tags), facets[0]))
    if not tags:
        assert shown.startswith(squeeze(title))
