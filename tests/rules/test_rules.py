"""Value rules: what each operation writes, the file, and that applying needs no training code."""
import json
import subprocess
import sys
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_product_tags.rules.classes import ClassRule
from spacy_product_tags.rules.conversion import ConversionRule, best_overlap, simplest_between, write_number
from spacy_product_tags.rules.programs import GRAMMAR, STEPS, NameRule, ProgramRule, WordRule
from spacy_product_tags.rules.rules import Entry, Found, ValueRules

RULES = ValueRules(
    [
        Entry("brand", ProgramRule(("upper",)), "Jewelry"),
        Entry("brand", NameRule({"HP": ("Hewlett-Packard",), "Mahogany": ("Brown", "Red")})),
        Entry("size", WordRule({"gb": "Gigabytes", "g": "Generation"})),
        Entry("width", ConversionRule("cm", {"": Fraction("2.54"), "lb": Fraction(453, 1000)}, 1)),
        Entry("width", ProgramRule()),
        Entry("type", ClassRule({"Printing": {"v:toner": 4.0, "": 0.1}, "Food": {"v:sugar": 4.0, "c:Grocery": 9.0}}, 0.8)),
    ]
)


@pytest.mark.parametrize(
    "facet,text,category,expected",
    [
        ("brand", "hp", "", Found(("Hewlett-Packard",), "name", 1.0)),
        ("brand", "hp", "Jewelry > Rings", Found(("HP",), "wrangling", 1.0)),
        ("brand", "hp", "Jewelry Boxes", Found(("Hewlett-Packard",), "name", 1.0)),
        ("brand", "mahogany", "", Found(("Brown", "Red"), "name", 1.0)),
        ("brand", "Dell", "", None),
        ("size", "73-GB", "", Found(("73 Gigabytes",), "expansion", 1.0)),
        ("size", "G1-G7", "", Found(("Generation 1-Generation 7",), "expansion", 1.0)),
        ("size", "Gold 5Gbit", "", None),
        ("width", "6In", "", Found(("15.2",), "conversion", 1.0)),
        ("width", "17-1/4", "", Found(("43.8",), "conversion", 1.0)),
        ("width", '54" - 62"', "", Found(("157.5",), "conversion", 1.0)),
        ("width", "20 lb (heavy)", "", Found(("9.1",), "conversion", 1.0)),
        ("width", "wide", "", Found(("wide",), "wrangling", 1.0)),
        ("type", "paper", "", None),
        ("unknown", "x", "", None),
        ("width", "  ", "", None),
    ],
)
def test_find(facet, text, category, expected):
    assert RULES.find(text, facet, category) == expected
    assert RULES.apply(text, facet, category) == (expected.texts[0] if expected else None)


def test_generalization_abstains_and_hears_the_category():
    assert RULES.apply("TONER cartridge", "type") == "Printing"
    assert RULES.apply("cartridge", "type") is None
    assert RULES.apply("cartridge", "type", ["Grocery"]) == "Food"
    found = RULES.find("toner", "type")
    assert found.operation == "generalization" and 0.8 < found.probability < 1


def test_exact_names_come_before_keys():
    rule = NameRule({"Gold": ("Metal",), "gold": ("Yellow",)})
    assert [rule.find(text)[0][0] for text in ("Gold", "gold", "GOLD")] == ["Metal", "Yellow", "Metal"]


@pytest.mark.parametrize(
    "steps,text,expected",
    [
        ((), " as it is ", ("as it is",)),
        (("no marks", "slice 1 6"), "0-13803-12430", ("13803",)),
        (("slice -3 end",), "12345", ("345",)),
        (("numbers",), "1,000-Sheet, 12/Pack", ("1000", "12")),
        (("first number",), "Dozen Pens", ("12",)),
        (("title",), "MEN'S wear", ("Men's Wear",)),
        (("no brackets",), "Post-it (R) notes", ("Post-it notes",)),
        (("first part",), "a, b", ("a",)),
        (("digits",), "none", None),
    ],
)
def test_programs(steps, text, expected):
    answer = ProgramRule(steps).find(text)
    assert (answer and answer[0]) == expected


