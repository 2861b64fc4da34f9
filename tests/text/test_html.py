import html.parser

import pytest
from growth import HOSTILE, LARGE, assert_linear, repeated
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_product_tags.text.html import has_markup, markup_spans, strip_html


@pytest.mark.parametrize(
    "source, text",
    [
        ("<b>耐克</b><br/>T恤", "耐克\nT恤"),
        ("耐<b>克</b> <i>Nike</i>", "耐克 Nike"),
        ("<table><tr><td>材质</td><td>棉</td></tr></table>", "材质\n棉"),
        ('<p>a\nb</p>\n\n<p class="x > y">c</p>', "a b\nc"),
        ("<DIV STYLE='a'>x</DIV>", "x"),
        ("a<img src='c.jpg' alt=\"<b>\">b", "a b"),
        ("<script>var a = '<p>';</script>x<style>p {}</style>", "x"),
        ("x<!-- 包邮 <b> -->y", "xy"),
        ("<!DOCTYPE html><html><body>x", "x"),
        ("R&amp;D&nbsp;&#32418;&#x8272; &lt;b&gt;", "R&D 红色 <b>"),
        ("第一行\n第二行 &amp; 第三", "第一行\n第二行 & 第三"),
        ('<a href="x?a=1&amp;b=2">链接</a>', "链接"),
        ("<o:p>x</o:p><my-card>y</my-card>", "xy"),
        ("<b>x", "<b>x"),
        # No HTML: it stays as it is.
        ("Size <M> a < b > c 5<6", None),
        ("<S> 尺码  两个空格", None),
        ("AT&T R&D &unknown; <", None),
        ("<耐克> <3 <!-- open <a href='", None),
        ("", None),
    ],
)
def test_text_without_markup(source, text):
    plain = strip_html(source)
    assert plain.text == (source if text is None else text)
    assert has_markup(source) == (plain.text != source)
    assert bool(markup_spans(source)) == has_markup(source)


def test_a_title_stays_one_line():
    assert strip_html("<p>耐克</p>\n<p>T恤</p>", one_line=True).text == "耐克 T恤"


PIECES = st.lists(
    st.one_of(
        st.sampled_from(["<b>", "</b>", "<br>", "<p class='a'>", '<a href="<b>">', "</a>", "<td>", "&amp;", "&#65;", "<!-- x -->"]),
        st.sampled_from(["红色", "a b", " ", "\n", "T恤 ", "x", "<", ">", "&", "<script>", "</script>", "<!--", "'", '"']),
    ),
    max_size=20,
).map("".join)


@given(PIECES)
@settings(deadline=None, max_examples=300)
def test_each_character_comes_from_its_place(source):
    plain = strip_html(source)
    assert len(plain.text) == len(plain.starts) == len(plain.ends)
    marked = {i for start, end in markup_spans(source) for i in range(start, end)}
    at = 0
    for char, start, end in zip(plain.text, plain.starts, plain.ends):
        assert at <= start < end <= len(source)
        at = start
        if char not in " \n":
            assert source[start:end] == char and start not in marked or source[start] == "&"
    # Nothing that is no markup is lost.
    left = [char for i, char in enumerate(source) if i not in marked and not char.isspace()]
    assert [c for c, s in zip(plain.text, plain.starts) if s not in marked and not c.isspace()] == left


class Reference(html.parser.HTMLParser):
    """Python's own reader of HTML: the texts alone."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_data(self, data):
        self.found.append(data)


WHOLE = st.recursive(
    st.sampled_from(["红色", "a", " b ", "&amp;", "&#32418;", "x < y", "<br/>", "<img alt='>'>", "<!-- x > y -->", "T&nbsp;恤"]),
    lambda inner: st.tuples(st.sampled_from(["p", "b", "td", "h1", "span class=\"a>b\""]), st.lists(inner, max_size=3)).map(
        lambda pair: f"<{pair[0]}>{''.join(pair[1])}</{pair[0].split()[0]}>"
    ),
    max_leaves=8,
)


@given(WHOLE)
@settings(deadline=None, max_examples=200)
def test_python_reads_the_same_text(source):
    reference = Reference()
    reference.feed(source)
    reference.close()
    assert "".join(strip_html(source).text.split()) == "".join("".join(reference.found).split())


UNITS = sorted({*HOSTILE, "<a ", '<a b="x" c="', "<script>", "<p b='", "<b>", "</b", "<td>x</td>", "&#65;"})


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.slow
def test_time_is_linear(unit):
    assert_linear(strip_html, repeated(unit), sizes=LARGE)


@pytest.mark.parametrize("unit", ["<a ", '<a b="x" c="', "<script>", "<b>", "<!--", "<td>x</td>"])
def test_unclosed_markup_takes_linear_time(unit):
    assert_linear(strip_html, repeated(unit))
