import json
import random
from dataclasses import replace
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_product_tags.errors import ListingError
from spacy_product_tags.generate.taxonomy import clean_label, read_taxonomy
from spacy_product_tags.generate.titles import collect_values, generate_titles, rearrange, vary_listing
from spacy_product_tags.generate.write import fill, make_brand, make_model, make_promotion, write_product
from spacy_product_tags.listing import Listing
from spacy_product_tags.listings.markup import parse_markup
from spacy_product_tags.tag import Tag

APPAREL = ("Apparel & Accessories", "Clothing", "Shirts")
MARKUP = (
    ("zh", "[优衣库|brand][男士|gender][纯棉|material]短袖[T恤|product][圆领|design] [白色|color] [3件装|quantity]"),
    ("zh", "[耐克|brand]【[女士|gender]】[亚麻|material][衬衫|product] [V领|design] [藏青色|color] [2件装|quantity]"),
    ("zh", "[李宁|brand][真丝|material][衬衣|product]适用[通勤|occasion] [翻领|design] [米色|color] 5G"),
    ("en", "[Gildan|brand] [Men's|gender] [T-Shirt|product], [Cotton|material], [Black|color], [Large|size]"),
    ("en", "[Anvil|brand] [Linen|material] [Shirt|product] for [work|occasion] - [Navy|color] [6-Pack|quantity]"),
)
CATEGORIES = (
    ("aa", None, (), {"en": APPAREL[0], "zh-CN": "服饰与配饰", "de": "Bekleidung & Accessoires"}),
    ("aa-1", "aa", ("color",), {"en": "Clothing", "zh-CN": "服装", "de": "Bekleidung"}),
    ("aa-1-1", "aa-1", ("color", "fabric", "target_gender", "size"), {"en": "Shirts", "zh-CN": "衬衫", "de": "Hemden"}),
    ("aa-1-2", "aa-1", ("color", "fabric", "size"), {"en": "Dresses", "zh-CN": "连衣裙/裙子", "de": "Kleider"}),
)
COLORS = {"Blue": ("蓝酒", "Blau"), "Navy": ("藏青色", "Marineblau"), "White": ("白", "Weiß"), "Other": ("其他", "Andere")}
FABRICS = {"Cotton": ("棉布", "Baumwolle"), "Polyvinyl chloride (PVC)": ("聚氯乙烯 (PVC)", "PVC"), "Silk": ("丝绸", "Seide")}


def taxonomy_rows():
    for name, parent, attributes, labels in CATEGORIES:
        yield {"id": name, "parent": parent, "attributes": list(attributes), "labels": labels}
    for name, chinese, table in (("color", "颜色", COLORS), ("fabric", "面料", FABRICS)):
        meaning = {"en": f"Defines the {name} of a product", "zh-CN": f"产品的{chinese}"}
        labels = {"en": name.title(), "zh-CN": chinese, "de": name.title()}
        yield {"id": name, "labels": labels, "descriptions": meaning, "values": [f"{name}__{x}" for x in table]}
        for english, (label, german) in table.items():
            labels = {"en": english, "zh-CN": label, "de": german}
            yield {"id": f"{name}__{english}", "attribute": name, "labels": labels}


@pytest.fixture(scope="module")
def listings():
    made = []
    for number, (lang, line) in enumerate(MARKUP):
        title, tags = parse_markup(line)
        made.append(Listing(title=title, tags=tuple(tags), lang=lang, category=APPAREL, id=str(number)))
    return made


@pytest.fixture(scope="module")
def pools(listings):
    pools = {}
    for listing in listings:
        collect_values(listing, pools)
    return pools


@pytest.fixture(scope="module")
def taxonomy(tmp_path_factory):
    path = tmp_path_factory.mktemp("taxonomy") / "all.jsonl"
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in taxonomy_rows()), encoding="utf8")
    return path


def test_a_seed_gives_the_same_titles_and_another_others(listings, taxonomy):
    first, again, other = (list(generate_titles(listings, [taxonomy], 300, seed)) for seed in (0, 0, 1))
    assert first == again
    assert len(set(first) & set(other)) < 100


def test_titles_are_lines_of_fit_length_and_no_two_alike(listings, taxonomy):
    titles = list(generate_titles(listings, [taxonomy], 1000, 0))
    assert len(titles) == len({title.lower() for title in titles}) == 1000
    for title in titles:
        assert 8 <= len(title) <= 120
        assert title == " ".join(title.split())


