import pytest
from growth import assert_linear, repeated
from hypothesis import given, settings
from hypothesis import strategies as st
from markup_files import read_markup

from spacy_product_tags import ListingError, Tag
from spacy_product_tags.listings.markup import iter_markup, parse_markup

FILE = """# A comment.
== 服饰 > 男装 > T恤

zh-0001 nike-dry-tee
[耐克|brand]2024新款[纯棉|material][T恤|product]
> 面料柔软，[吸汗透气|function]。
# in the middle
> [夏|season]天
+ 夏季|season; a|b|style
~ 男士; 全棉 => 纯棉; 包邮 => -

== 数码 > 手机壳
zh-0002 case
[[苹果|brand]15|compatibility] \\[壳\\] a|b
"""


def write(tmp_path, text, name="zh-2.txt"):
    path = tmp_path / name
    path.write_text(text, encoding="utf8")
    return path


def test_a_file(tmp_path):
    first, second = read_markup(write(tmp_path, FILE))
    assert (first.id, first.product, first.lang, first.category) == (
        "zh-0001", "nike-dry-tee", "zh", ("服饰", "男装", "T恤"),
    )  # fmt: skip
    assert first.title == "耐克2024新款纯棉T恤"
    assert first.description == "面料柔软，吸汗透气。\n夏天"
    assert [(tag.text, tag.facet) for tag in first.tags] == [
        ("耐克", "brand"), ("纯棉", "material"), ("T恤", "product"), ("吸汗透气", "function"), ("夏", "season"),
        ("夏季", "season"), ("a|b", "style"),
    ]  # fmt: skip
    assert all(first.text[tag.start : tag.end] == tag.text for tag in first.tags[:5])
    assert first.tags[5] == Tag("夏季", "season", source="implicit")
    assert first.seller_tags == ("男士", "全棉", "包邮")
    assert first.seller_answers == ("男士", "纯棉", None)
    assert (second.title, second.category) == ("苹果15 [壳] a|b", ("数码", "手机壳"))
    assert second.tags == (Tag("苹果15", "compatibility", 1.0, 0, 4), Tag("苹果", "brand", 1.0, 0, 2))


def test_a_byte_order_mark_is_passed_over(tmp_path):
    assert len(list(read_markup(write(tmp_path, "\ufeff" + FILE[FILE.index("==") :])))) == 2


@pytest.mark.parametrize(
    "line, problem",
    [
        ("[耐克|brand", "no closing"),
        ("[耐克", "never closed"),
        ("耐克]", "closes nothing"),
        ("[耐克|]", "needs one facet"),
        ("[耐克|brand|x]", "needs one facet"),
        ("[耐克]", "closes nothing"),
        ("[|brand]", "empty"),
        ("[ 耐克|brand]", "blanks at its ends"),
        ("[耐|a[克|b]", "needs one facet"),
    ],
)
def test_bad_spans(line, problem):
    with pytest.raises(ValueError, match=problem):
        parse_markup(line)


@pytest.mark.parametrize(
    "text, line, problem",
    [
        ("zh-1 p\nT恤\n", 1, "no '== A > B > C' line"),
        ("== A >\n", 1, "empty level"),
        ("== A\n\nzh-1\nT恤\n", 3, "'id product'"),
        ("== A\n\nzh-1 p\n", 3, "'id product'"),
        ("== A\n\nzh-1 p\nT恤\nT恤\n", 5, "second title"),
        ("== A\n\nzh-1 p\nT恤\n> [x\n", 5, "never closed"),
        ("== A\n\nzh-1 p\nT恤\n+ 夏季\n", 5, "'value|facet'"),
        ("== A\n\nzh-1 p\nT恤\n~ x =>\n", 5, "'x => -'"),
        ("== A\n\nzh-1 p\nT恤\n== B\n", 5, "blank line above"),
    ],
)
def test_errors_name_file_and_line(tmp_path, text, line, problem):
    path = write(tmp_path, text)
    with pytest.raises(ListingError) as info:
        list(read_markup(path))
    assert (info.value.path, info.value.line) == (str(path), line)
    assert problem in info.value.problem


