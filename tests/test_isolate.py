"""No listing and no tag stops a run: what is bad is said, with its place, and all others are tagged."""
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.language import Language
from spacy.util import ignore_error

from spacy_product_tags import Listing, ListingError, Tag, tag_listings
from spacy_product_tags.tag import get_tags, note_issue
from spacy_product_tags.values.index import AliasIndex
from spacy_product_tags.values.table import Value
from spacy_product_tags.values.usage import Category, Usage


@Language.component("tests_fragile")
def fragile(doc):
    """Fail as a component does that never met such a tag or text."""
    tags = [tag.text for tag in get_tags(doc)]
    if "poison" in doc.text or "poison" in tags or {"half", "other half"} <= set(tags):
        raise KeyError("İ")
    return doc


@Language.component("tests_many")
def many(doc):
    """Note an issue of the doc as a whole, and one of a tag."""
    if doc.text.startswith("many"):
        note_issue(doc, "too_many_tags", found=1200, kept=1000)
        note_issue(doc, "of_a_stranger", share=0.5)
        note_issue(doc, "spelling", tag=0)
    return doc


@pytest.fixture()
def nlp():
    nlp = spacy.blank("en")
    nlp.add_pipe("tests_fragile")
    return nlp


def shown(records):
    return [[tag.text for tag in x.tags] if isinstance(x, Listing) else (x.line, x.field) for x in records]


@pytest.mark.parametrize("batch_size", [1, 2, 128])
def test_a_tag_that_the_pipeline_fails_on_is_left_out_and_named(nlp, batch_size):
    listings = [
        Listing("a", seller_tags=("red", "poison", "blue")),
        Listing("b", seller_tags=("green",)),
        Listing("poison", seller_tags=("red",)),
        Listing("c", seller_tags=("half", "x", "other half")),
        Listing("d"),
    ]
    with pytest.warns(UserWarning) as warned:
        records = list(tag_listings(nlp, listings, batch_size=batch_size))
    assert shown(records) == [["red", "blue"], ["green"], (3, "title"), ["half", "x"], []]
    assert [str(warning.message).partition(" (")[0] for warning in warned] == [
        "listings:1: seller_tags[1]: 'poison': the pipeline fails on this tag",
        "listings:4: seller_tags[2]: 'other half': the pipeline fails on this tag",
    ]
    assert "KeyError: 'İ'" in str(records[2]) and "KeyError: 'İ'" in str(warned[0].message)
    # What a listing came with stays.
    assert records[0].seller_tags == ("red", "poison", "blue")
    errors = []
    left = list(tag_listings(nlp, listings, batch_size=batch_size, on_error=errors.append))
    assert [x.title for x in left] == ["a", "b", "c", "d"]
    assert [(err.line, err.field) for err in errors] == [(1, "seller_tags[1]"), (3, "title"), (4, "seller_tags[2]")]


@pytest.mark.parametrize("batch_size", [1, 2, 128])
def test_what_is_said_of_the_tags_as_a_whole_is_passed_on(nlp, batch_size):
    nlp.add_pipe("tests_many")
    listings = [Listing("a"), Listing("many", seller_tags=("red", "poison")), Listing("many <b>html</b>"), Listing("d")]
    errors = []
    records = list(tag_listings(nlp, listings, batch_size=batch_size, on_error=errors.append))
    assert shown(records) == [[], ["red"], [], []]
    issues = [
        "1200 stand in the text, the likeliest 1000 are kept (max_tags of the tag generator)",
        "{'reason': 'of_a_stranger', 'share': 0.5}",
    ]
    assert [(err.line, err.problem) for err in errors if err.field == "tags"] == [(n, x) for n in (2, 3) for x in issues]
    assert [(err.line, err.field) for err in errors if err.field != "tags"] == [(2, "seller_tags[1]")]
    with pytest.warns(UserWarning) as warned:
        assert shown(tag_listings(nlp, ["many"])) == [[]]
    assert [str(warning.message) for warning in warned] == [f"listings:1: tags: {issue}" for issue in issues]


def test_a_single_bad_listing_is_no_fault_of_the_pipeline(nlp):
    assert shown(tag_listings(nlp, [Listing("poison")])) == [(1, "title")]


@pytest.mark.parametrize("batch_size", [1, 2, 128])
def test_a_doc_that_an_error_handler_leaves_out_gives_its_place_to_none(nlp, batch_size):
    nlp.set_error_handler(ignore_error)
    listings = [Listing("poison"), Listing("b", seller_tags=("green",)), Listing("c", seller_tags=("poison", "blue"))]
    with pytest.warns(UserWarning, match=r"listings:3: seller_tags\[0\]: 'poison'"):
        records = list(tag_listings(nlp, listings, batch_size=batch_size))
    assert shown(records) == [(1, "title"), ["green"], ["blue"]]
    assert "0 docs for 1, as its error handler" in str(records[0])


def test_a_fault_of_the_pipeline_is_raised(nlp):
    nlp.add_pipe("product_tag_generator")
    with pytest.raises(ValueError, match="product_tag_generator"):
        list(tag_listings(nlp, ["a", "b"]))


def test_a_fault_of_the_pipeline_that_only_tags_meet_is_raised(nlp):
    # It looks at nothing else, and was never trained.
    nlp.add_pipe("product_tag_classifier")
    listings = [Listing("a"), Listing("b", seller_tags=("red", "blue")), Listing("c", seller_tags=("green",))]
    with pytest.raises(ValueError, match="E109.*product_tag_classifier"):
        list(tag_listings(nlp, listings))