def test_all_languages_and_sources_appear(listings, taxonomy):
    titles = list(generate_titles(listings, [taxonomy], 1500, 0))
    chinese = [title for title in titles if any("\u4e00" <= char <= "\u9fff" for char in title)]
    assert 0.4 < len(chinese) / len(titles) < 0.85
    text = "\n".join(titles)
    for part in ("衬衫", "藏青色", "Shirt", "Navy", "Hemden", "Marineblau", "优衣库", "Gildan", "颜色"):
        assert part in text, part
    assert any(stop.join(("Clothing", "Shirts")) in text for stop in (" > ", " / ", ">"))
    assert any("Marineblau" in title and ("Navy" in title or "藏青色" in title) for title in titles)
    # Labels that were taken for another word are mended, those that say nothing are left out.
    assert "蓝酒" not in text and "蓝色" in text
    assert "其他" not in text and "聚氯乙烯" not in text


def test_a_title_that_must_stay_unseen_does_not_come_out(listings, taxonomy):
    titles = list(generate_titles(listings, [taxonomy], 300, 0))
    unseen = titles[10:40]
    others = list(generate_titles(listings, [taxonomy], 300, 0, unseen=[title.upper() for title in unseen]))
    assert len(others) == 300
    assert not {title.lower() for title in unseen} & {title.lower() for title in others}


def test_listings_that_are_not_given_leave_no_trace(listings, taxonomy):
    assert "Anvil" not in "\n".join(generate_titles(listings[:4], [taxonomy], 800, 0))
    assert "Anvil" in "\n".join(generate_titles(listings, [taxonomy], 800, 0))


@pytest.mark.parametrize("lang", ["en-GB", "fil"])
def test_listings_of_a_region_and_of_longer_codes_are_varied_too(listings, lang):
    own = [replace(listing, lang=lang) for listing in listings if listing.lang == "en"]
    assert len(list(generate_titles(own, (), 10, 0))) == 10


def test_it_streams(listings, taxonomy):
    assert len(list(islice(generate_titles(listings, [taxonomy], 10**6, 0), 20))) == 20


def test_small_sources_end_and_empty_ones_are_an_error(listings, tmp_path):
    lonely = [Listing(title="Nike red shirt", tags=(Tag("Nike", "brand", start=0, end=4),), lang="xx")]
    assert "Nike red shirt" in list(generate_titles(lonely, [], 50, 0))
    with pytest.raises(ValueError, match="nothing to generate from"):
        next(generate_titles([Listing(title="no tags")], [], 5, 0))
    with pytest.raises(ValueError, match="count: must not be negative"):
        next(generate_titles(listings, [], -1, 0))


@settings(deadline=None, max_examples=100)
@given(seed=st.integers(0, 10**6), number=st.integers(0, len(MARKUP) - 1))
def test_other_values_keep_their_facets(listings, pools, seed, number):
    listing = listings[number]
    varied = vary_listing(listing, random.Random(seed), pools)
    assert [tag.facet for tag in varied.tags] == [tag.facet for tag in listing.tags]
    for tag in varied.tags:
        assert varied.text[tag.start : tag.end] == tag.text
        if tag.facet not in ("size", "quantity", "spec", "model"):
            assert tag.text in pools[listing.lang, APPAREL][tag.facet]


def test_values_and_numbers_change_at_all(listings, pools):
    varied = [vary_listing(listings[0], random.Random(seed), pools) for seed in range(60)]
    assert {"白色", "藏青色", "米色"} == {tag.text for listing in varied for tag in listing.tags if tag.facet == "color"}
    counts = {tag.text for listing in varied for tag in listing.tags if tag.facet == "quantity"}
    assert {"1件装", "4件装", "6件装"} <= counts
    # Words that no tag covers stay.
    assert all("短袖" in listing.title for listing in varied)


@settings(deadline=None, max_examples=100)
@given(seed=st.integers(0, 10**6), number=st.integers(0, len(MARKUP) - 1))
def test_rearranging_invents_nothing_and_keeps_the_product(listings, seed, number):
    listing = listings[number]
    title = rearrange(listing, random.Random(seed))
    assert not set(title) - set(listing.title) - {" "}
    assert next(tag.text for tag in listing.tags if tag.facet == "product") in title
    if "【" in listing.title:
        assert title == listing.title


