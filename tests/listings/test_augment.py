import copy
import json
import pickle
import random
from pathlib import Path

import pytest
import spacy
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from markup_files import read_markup
from spacy.training import Example
from spacy.util import fix_random_seed

from spacy_product_tags import Listing, ListingError, Tag
from spacy_product_tags.listings.augment import (
    apply_edits,
    change_case,
    change_spacing,
    change_width,
    swap_values,
    typing_noise,
)
from spacy_product_tags.listings.tag_noise import MAX_VALUES, create_tag_noise_augmenter, read_values

CORPUS = Path(__file__).parents[2] / "corpus" / "listings"
# Two Chinese, kana and hangul letters each; letters whose case or width misbehaves; an emoji sequence in its parts.
ALPHABET = "耐克棉袖シャ기모abXYßıİé15９Ｔ　  ，。!-/[]👨\u200d👩\ufe0f\u0301\u200b\tя😀"
FACETS = ["brand", "material", "size"]
VALUES = {"brand": ["Nike", "耐克", "李宁", " 坏 ", ""], "material": ["纯棉", "cotton", "a\nb", "９５%棉"], "size": []}


def all_swapped(listing, rng):
    return swap_values(listing, rng, VALUES, rate=1.0)


def all_case(listing, rng):
    return change_case(listing, rng)


def all_width(listing, rng):
    return change_width(listing, rng, rate=1.0)


def some_width(listing, rng):
    return change_width(listing, rng)


def much_spacing(listing, rng):
    return change_spacing(listing, rng, rate=0.7)


def much_noise(listing, rng):
    return typing_noise(listing, rng, rate=0.7)


def any_edits(listing, rng):
    """Draw edits that `apply_edits` allows, deletions of whole spans among them."""
    text = listing.text
    bounds = {len(listing.title), len(listing.title) + 1}
    bounds.update(at for tag in listing.tags if tag.start is not None for at in (tag.start, tag.end))
    edits, at = [], 0
    while at <= len(text):
        end = at + rng.randrange(3)
        separator = listing.description and at <= len(listing.title) < end
        if rng.random() < 0.5 and end <= len(text) and not separator and not bounds & set(range(at + 1, end)):
            edits.append((at, end, rng.choice(["", " ", "新", "X ", " Y", "长一点"])))
        at = end + rng.randrange(2) + (end == at)
    return apply_edits(listing, edits)


AUGMENTERS = [all_swapped, all_case, all_width, some_width, much_spacing, much_noise]


@st.composite
def listings(draw):
    title = draw(st.text(ALPHABET, min_size=1, max_size=25))
    description = draw(st.text(ALPHABET + "\n", max_size=15))
    text = f"{title}\n{description}" if description else title
    tags = []
    for _ in range(draw(st.integers(0, 6))):
        start = draw(st.integers(0, len(text) - 1))
        end = draw(st.integers(start + 1, min(len(text), start + 8)))
        raw = draw(st.sampled_from(["", "", text[start:end]]))
        tag_text = "shown" if raw else text[start:end]
        tags.append(Tag(tag_text, draw(st.sampled_from(FACETS)), 0.5, start, end, canonical_id="id-1", raw=raw))
    tags.insert(draw(st.integers(0, len(tags))), Tag("夏季", "season", source="implicit"))
    return Listing(title, description, id="1", tags=tuple(tags), seller_tags=("棉", "旧"), seller_answers=("棉", None))


def check(old, new):
    """Check what every augmentation must keep."""
    spans = [tag for tag in new.tags if tag.start is not None]
    for tag in spans:
        assert 0 <= tag.start < tag.end <= len(new.text)
        assert (tag.raw or tag.text) == new.text[tag.start : tag.end]
    assert len(new.tags) <= len(old.tags)
    assert [tag for tag in new.tags if tag.start is None] == [tag for tag in old.tags if tag.start is None]
    for name in ("id", "lang", "product", "category", "seller_tags", "seller_answers"):
        assert getattr(new, name) == getattr(old, name)


def check_ends(old, new):
    """Check, where no tag is lost, that no span got a blank at its ends and that each stayed on its side."""
    assert len(new.tags) == len(old.tags)
    for before, after in zip(old.tags, new.tags, strict=True):
        assert (before.facet, before.score, before.source) == (after.facet, after.score, after.source)
        if before.start is not None:
            assert not new.text[after.start].isspace() or old.text[before.start].isspace()
            assert not new.text[after.end - 1].isspace() or old.text[before.end - 1].isspace()
            # A span over the line break (never gold) may shrink to one side of it.
            if "\n" not in old.text[before.start : before.end]:
                assert (before.end <= len(old.title)) == (after.end <= len(new.title))


