"""Listings with HTML in them: tags are those of the plain text, at their places in the source."""
from types import SimpleNamespace

import pytest
import spacy
from spacy.language import Language

from spacy_product_tags import Listing, ListingError, Tag, tag_listings
from spacy_product_tags.listings.html import strip_listing

WORDS = ("耐克", "td", "br", "img", "c.jpg", "T恤", "R&D", "柔软", "nbsp", "amp")


@Language.component("test_html_find_words")
def find_words(doc):
    found = [(doc.text.find(word), word) for word in WORDS if word in doc.text]
    doc._.tags = [*doc._.tags, *(Tag(word, "x", 0.5, start, start + len(word)) for start, word in sorted(found))]
    return doc


@pytest.fixture()
def nlp():
    nlp = spacy.blank("zh")
    nlp.add_pipe("test_html_find_words")
    return nlp


LISTING = Listing("<b>耐<i>克</i></b><br/>T恤", "<table><tr><td><img src='c.jpg'>柔&#36719;</td></tr></table>R&amp;D", "1")


def test_tags_stand_where_they_are_in_the_source(nlp):
    plain = Listing("耐克", id="2")
    bad = ListingError("x", 1, "title", "missing")
    tagged, second, error = tag_listings(nlp, [LISTING, plain, bad])
    assert (tagged.title, tagged.description, tagged.id) == (LISTING.title, LISTING.description, "1")
    assert [(tag.text, tag.raw) for tag in tagged.tags] == [
        ("耐克", "耐<i>克"), ("T恤", ""), ("柔软", "柔&#36719;"), ("R&D", "R&amp;D")
    ]  # fmt: skip
    for tag in tagged.tags:
        assert LISTING.text[tag.start : tag.end] == (tag.raw or tag.text)
    # What is written can be read again.
    assert Listing.from_dict(tagged.to_dict()) == tagged
    assert (second.tags, error) == ((Tag("耐克", "x", 0.5, 0, 2),), bad)


@pytest.mark.parametrize("title", ["T恤", "<b>T恤</b>"])
def test_seller_tags_are_read_as_plain_text_too(nlp, title):
    typed = ("<b>红色</b>", "AT&amp;T", "<br>", "纯棉", "a < b", "<p>热卖🔥</p>")
    (tagged,) = tag_listings(nlp, [Listing(title, seller_tags=typed)])
    assert (tagged.title, tagged.seller_tags) == (title, typed)
    assert [(tag.text, tag.raw) for tag in tagged.tags if tag.source == "seller"] == [
        ("红色", "<b>红色</b>"), ("AT&T", "AT&amp;T"), ("纯棉", ""), ("a < b", ""), ("热卖", "<p>热卖🔥</p>")
    ]  # fmt: skip
    assert Listing.from_dict(tagged.to_dict()) == tagged


def test_html_is_left_alone_on_demand(nlp):
    (tagged,) = tag_listings(nlp, [LISTING], strip_html=False)
    assert "td" in [tag.text for tag in tagged.tags] and not any(tag.raw for tag in tagged.tags)


@pytest.mark.parametrize("title, description", [("<p>a</p>", ""), ("a", "<p>b</p>"), ("<br>", "<p> </p>"), ("<p>a</p>", "<br>")])
def test_strip_listing(title, description):
    plain, places = strip_listing(Listing(title, description))
    assert places.text == plain.text and len(places.starts) == len(places.ends) == len(plain.text)
    assert strip_listing(plain) == (plain, None)


def test_order_and_laziness(nlp):
    read = SimpleNamespace(count=0)

    def listings():
        for number in range(100):
            read.count += 1
            yield Listing(f"<b>耐克</b> {number}", id=str(number))

    tagged = tag_listings(nlp, listings(), batch_size=4)
    assert next(tagged).id == "0" and read.count <= 8
    assert [listing.id for listing in tagged] == [str(number) for number in range(1, 100)]
