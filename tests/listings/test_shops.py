"""Exports of shops and feeds, made by hand after their public layouts: each is told by its header and read as meant."""
import gzip
import json
from pathlib import Path

import pytest

from spacy_product_tags.errors import ListingError
from spacy_product_tags.listings.convert import convert_feed, convert_table, is_feed, read_layouts, shipped_layouts
from spacy_product_tags.listings.convert.layouts import LAYOUTS_PATH, fit_layout

SHOPS = Path(__file__).with_name("shops")


def convert(name):
    """Convert a file. RETURNS (Tuple[Dict[str, Listing], List[ListingError], List[str]]): Listings by id, errors, notices."""
    errors, notices = [], []
    read = convert_feed if is_feed(SHOPS / name) else convert_table
    listings = list(read(SHOPS / name, on_error=errors.append, on_notice=notices.append))
    for listing in listings:
        for tag in listing.tags:
            assert tag.start is None or listing.text[tag.start : tag.end] == tag.text
    return {listing.id: listing for listing in listings}, errors, notices


def tags(listing):
    """Give the tags by facet."""
    found = {}
    for tag in listing.tags:
        found.setdefault(tag.facet, []).append(tag.text)
    return found


@pytest.mark.parametrize("name, layout", [("shopify.csv", "shopify"), ("shopify_2025.csv", "shopify_2025")])
def test_shopify(name, layout):
    listings, errors, notices = convert(name)
    assert not errors and notices[0].startswith(f"read as {layout} ")
    shirt, mug = listings["linen-shirt"], listings["gift-mug"]
    assert (shirt.title, shirt.product) == ("Linen Shirt Long Sleeve", "linen-shirt")
    assert shirt.description == "A breathable shirt, 100% linen.\nSize\nChest, cm\nM\n104"
    assert shirt.category == ("Apparel & Accessories", "Clothing", "Shirts & Tops")
    assert shirt.seller_tags == ("linen", "summer", "new in")
    # One listing of four rows: values of all variants, and those of the metafield.
    assert tags(shirt) == {
        "brand": ["Acme & Sons"],
        "gender": ["unisex"],
        "age_group": ["adult"],
        "color": ["white", "navy-blue", "Navy / Ecru"],
        "size": ["M", "L"],
    }
    # `Default Title` is no tag.
    assert (mug.title, mug.description, tags(mug)) == ("马克杯 陶瓷 350ml", "釉下彩 & 耐高温", {"brand": ["茶语"]})
    assert mug.seller_tags == ()
    assert list(listings) == ["linen-shirt", "gift-mug"]


def test_woocommerce():
    listings, errors, notices = convert("woocommerce.csv")
    assert not errors
    assert notices[1:] == ["2 listings have several categories; the deepest is taken, of those the first"]
    hoodie, red, perfume = listings["hoodie"], listings["hoodie-red"], listings["58"]
    assert hoodie.description == "Soft & warm.\nBrushed fleece\nTwo pockets"
    assert (hoodie.category, hoodie.seller_tags) == (("Clothing", "Hoodies"), ("cotton", "winter"))
    assert tags(hoodie) == {"color": ["Blue", "Green", "Red"], "logo": ["Yes", "No"]}
    # A variant is a listing of its own, of the same product.
    assert (hoodie.product, red.product, tags(red)) == ("hoodie", "hoodie", {"color": ["Red"]})
    assert perfume.category == ("Body Care", "Perfume, Cologne", "Unisex")
    assert perfume.description == "Notes: rose, musk\nMade in France"
    assert (perfume.product, tags(perfume)) == ("id:58", {"scent": ["Rose", "Musk, white"]})


@pytest.mark.parametrize("name", ["amazon.txt", "amazon_2024.txt"])
def test_amazon(name):
    listings, errors, notices = convert(name)
    assert not errors and "cp1252, tabs between the cells, the header is line" in notices[0]
    parent, white, green = (listings[sku] for sku in ("CF-100", "CF-100-38", "CF-100-39"))
    assert parent.title == 'Café Noir Damen Sneaker 15" Schaft'
    assert parent.description == "Für Männer & Frauen\nWeich\nObermaterial: Leder"
    assert parent.seller_tags == ("sneaker", "schuhe")
    assert [listing.product for listing in listings.values()] == ["CF-100"] * 3
    assert tags(white)["color"] == ["weiß"] and tags(green)["color"] == ["grün", "weiß"]
    assert tags(white)["brand"] == ["Café Noir"] and white.category == ("shoes",)


def test_google_tsv():
    listings, errors, notices = convert("google.tsv")
    assert not errors and "utf-16, tabs" in notices[0]
    screen, dress = listings["TV-1"], listings["SH-1"]
    # A number says less than the shop's own path.
    assert screen.category == ("Électronique", "Téléviseurs")
    assert dress.category == ("Apparel & Accessories", "Clothing", "Dresses")
    assert (screen.product, dress.product) == ("TV-1", "SH")
    assert tags(dress) == {
        "brand": ["Acme"], "color": ["Rouge", "Blanc", "Bleu"], "size": ["38"], "material": ["coton", "lin"]
    }  # fmt: skip


def test_google_xml():
    listings, (error,), _ = convert("google.xml")
    assert (error.line, error.field) == (23, "title")
    shirt, mug = listings["B-1"], listings["B-3"]
    assert shirt.title == "女士真丝衬衫 红色 M码"
    assert shirt.description == "100%桑蚕丝 & 透气\n可机洗\n不易皱\n垂感好"
    assert (shirt.category, shirt.product) == (("服饰", "女装", "衬衫"), "B")
    assert tags(shirt) == {"brand": ["丝语"], "color": ["红色", "白色"], "领型": ["翻领"], "袖长": ["长袖"]}
    assert (mug.title, tags(mug)) == ("Mug & saucer", {"color": ["Blue"]})


