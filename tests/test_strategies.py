"""The texts and listings that other tests draw: they hold what they should, and seeds give the same again."""
import time

import pytest
from hypothesis import given, settings
from strategies import PARTS, clusters, listings, random_texts, seller_tags, texts, titles

from spacy_product_tags.listing import Listing


def test_a_seed_gives_the_same_texts_and_another_gives_others():
    assert list(random_texts(200, seed=1)) == list(random_texts(200, seed=1)) != list(random_texts(200, seed=2))


def test_texts_are_drawn_fast_and_hold_every_kind_of_part():
    start = time.process_time()
    drawn = list(random_texts(5000, seed=0, surrogates=True))
    assert time.process_time() - start < 2
    together = "\n".join(drawn)
    for kind, parts in PARTS.items():
        assert [part for part in parts if part not in together] == [], kind
    assert "" in drawn and len(set(drawn)) > 4500


def test_lone_surrogates_are_only_where_they_are_asked_for():
    "".join(random_texts(2000, seed=3)).encode("utf8")
    with pytest.raises(UnicodeEncodeError):
        "".join(random_texts(2000, seed=3, surrogates=True)).encode("utf8")


@settings(max_examples=50, deadline=None)
@given(listings())
def test_listings_are_good_ones(listing):
    assert Listing.from_dict(listing.to_dict()) == listing


@settings(max_examples=50, deadline=None)
@given(texts(), titles(), clusters(), seller_tags())
def test_strategies_give_texts(text, title, cluster, typed):
    (text + title + cluster + typed).encode("utf8")
    assert title and typed.strip()