@pytest.mark.parametrize(
    "value, field, problem",
    [
        (Listing(title=None), "title", "missing"),
        ({"title": None}, "title", "missing"),
        (float("nan"), "title", "needed is a Listing, a dict of its fields or a title, not float nan"),
        (None, "title", "not NoneType None"),
        (Listing(title=3.5), "title", "must be a string, not 3.5"),
        (Listing("x", description=["a"]), "description", r"must be a string, not \['a'\]"),
        (Listing("x", seller_tags="全棉,夏季"), "seller_tags", "must be a list, not '全棉,夏季'; split the text"),
        (Listing("x", seller_tags=("a", None)), "seller_tags\\[1\\]", "must be a str, not None"),
        (Listing("x", category="服饰"), "category", "must be a list"),
        ({"title": "x", "seller_tags": "全棉"}, "seller_tags", "split the text"),
        ({"titel": "x"}, "titel", "not a field of a listing"),
        ({"title": "x", "tags": [{"text": "y", "start": 0, "end": 1}]}, "tags\\[0\\].start", "does not stand in title"),
        (Listing("x" * 1_000_001), "title", r"has 1000001 characters .*the most is 1000000 \(nlp.max_length\)"),
    ],
)
def test_bad_listings_name_row_and_field_and_stop_nothing(nlp, value, field, problem):
    with pytest.raises(ListingError, match=f"^listings:2: {field}: .*{problem}") as bad:
        for record in tag_listings(nlp, ["a", value, "b"]):
            if isinstance(record, ListingError):
                error = record
            else:
                last = record
        assert last.title == "b"
        raise error
    assert len(str(bad.value)) < 600


def test_titles_dicts_and_listings_are_taken(nlp):
    given = ["耐克男士T恤", {"text": "b", "seller_tags": ["red"]}, Listing(title="c", seller_tags=["blue"], id=7)]
    records = list(tag_listings(nlp, given))
    assert [record.title for record in records] == ["耐克男士T恤", "b", "c"]
    assert shown(records) == [[], ["red"], ["blue"]] and records[2].id == "7"

    class Series:
        """As pandas has it: its values are what is iterated."""

        def __iter__(self):
            return iter(given[:1])

    assert [record.title for record in tag_listings(nlp, Series())] == ["耐克男士T恤"]


@pytest.mark.parametrize("given, hint", [("耐克男士T恤", "one str; give \\[title\\]"), ({"title": "x"}, "one dict; give \\[listing\\]")])
def test_one_listing_is_not_several(nlp, given, hint):
    with pytest.raises(TypeError, match=hint):
        list(tag_listings(nlp, given))


def test_a_table_is_not_its_columns(nlp):
    class Table(list):
        def iterrows(self):
            return iter(())

    with pytest.raises(TypeError, match="table.to_dict\\('records'\\)"):
        list(tag_listings(nlp, Table(["title", "id"])))


def test_limits(nlp):
    listing = Listing("x", seller_tags=("a", " ", "b" * 11, "c" * 10, "d"))
    errors = []
    assert shown(tag_listings(nlp, [listing], max_tags=2, max_tag_length=10, on_error=errors.append)) == [["a", "c" * 10]]
    assert [(err.field, err.problem.partition(";")[0]) for err in errors] == [
        ("seller_tags[2]", "'bbbbbbbbbbb'… has 11 characters, the most is 10"),
        ("seller_tags", "has more than 2 tags"),
    ]
    nlp.max_length = 3
    assert shown(tag_listings(nlp, ["abc", "abcd"])) == [[], (2, "title")]
    for name in ("max_tags", "max_tag_length"):
        with pytest.raises(ValueError, match=f"{name}: must be 1 or more, not 0"):
            list(tag_listings(nlp, ["a"], **{name: 0}))


@settings(deadline=None, max_examples=100)
@given(st.lists(st.text(max_size=12), max_size=5), st.text(max_size=20))
def test_any_tag_and_title_come_through_a_normalizer(tags, title):
    nlp = spacy.blank("zh")
    nlp.add_pipe("product_tag_normalizer")
    errors = []
    (record,) = tag_listings(nlp, [Listing(title, seller_tags=tuple(tags))], on_error=errors.append)
    assert not [err for err in errors if not err.field.startswith("seller_tags")]
    assert record.title == title and len(record.tags) <= len(tags)


@pytest.mark.parametrize("category, facet", [((), ""), (("Plants", "Flowers"), "flower")])
def test_the_category_of_a_listing_tells_what_is_meant(category, facet):
    """As where ``doc._.category`` is set."""
    values = [Value(f"{facet}/rose", facet, {"en": "Rose"}, attributes=(facet,)) for facet in ("color", "flower")]
    categories = [Category(f"c{n}", "", ("color",), {"en": f"Fashion {n}"}) for n in range(99)]
    categories += [Category("plants", "", (), {"en": "Plants"}), Category("f", "plants", ("flower",), {"en": "Flowers"})]
    nlp = spacy.blank("en")
    nlp.add_pipe("product_tag_normalizer").initialize(aliases=AliasIndex.build(values, usage=Usage.build(categories)))
    doc = nlp.make_doc("x")
    doc._.category, doc._.tags = category, ["rose"]
    (record,) = tag_listings(nlp, [Listing("x", category=category, seller_tags=("rose",))])
    assert record.tags == nlp(doc)._.tags
    if facet:
        assert record.tags[0].canonical_id == f"{facet}/rose" and record.category == category


def test_gold_tags_are_replaced_and_an_error_passes(nlp):
    error = ListingError("in.jsonl", 7, "title", "missing")
    records = list(tag_listings(nlp, [Listing("x", tags=(Tag("x", "y", start=0, end=1),)), error]))
    assert records == [Listing("x"), error]