def test_google_atom():
    listings, errors, _ = convert("google_atom.xml")
    (shoe,) = listings.values()
    assert not errors
    assert (shoe.id, shoe.title, shoe.description) == ("A-1", "Laufschuhe Herren", "Leichte Schuhe, blau")
    assert tags(shoe) == {"brand": ["Läufer"], "color": ["blau"]}


# Feeds that harm

LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><rss><item><title>&b;</title></item></rss>'
FILE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><rss><item><title>&a;</title></item></rss>'
BARE = '<!DOCTYPE rss SYSTEM "http://127.0.0.1:9/x.dtd"><rss><item><title>x</title></item></rss>'


@pytest.mark.parametrize("text", [LAUGHS, FILE, BARE])
def test_document_types_and_entities_are_refused(tmp_path, text):
    path = tmp_path / "feed.xml"
    path.write_text(text, encoding="utf8")
    errors = []
    assert list(convert_feed(path, on_error=errors.append)) == []
    assert [error.field for error in errors] == ["line"] and "remove them" in errors[0].problem


@pytest.mark.parametrize(
    "text, titles, line, problem",
    [
        ("<rss><item><title>a</title></item>\n<item><title>b</item></rss>", ["a"], 2, "well-formed"),
        ("<rss><item><title>a</title></item>\n<item>", ["a"], 2, "well-formed"),
        ("<?xml version='1.0'?><products><product/></products>", [], 1, "<products>"),
        ("<rss>\n<item><title>a</title><description>" + "b" * (2**20 + 1) + "</description></item></rss>", ["a"], 2, "left out"),
        ("<?xml version='1.0' encoding='klingon'?><rss/>", [], 1, "no "),
        ("", [], 1, "it is empty"),
    ],
)
def test_a_broken_feed_loses_nothing_before_it(tmp_path, text, titles, line, problem):
    path = tmp_path / "feed.xml.gz"
    path.write_bytes(gzip.compress(text.encode()))
    errors = []
    listings = list(convert_feed(path, on_error=errors.append))
    assert [listing.title for listing in listings] == titles
    assert errors[0].line == line and problem in errors[0].problem


def test_a_feed_is_read_item_by_item(tmp_path):
    path = tmp_path / "feed.xml"
    items = "<item><title>a</title></item>\n" * 10_000
    path.write_text(f"<rss>{items}", encoding="utf8")
    listings = convert_feed(path)
    # The error stands at the end, and is not found before what stands before it was given.
    assert next(listings).title == "a"
    with pytest.raises(ListingError, match=":10001: "):
        list(listings)


# Layouts are data


def test_each_layout_knows_its_own_header():
    layouts = shipped_layouts()
    assert {"shopify", "woocommerce", "amazon", "google"} <= {layout.name for layout in layouts}
    for layout in layouts:
        assert [other.name for other in layouts if other.is_header(layout.header)][0] == layout.name
        fitted = fit_layout(layout, [name.upper() for name in layout.header])
        assert fitted.title and fitted.title[0].isupper()


def test_a_further_shop_is_data(tmp_path):
    text = '[mine]\nheader = ["品名", "货号"]\ntitle = ["品名"]\nid = ["货号"]\nattributes = { color = ["颜色"] }\n'
    (tmp_path / "mine.toml").write_text(text, encoding="utf8")
    path = tmp_path / "t.csv"
    path.write_text("导出\n货号,品名,颜色\nA1,红色T恤,红色|白色\n", encoding="gb18030")
    (listing,) = convert_table(path, layouts=read_layouts(tmp_path / "mine.toml"))
    assert (listing.id, listing.title, tags(listing)) == ("A1", "红色T恤", {"color": ["红色", "白色"]})


@pytest.mark.parametrize(
    "text, field",
    [
        ('[x]\ntitle = ["a"]\n', "x.header"),
        ('[x]\nheader = ["a"]\n', "x.title"),
        ('[x]\nheader = ["a"]\ntitle = "a"\n', "x.title"),
        ('[x]\nheader = ["a"]\ntitle = ["a"]\ncolour = ["b"]\n', "x.colour"),
        ('[x]\nheader = ["a"]\ntitle = ["a"]\nattributes = { b = "c" }\n', "x.attributes"),
        ('[x]\nheader = ["a"]\ntitle = ["a"]\npairs = [["b"]]\n', "x.pairs"),
        ('[x]\nheader = ["a"]\ntitle = ["a"]\nstrip = "("\n', "x.strip"),
        ("x = 1\n", "x"),
        ("[x\n", "line"),
    ],
)
def test_a_bad_layout_is_told(tmp_path, text, field):
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf8")
    with pytest.raises(ListingError) as caught:
        read_layouts(path)
    assert (caught.value.path, caught.value.field) == (str(path), field)


@pytest.mark.parametrize("path", sorted(SHOPS.iterdir()), ids=lambda path: path.name)
def test_one_command_reads_each(path, tmp_path, monkeypatch):
    from typer.testing import CliRunner

    from spacy_product_tags.cli import app
    from spacy_product_tags.listing import read_listings

    result = CliRunner().invoke(app, ["convert", str(path), str(tmp_path / "out.jsonl")])
    expected, errors, _ = convert(path.name)
    assert result.exit_code == (1 if errors else 0), result.stderr
    assert list(read_listings(tmp_path / "out.jsonl")) == list(expected.values()) and expected
    assert f"{path}: read as " in result.stderr


def test_the_layouts_ship():
    assert json.dumps(str(LAYOUTS_PATH)) and LAYOUTS_PATH.is_file()