@pytest.mark.parametrize("rounding,expected", [("half-up", "57.2"), ("float", "57.1"), ("down", "57.1")])
def test_rounding(rounding, expected):
    # 22.5 in are 57.15 cm, which no binary fraction is.
    assert write_number(Fraction(45, 2), Fraction("2.54"), 1, rounding) == expected


@settings(deadline=None, max_examples=100)
@given(st.fractions(-1000, 1000, max_denominator=64), st.integers(0, 4))
def test_written_numbers_are_near(number, decimals):
    for rounding, most in (("half-up", Fraction(1, 2)), ("down", 1)):
        written = write_number(number, Fraction("2.54"), decimals, rounding)
        assert abs(Fraction(written) - number * Fraction("2.54")) <= most / 10**decimals
        assert len(written.partition(".")[2]) == decimals


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.fractions(1, 50, max_denominator=99), st.fractions(0, 5, max_denominator=99)), min_size=1))
def test_overlap_and_simplest(spans):
    intervals = [(low, low + size) for low, size in spans]
    low, high = best_overlap(intervals)
    assert low <= simplest_between(low, high) <= high
    depth = sum(one <= low and high <= other for one, other in intervals)
    assert depth == max(sum(one <= start <= other for one, other in intervals) for start, _ in intervals)


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=30), st.lists(st.sampled_from(sorted(STEPS)), max_size=3))
def test_rules_take_any_text(text, steps):
    rules = ValueRules([*RULES.entries, Entry("any", ProgramRule(tuple(steps)))])
    for facet in rules.facets:
        found = rules.find(text, facet, "Jewelry", text)
        assert found is None or found.texts and all(isinstance(x, str) and x for x in found.texts)


def test_grammar_names_steps():
    assert {step for slot in GRAMMAR for step in slot} - {"slice"} == set(STEPS)


def test_file_reads_back_as_it_was(tmp_path):
    RULES.to_disk(tmp_path / "new" / "rules.json")
    again = ValueRules.from_disk(tmp_path / "new" / "rules.json")
    assert again.entries == RULES.entries and again.to_bytes() == RULES.to_bytes()
    assert again.find("6in", "width") == RULES.find("6in", "width")
    lines = RULES.to_bytes().decode().splitlines()
    assert max(map(len, lines)) < 200, "a person can't read that"


@pytest.mark.parametrize(
    "rule,message",
    [
        ({"operation": "magic"}, r"rules\[0\].operation: must be one of"),
        ({"operation": "name", "facet": 3}, r"rules\[0\].facet"),
        ({"operation": "name", "names": {"a": 1}}, r"rules\[0\].names.a"),
        ({"operation": "expansion", "words": {}}, r"rules\[0\].words"),
        ({"operation": "wrangling", "steps": ["shout"]}, r"rules\[0\].steps\[0\]: 'shout' is no step"),
        ({"operation": "conversion", "unit": "furlong"}, r"rules\[0\].unit"),
        ({"operation": "conversion", "factors": {"in": "x"}}, r"rules\[0\].factors.in"),
        ({"operation": "conversion", "rounding": "up"}, r"rules\[0\].rounding"),
        ({"operation": "conversion", "decimals": -1}, r"rules\[0\].decimals"),
        ({"operation": "generalization", "classes": {"A": {"v:x": "1"}}}, r"rules\[0\].classes.A.v:x"),
        ({"operation": "generalization", "classes": {"A": {}}, "min_probability": 2}, r"rules\[0\].min_probability"),
    ],
)
def test_bad_rules_say_where(tmp_path, rule, message):
    path = tmp_path / "rules.json"
    path.write_text(json.dumps({"format": 1, "rules": [{"facet": "x", **rule}]}))
    with pytest.raises(ValueError, match=message) as caught:
        ValueRules.from_disk(path)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize("text", ["", "[]", '{"rules": []}', '{"format": 9, "rules": []}', "\xff"])
def test_no_rules_file(tmp_path, text):
    path = tmp_path / "rules.json"
    path.write_bytes(text.encode("latin1"))
    with pytest.raises(ValueError, match=str(path)):
        ValueRules.from_disk(path)


def test_applying_imports_no_training_code():
    code = (
        "import sys; from spacy_product_tags.rules.rules import ValueRules; "
        "ValueRules().find('6in', 'width'); "
        "print([name for name in sys.modules if name.startswith(('sklearn', 'spacy_product_tags.training.fit'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
