"""The bundled corpus: what is written in corpus/listings keeps what the project promises of it."""
import tomllib
from collections import Counter
from pathlib import Path

import pytest
from markup_files import read_markup

from spacy_product_tags.listing import Listing
from spacy_product_tags.listings.check import SPLITS
from spacy_product_tags.listings.convert import split_of

CORPUS = Path(__file__).parents[1] / "corpus"
# As project.yml splits it.
FRACTIONS = (0.76, 0.1, 0.14)
FILES = sorted((CORPUS / "listings").rglob("*.txt"))


@pytest.fixture(scope="module")
def corpus():
    return [listing for file in FILES for listing in read_markup(file)]


@pytest.fixture(scope="module")
def facets():
    with (CORPUS / "facets.toml").open("rb") as file:
        return tomllib.load(file)["facets"]


def test_size(corpus):
    langs = Counter(listing.lang for listing in corpus)
    assert len(corpus) >= 3000
    assert langs["zh"] >= 1400 and langs["en"] >= 800
    assert min(langs[lang] for lang in ("ja", "ko", "de", "fr", "es", "it", "pt")) >= 100
    assert min(langs[lang] for lang in ("ru", "th")) >= 50


def test_breadth(corpus):
    tops = {listing.category[0] for listing in corpus}
    assert len({listing.category for listing in corpus}) >= 500
    assert len(tops) >= 20
    brands = {tag.text.casefold() for listing in corpus for tag in listing.tags if tag.facet == "brand"}
    assert len(brands) >= 1200


def test_test_listings_have_brands_that_training_ones_lack(corpus):
    splits = {name: [] for name in SPLITS}
    for listing in corpus:
        splits[split_of(listing, FRACTIONS)].append(listing)
    assert len(splits["test"]) >= 400
    seen = {tag.text.casefold() for listing in splits["train"] for tag in listing.tags if tag.facet == "brand"}
    asked = [{tag.text.casefold() for tag in listing.tags if tag.facet == "brand"} for listing in splits["test"]]
    assert sum(bool(brands) and not brands & seen for brands in asked) >= 0.2 * len(asked)


def test_ids_are_unique_and_name_their_language(corpus):
    ids = [listing.id for listing in corpus]
    assert not [id for id, count in Counter(ids).items() if count > 1]
    assert not [listing.id for listing in corpus if not listing.id.startswith(f"{listing.lang}-")]


def test_no_text_stands_twice(corpus):
    assert not [text for text, count in Counter(listing.text for listing in corpus).items() if count > 1]


def test_whole_paths_and_products_with_several_rows(corpus):
    assert all(len(listing.category) >= 2 for listing in corpus)
    rows = Counter(listing.product for listing in corpus)
    assert sum(count > 1 for count in rows.values()) >= 300


def test_the_facets_are_those_of_the_facet_file_and_each_is_used(corpus, facets):
    used = Counter(tag.facet for listing in corpus for tag in listing.tags)
    assert set(used) == set(facets)
    assert min(used.values()) >= 30
    assert all(isinstance(text, str) and text for text in facets.values())


def test_offsets_are_right(corpus):
    for listing in corpus:
        for tag in listing.tags:
            if tag.start is not None:
                assert listing.text[tag.start : tag.end] == tag.text == tag.text.strip(), listing.id
            else:
                assert tag.source == "implicit"
        # What the reader of JSON lines checks holds as well.
        assert Listing.from_dict(listing.to_dict()) == listing


def test_no_tag_stands_twice_on_one_span(corpus):
    for listing in corpus:
        spans = [(tag.start, tag.end) for tag in listing.tags if tag.start is not None]
        assert len(spans) == len(set(spans)), listing.id


def test_every_listing_has_tags_and_many_have_implicit_ones(corpus):
    assert all(any(tag.start is not None for tag in listing.tags) for listing in corpus)
    assert sum(any(tag.start is None for tag in listing.tags) for listing in corpus) >= len(corpus) / 3


def test_seller_tags_with_right_answers(corpus):
    with_seller = [listing for listing in corpus if listing.seller_tags]
    assert len(with_seller) >= len(corpus) / 3
    kinds = Counter()
    for listing in with_seller:
        assert len(listing.seller_answers) == len(listing.seller_tags), listing.id
        for typed, answer in zip(listing.seller_tags, listing.seller_answers):
            kinds["removed" if answer is None else "kept" if answer == typed else "changed"] += 1
    # To let a right tag be is the normal case; a corrector that always changes must not score well.
    assert kinds["kept"] > kinds["changed"] > kinds["removed"] >= 50


def test_no_tag_is_wider_than_the_default_configs_allow(corpus):
    assert max(tag.end - tag.start for listing in corpus for tag in listing.tags if tag.start is not None) <= 64