PLAIN = st.text(st.sampled_from("ab克|[]\\ #>"), max_size=4)
TREES = st.recursive(
    st.tuples(PLAIN, st.none()),
    lambda children: st.tuples(st.lists(children, min_size=1, max_size=3), st.sampled_from(["brand", "a b", "色"])),
    max_leaves=8,
)


def render(tree, start=0):
    """Write a tree of texts and spans as markup. RETURNS (Tuple[str, str, list]): Markup, text and spans."""
    content, facet = tree
    if facet is None:
        markup = "".join("\\" + char if char in "\\[]|" else char for char in content)
        return markup, content, []
    markup, text, spans = "", "", []
    for child in content:
        inner = render(child, start + len(text))
        markup, text, spans = markup + inner[0], text + inner[1], spans + inner[2]
    if not text or text != text.strip():
        return markup, text, spans
    return f"[{markup}|{facet}]", text, [(start, start + len(text), facet), *spans]


@settings(deadline=None)
@given(st.lists(TREES, max_size=4))
def test_what_is_rendered_parses_to_what_it_was(trees):
    markup, text, spans = render((trees, "top"))
    if spans and spans[0][2] == "top":
        markup, spans = markup[1 : -len("|top]")], spans[1:]
    found, tags = parse_markup(markup)
    assert found == text
    assert sorted((tag.start, tag.end, tag.facet) for tag in tags) == sorted(spans)
    assert all(tag.text == text[tag.start : tag.end] for tag in tags)
    assert [tag.start for tag in tags] == sorted(tag.start for tag in tags)


def test_one_bad_block_costs_no_good_one(tmp_path):
    path = tmp_path / "zh.txt"
    head = "== A > B\n\n"
    blocks = ["1 p\n[耐克|brand]T恤\n", "2 p\n耐克]\n", "3 p\n== C\n红色\n", "4 p\n> x\n红色\n", "== D > \n", "5 p\n红\u2028色\n"]
    path.write_bytes((head + "\n".join(blocks)).encode("utf8") + b"\n6 p\n\xff\n\n7 p\n" + "白".encode())
    found = list(iter_markup(path))
    assert [(line, one.title) for line, one in found if not isinstance(one, ListingError)] == [
        (3, "耐克T恤"), (9, "红色"), (19, "红\u2028色"), (25, "白"),
    ]  # fmt: skip
    assert [(line, one.line, one.field) for line, one in found if isinstance(one, ListingError)] == [
        (7, 7, "markup"), (10, 10, "category"), (14, 14, "markup"), (17, 17, "category"), (23, 23, "markup"),
    ]  # fmt: skip
    with pytest.raises(ListingError, match=r"zh.txt:7: markup: ']' at column 3"):
        list(read_markup(path))


def test_offsets_of_many_lines_of_description(tmp_path):
    path = write(tmp_path, "== A > B\n\n1 p\n红[色|color]\n" + "> 面[料|material]\n" * 40)
    (listing,) = read_markup(path)
    assert len(listing.tags) == 41
    assert all(listing.text[tag.start : tag.end] == tag.text for tag in listing.tags)


def test_spans_nest_so_deep_and_no_deeper():
    assert len(parse_markup("[" * 8 + "a" + "|x]" * 8)[1]) == 8
    with pytest.raises(ValueError, match="column 9 is within 8 others"):
        parse_markup("[" * 9 + "a" + "|x]" * 9)


def parse(text):
    try:
        return parse_markup(text)
    except ValueError:
        return None


def read(folder, text):
    path = folder / "zh.txt"
    path.write_text(text, encoding="utf8", errors="replace")
    return list(iter_markup(path))


@pytest.mark.parametrize("unit", ["[a|b]", "[", "a", "|", "[[[a|b]c|d]e|f]", "\\", "[[a|b", "]", "红"])
def test_time_is_linear(unit):
    assert_linear(parse, repeated(unit), repeats=2)


@pytest.mark.parametrize("unit", ["> a\n", "~ a;b\n", "+ a|b;c|d\n", "1 p\na\n\n", "== a > b\n", "== a\n\n1 p\n", "#\n"])
def test_time_of_files_is_linear(unit, tmp_path):
    assert_linear(lambda text: read(tmp_path, text), lambda size: "== A\n\n1 p\nt\n" + repeated(unit)(size), repeats=2)