@pytest.mark.parametrize("augment", [*AUGMENTERS, any_edits])
@given(listing=listings(), seed=st.integers(0, 2**32))
@settings(deadline=None, max_examples=100)
def test_every_augmentation_keeps_the_tags_right(augment, listing, seed):
    new = augment(listing, random.Random(seed))
    check(listing, new)
    assert augment(listing, random.Random(seed)) == new
    assert "\n" not in new.title


@pytest.mark.parametrize("augment", AUGMENTERS)
@given(listing=listings(), seed=st.integers(0, 2**32))
@settings(deadline=None, max_examples=100)
def test_no_augmenter_leaves_blank_ends_or_loses_a_description(augment, listing, seed):
    new = augment(listing, random.Random(seed))
    # Two spans of a facet may fall together, and a span of blanks only (no valid tag) may go.
    assume(len(new.tags) == len(listing.tags))
    check_ends(listing, new)
    assert new.title.strip() or not listing.title.strip()
    assert new.description.strip() or not listing.description.strip()
    assert new.description.count("\n") == listing.description.count("\n")


@given(listing=listings(), seed=st.integers(0, 2**32))
@settings(deadline=None, max_examples=100)
def test_chained_augmentations_make_a_listing_that_reads_back(listing, seed):
    rng = random.Random(seed)
    new = listing
    for augment in AUGMENTERS:
        new = augment(new, rng)
        check(listing, new)
    assume(all(tag.text.strip() for tag in new.tags))
    assert Listing.from_dict(new.to_dict()) == new


@given(listing=listings())
@settings(deadline=None)
def test_edits_that_change_nothing_give_the_same_listing(listing):
    text = listing.text
    assert apply_edits(listing, []) is listing
    same = [(at, at + 1, char) for at, char in enumerate(text) if at != len(listing.title)]
    assert apply_edits(listing, same) == listing
    assert apply_edits(listing, [(at, at, "") for at in range(len(text) + 1)]) == listing


@given(listing=listings(), seed=st.integers(0, 2**32))
@settings(deadline=None)
def test_edits_can_be_taken_back(listing, seed):
    rng = random.Random(seed)
    at = rng.randrange(len(listing.text) + 1)
    longer = apply_edits(listing, [(at, at, "新")])
    assert longer.text == listing.text[:at] + "新" + listing.text[at:]
    assert apply_edits(longer, [(at, at + 1, "")]) == listing


@given(listing=listings(), seed=st.integers(0, 2**32))
@settings(deadline=None)
def test_width_and_case_keep_every_offset(listing, seed):
    for augment in (all_case, all_width):
        new = augment(listing, random.Random(seed))
        assert [(tag.start, tag.end) for tag in new.tags] == [(tag.start, tag.end) for tag in listing.tags]
        assert len(new.title) == len(listing.title) and len(new.text) == len(listing.text)


@given(listing=listings(), seed=st.integers(0, 2**32))
@settings(deadline=None)
def test_spacing_changes_blanks_only(listing, seed):
    new = much_spacing(listing, random.Random(seed))
    assert "".join(new.text.split()) == "".join(listing.text.split())


@given(listing=listings(), seed=st.integers(0, 2**32))
@settings(deadline=None)
def test_noise_keeps_protected_spans_and_digits(listing, seed):
    new = typing_noise(listing, random.Random(seed), rate=0.9, protect={"brand"})
    kept = [tag.raw or tag.text for tag in listing.tags if tag.facet == "brand"]
    assert [tag.raw or tag.text for tag in new.tags if tag.facet == "brand"] == kept
    assert [char for char in new.text if char.isdigit()] == [char for char in listing.text if char.isdigit()]


def nested():
    """Give 苹果 iPhone15 手机壳 / 纯棉: a nested span, two that touch, and one in the description."""
    text = "苹果iPhone15手机壳"
    tags = (
        Tag("苹果", "brand", 1.0, 0, 2, canonical_id="apple"),
        Tag("iPhone15", "compatibility", 1.0, 2, 10),
        Tag("15", "model", 1.0, 8, 10),
        Tag("手机壳", "product", 1.0, 10, 13),
        Tag("纯棉", "material", 1.0, 14, 16),
    )
    return Listing(text, "纯棉里", tags=tags)


def spans(listing):
    return [(tag.text, tag.start, tag.end) for tag in listing.tags]