def test_rearranging_drops_and_moves(listings):
    titles = {rearrange(listings[2], random.Random(seed)) for seed in range(100)}
    assert len(titles) > 20
    # A word in front of a tag goes where the tag goes.
    assert all(("适用" in title) == ("适用通勤" in title) for title in titles)


def test_a_broken_line_is_reported_and_costs_no_other(taxonomy, tmp_path):
    bad = [
        "{",
        "[]",
        '{"parent": null, "labels": {"en": "x"}}',
        '{"id": "a", "parent": 3, "labels": {"en": "x"}}',
        '{"id": "a", "parent": null, "labels": {"de": "x"}}',
        '{"id": "a", "parent": null, "labels": {"en": " "}}',
        '{"id": "a", "parent": null, "labels": {"en": "x"}, "attributes": "color"}',
        '{"id": "a", "labels": {"en": "x"}, "descriptions": 3, "values": []}',
        '{"shopify": "a", "google": "b"}',
        '{"id": "a", "labels": {"en": "x"}}',
    ]
    path = tmp_path / "broken.jsonl"
    path.write_text("\n".join([*bad, "", taxonomy.read_text(encoding="utf8")]), encoding="utf8")
    errors = []
    assert read_taxonomy([path], on_error=errors.append) == read_taxonomy([taxonomy])
    assert [error.line for error in errors] == list(range(1, len(bad) + 1))
    assert [error.field for error in errors] == [
        "line", "line", "id", "parent", "labels.en", "labels", "attributes", "descriptions", "id", "line",
    ]  # fmt: skip
    assert all(error.path == str(path) for error in errors)
    with pytest.raises(ListingError, match="broken.jsonl:1: line: not valid JSON"):
        read_taxonomy([path])


def test_a_category_knows_those_around_it(taxonomy, tmp_path):
    departments, attributes = read_taxonomy([taxonomy])
    shirts = next(category for category in departments[APPAREL[0]] if category.path[-1]["en"] == "Shirts")
    assert tuple(labels["en"] for labels in shirts.path) == APPAREL
    assert shirts.leaf and not departments[APPAREL[0]][1].leaf
    assert [labels["en"] for labels in attributes["color"].values] == ["Blue", "Navy", "White"]
    loop = tmp_path / "loop.jsonl"
    rows = ({"id": one, "parent": other, "labels": {"en": one}} for one, other in ("ab", "ba"))
    loop.write_text("\n".join(map(json.dumps, rows)), encoding="utf8")
    errors = []
    assert not read_taxonomy([loop, taxonomy], on_error=errors.append).departments.keys() & {"a", "b"}
    assert [(error.line, error.field) for error in errors] == [(1, "parent"), (2, "parent")]


@pytest.mark.parametrize(
    ("label", "lang", "title"),
    [
        ("聚氯乙烯 (PVC)", "zh-CN", "PVC"),
        ("大号 (L)", "zh-CN", "L"),
        ("八面体（8 面）", "zh-CN", "八面体"),
        ("3D 眼镜", "zh-CN", "3D眼镜"),
        ("RFID protection", "en", "RFID protection"),
    ],
)
def test_labels_are_cleaned(label, lang, title):
    assert clean_label(label, lang) == title


def test_english_products_stand_in_the_singular():
    rng = random.Random(0)
    for plural, singular in (("Frying Pans", "Frying Pan"), ("Dresses", "Dress"), ("Berries", "Berry"), ("Jeans", "Jeans")):
        assert {write_product(plural, "en", rng) for _ in range(20)} == {plural, singular}


@settings(deadline=None, max_examples=100)
@given(seed=st.integers(0, 10**6), lang=st.sampled_from(["zh-CN", "zh-TW", "en", "ja", "ko", "de", "xx"]))
def test_made_up_parts_are_whole(seed, lang):
    rng = random.Random(seed)
    assert len(make_brand(lang, rng).strip()) >= 2
    assert "#" not in make_model(rng)
    promotion = make_promotion(lang, rng)
    assert "{" not in promotion and bool(promotion) == (lang != "xx")
    assert fill("{ml}ml x{k}", rng).replace("ml x", "").replace(".", "").isdigit()