def test_insertions_at_the_ends_of_spans_stay_outside():
    new = apply_edits(nested(), [(0, 0, "新"), (2, 2, " "), (10, 10, "/"), (8, 8, "-"), (13, 13, "！"), (14, 14, ">")])
    assert (new.title, new.description) == ("新苹果 iPhone-15/手机壳！", ">纯棉里")
    assert spans(new) == [("苹果", 1, 3), ("iPhone-15", 4, 13), ("15", 11, 13), ("手机壳", 14, 17), ("纯棉", 20, 22)]


def test_replacements_in_a_nested_span_move_both():
    new = apply_edits(nested(), [(8, 10, "14 Pro"), (0, 1, ""), (14, 15, "全")])
    assert new.text == "果iPhone14 Pro手机壳\n全棉里"
    assert spans(new)[:3] == [("果", 0, 1), ("iPhone14 Pro", 1, 13), ("14 Pro", 7, 13)]
    assert spans(new)[-1] == ("全棉", 17, 19)


def test_deleted_and_coinciding_spans_go_and_spans_shrink_past_blanks():
    assert [tag.text for tag in apply_edits(nested(), [(0, 2, "")]).tags] == ["iPhone15", "15", "手机壳", "纯棉"]
    new = apply_edits(nested(), [(10, 11, " "), (14, 17, "")])
    assert (new.title, new.description) == ("苹果iPhone15 机壳", "")
    assert spans(new)[3:] == [("机壳", 11, 13)]
    assert [tag.text for tag in apply_edits(nested(), [(2, 10, "小米14")]).tags] == ["苹果", "小米14", "手机壳", "纯棉"]
    twins = Listing("纯棉", tags=(Tag("纯棉", "material", 1.0, 0, 2), Tag("棉", "material", 1.0, 1, 2)))
    assert spans(apply_edits(twins, [(0, 1, "")])) == [("棉", 0, 1)]


def test_line_break_goes_with_an_emptied_description():
    listing = Listing("纯棉", "袖", tags=(Tag("棉\n", "material", 1.0, 1, 3), Tag("袖", "design", 1.0, 3, 4)))
    new = apply_edits(listing, [(3, 4, "")])
    assert new.text == "纯棉" and spans(new) == [("棉", 1, 2)]


def test_raw_follows_the_text_and_the_shown_text_stays():
    listing = Listing("NIKE鞋", tags=(Tag("Nike", "brand", 1.0, 0, 4, raw="NIKE"), Tag("Nike", "brand", 1.0, 0, 4)))
    new = apply_edits(listing, [(3, 4, "")])
    assert [(tag.text, tag.raw, tag.end) for tag in new.tags] == [("Nike", "NIK", 3), ("Nike", "", 3)]


@pytest.mark.parametrize(
    "edits, problem",
    [
        ([(0, 2, "x"), (1, 3, "y")], "overlaps"),
        ([(0, 99, "x")], "leaves the 17 characters"),
        ([(-1, 1, "x")], "leaves"),
        ([(3, 2, "x")], "leaves"),
        ([(1, 3, "x")], "cuts across the end of a span at 2"),
        ([(13, 14, "")], "line break"),
        ([(12, 15, "")], "line break"),
    ],
)
def test_bad_edits_are_named(edits, problem):
    with pytest.raises(ValueError, match=problem):
        apply_edits(nested(), edits)


def test_swap_takes_inner_spans_and_the_same_value_for_the_same_surface():
    tags = (*nested().tags, Tag("苹果", "brand", 1.0, 17, 19))
    listing = Listing(nested().title, "纯棉里苹果", tags=tags)
    values = {"brand": ["HUAWEI"], "compatibility": ["Mate60"], "model": ["14"], "product": ["皮套"], "material": []}
    new = swap_values(listing, random.Random(1), values, rate=1.0)
    # The span around 15 stays but for it; a blank keeps HUAWEI and iPhone apart.
    assert new.text == "HUAWEI iPhone 14皮套\n纯棉里HUAWEI"
    assert [tag.text for tag in new.tags] == ["HUAWEI", "iPhone 14", "14", "皮套", "纯棉", "HUAWEI"]
    assert new.tags[0].canonical_id == ""
    check(listing, new)


def test_swap_leaves_what_a_seller_tag_names_and_crossing_spans():
    crossing = (Tag("纯棉长", "material", 1.0, 0, 3), Tag("长袖", "design", 1.0, 2, 4), Tag("红", "color", 1.0, 4, 5))
    listing = Listing("纯棉长袖红", tags=crossing, seller_tags=("虹",), seller_answers=("红",))
    values = {"material": ["麻"], "design": ["短袖"], "color": ["蓝"]}
    assert swap_values(listing, random.Random(1), values, rate=1.0) is listing


def test_spacing_keeps_latin_words_and_numbers_apart():
    text = "Heavy Cotton 2 3 纯棉 短袖 T恤"
    seen = {change_spacing(Listing(text), random.Random(seed), rate=0.9).text for seed in range(20)}
    assert "Heavy Cotton2 3纯棉短袖T 恤" in seen
    assert not any("HeavyCotton" in new or "23" in new for new in seen)


def test_emoji_and_accents_stay_whole():
    family, accent = "👨\u200d👩", "e\u0301"
    tags = (Tag("👨", "x", 1.0, 0, 1), Tag("e", "x", 1.0, 3, 4))
    for seed in range(30):
        for augment in (much_spacing, much_noise):
            new = augment(Listing(family + accent, tags=tags), random.Random(seed))
            assert family in new.text and accent in new.text


def test_case_and_width_on_known_text():
    titles = {change_case(Listing("iPhone 手机ß ıx"), random.Random(seed)).title for seed in range(20)}
    assert titles == {"iphone 手机ß ıx", "IPHONE 手机ß ıX", "Iphone 手机ß ıx"}
    titles = {change_width(Listing("T恤 １5!"), random.Random(seed), rate=1.0).title for seed in range(20)}
    assert titles == {"Ｔ恤　１５！", "T恤 15!"}


def test_noise_makes_all_four_kinds_of_error():
    seen = {typing_noise(Listing("ab"), random.Random(seed), rate=0.5).title for seed in range(200)}
    assert {"a", "b", "aab", "abb", "ba", "sb", "an", "av"} <= seen
    seen = {typing_noise(Listing("男士"), random.Random(seed), rate=0.5).title for seed in range(200)}
    assert {"男", "男土", "士男", "男男"} <= seen


def bundled():
    return [listing for path in sorted(CORPUS.rglob("*.txt")) for listing in read_markup(path)]


@pytest.mark.parametrize("augment", AUGMENTERS)
def test_bundled_corpus_stays_right_and_changes(augment):
    changed = 0
    old_listings = bundled()
    assert old_listings
    for number, listing in enumerate(old_listings):
        new = augment(listing, random.Random(number))
        check(listing, new)
        Listing.from_dict(new.to_dict())
        if len(new.tags) == len(listing.tags):
            check_ends(listing, new)
        changed += new.text != listing.text
    assert changed > len(old_listings) / 10


ALWAYS = {"level": 1.0, "case": 1.0, "width": 1.0, "spacing": 1.0, "noise": 1.0, "swap": 1.0}


@pytest.fixture
def nlp():
    return spacy.blank("zh")


def examples(nlp, count=30):
    made = []
    for listing in list(read_markup(CORPUS / "zh" / "apparel.txt"))[:count]:
        reference = nlp.make_doc(listing.text)
        reference._.tags = listing.tags
        reference._.category = listing.category
        reference.cats = {listing.category[-1]: 1.0}
        made.append(Example(nlp.make_doc(listing.text), reference))
    return made


def run(augment, nlp, made):
    return [example for one in made for example in augment(nlp, one)]


def facts(made):
    return [(example.reference.text, example.reference._.tags, example.predicted._.tags) for example in made]


def test_augmenter_yields_the_original_and_a_right_copy(nlp):
    made = examples(nlp)
    before = facts(copy.deepcopy(made))
    out = run(create_tag_noise_augmenter(**ALWAYS), nlp, made)
    originals = [example for example in out if any(example is one for one in made)]
    assert len(originals) == len(made) and facts(originals) == before
    copies = [example for example in out if not any(example is one for one in made)]
    assert len(copies) > len(made) * 0.8
    for example in copies:
        text = example.reference.text
        assert example.predicted.text == text
        assert example.predicted._.tags == ()
        assert all(tag.text == text[tag.start : tag.end] for tag in example.reference._.tags if tag.start is not None)
        assert any(tag.start is not None for tag in example.reference._.tags)
        assert list(example.reference.cats) == [example.reference._.category[-1]]
        assert example.reference.text not in {one.reference.text for one in made}


def test_augmenter_level_and_unchanged_copies(nlp):
    made = examples(nlp)
    assert run(create_tag_noise_augmenter(**{**ALWAYS, "level": 0.0}), nlp, made) == made
    nothing = dict.fromkeys(ALWAYS, 0.0) | {"level": 1.0}
    assert run(create_tag_noise_augmenter(**nothing), nlp, made) == made
    fix_random_seed(0)
    half = run(create_tag_noise_augmenter(**{**ALWAYS, "level": 0.5}), nlp, made)
    assert len(made) < len(half) < 2 * len(made)


def test_augmenter_follows_the_seed_and_pickles(nlp):
    made = examples(nlp)
    runs = []
    for seed in (0, 0, 1):
        augment = pickle.loads(pickle.dumps(create_tag_noise_augmenter(**ALWAYS)))
        fix_random_seed(seed)
        runs.append(facts(run(augment, nlp, made)))
    assert runs[0] == runs[1] != runs[2]
    # One that has collected values pickles with them.
    assert pickle.loads(pickle.dumps(augment)).keywords["values"] == augment.keywords["values"] != {}


def test_augmenter_carries_given_tags_on(nlp):
    example = examples(nlp, 1)[0]
    example.predicted._.tags = example.reference._.tags
    for seed in range(5):
        fix_random_seed(seed)
        for noisy in run(create_tag_noise_augmenter(**ALWAYS), nlp, [example]):
            assert noisy.predicted._.tags == noisy.reference._.tags
    # Spans that are not gold have no place in the new text.
    example.predicted._.tags = ["圆领", "包邮", Tag("优衣", "brand", 0.3, 0, 2)]
    *_, noisy = run(create_tag_noise_augmenter(**ALWAYS), nlp, [example])
    assert noisy is not example and [tag.text for tag in noisy.predicted._.tags] == ["圆领", "包邮"]


def test_collected_values_are_bounded_and_distinct(nlp):
    augment = create_tag_noise_augmenter(**{**ALWAYS, "level": 0.0})
    for number in range(MAX_VALUES + 20):
        doc = nlp.make_doc(f"色{number}")
        doc._.tags = [Tag(doc.text, "color", 1.0, 0, len(doc.text)), Tag("夏", "season", source="implicit")]
        for _ in range(2):
            list(augment(nlp, Example(nlp.make_doc(doc.text), doc)))
    values = augment.keywords["values"]
    assert list(values) == ["color"] and len(set(values["color"])) == len(values["color"]) == MAX_VALUES


def test_values_come_from_a_file(nlp, tmp_path):
    (tmp_path / "v.toml").write_text('material = ["亚麻"]\n', encoding="utf8")
    (tmp_path / "v.json").write_text(json.dumps({"material": ["亚麻"]}), encoding="utf8")
    assert read_values(tmp_path / "v.toml") == read_values(tmp_path / "v.json") == {"material": ["亚麻"]}
    nothing = dict.fromkeys(ALWAYS, 0.0) | {"level": 1.0, "swap": 1.0}
    augment = create_tag_noise_augmenter(**nothing, values=tmp_path / "v.toml")
    doc = nlp.make_doc("纯棉短袖")
    doc._.tags = [Tag("纯棉", "material", 1.0, 0, 2), Tag("短袖", "design", 1.0, 2, 4)]
    texts = {example.text for _ in range(20) for example in augment(nlp, Example(nlp.make_doc(doc.text), doc))}
    assert texts == {"纯棉短袖", "亚麻短袖"}
    assert augment.keywords["values"] == {"material": ["亚麻"]}


@pytest.mark.parametrize(
    "name, text, problem",
    [
        ("v.json", '{"color":\n [}', "v.json:2: file: neither"),
        ("v.toml", "color = [", "v.toml:1: file: neither"),
        ("v.json", "[1]", "v.json:1: file: must be facets"),
        ("v.toml", 'color = "red"', "v.toml:1: color: must be a list"),
        ("v.toml", 'color = ["red", " "]', "v.toml:1: color: must be a list"),
    ],
)
def test_bad_value_files_are_named(tmp_path, name, text, problem):
    (tmp_path / name).write_text(text, encoding="utf8")
    with pytest.raises(ListingError, match=problem.replace("[", r"\[")):
        read_values(tmp_path / name)


@pytest.mark.parametrize("name", sorted(ALWAYS))
def test_bad_shares_are_named(name):
    with pytest.raises(ValueError, match=f"{name}: must be from 0 to 1, not 1.5"):
        create_tag_noise_augmenter(**{**ALWAYS, name: 1.5})


@pytest.mark.parametrize("segmenter", ["char", "jieba"])
def test_chinese_tokenizers_keep_the_noisy_text(segmenter):
    if segmenter == "jieba":
        pytest.importorskip("jieba")
    nlp = spacy.blank("zh", config={"nlp": {"tokenizer": {"segmenter": segmenter}}})
    for example in run(create_tag_noise_augmenter(**ALWAYS), nlp, examples(nlp)):
        text = example.reference.text
        assert all(tag.text == text[tag.start : tag.end] for tag in example.reference._.tags if tag.start is not None)
