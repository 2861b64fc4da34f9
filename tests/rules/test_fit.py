"""Learning value rules from pairs: each operation is found, unknown values are written alike, and WDC-PAVE."""
import hashlib
import json
from pathlib import Path

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from spacy_product_tags.cli._util import ProductTagsGroup
from spacy_product_tags.cli.rules import rules_app
from spacy_product_tags.errors import ListingError
from spacy_product_tags.rules.evaluate import evaluate
from spacy_product_tags.rules.fit import fit_value_rules
from spacy_product_tags.rules.fit_parts import fit_classes
from spacy_product_tags.rules.pairs import Pair, ValueRow, align, read_value_rows, wdc_operation
from spacy_product_tags.rules.rules import ValueRules

WDC = Path(__file__).parents[3] / "shared" / "datasets" / "en_attr_wdcpave"


def rows(facet, pairs, category=""):
    return [ValueRow(facet, (raw,), (wanted,), category) for raw, wanted in pairs]


def fold_of(row):
    """Give a row's fold of five, the same in each process. A product's rows share it. RETURNS (int): From 0."""
    digest = hashlib.sha256((row.product or row.title or "\t".join(row.raw)).encode("utf8", "surrogatepass")).digest()
    return int.from_bytes(digest[:6], "big") % 5


CASES = [
    # What is shown, a new value, what should come out, the operation.
    ([("6in", "15.2"), ('10"', "25.4"), ("1 ft", "30.5"), ("12", "30.5")], "3 yd", "274.3", "conversion"),
    ([("22.5in", "57.1"), ("6in", "15.2"), ("10in", "25.4"), ("17.5in", "44.5")], "7.5in", "19.1", "conversion"),
    ([("10K", "10000"), ("7.2K", "7200"), ("15K RPM", "15000"), ("5400rpm", "5400")], "5.9K", "5900", "conversion"),
    ([("20 lb", "9.1"), ("200 lb", "90.6"), ("18 lb", "8.2"), ("65 lb", "29.4")], "100 lb", "45.3", "conversion"),
    ([("73GB", "73 Gigabytes"), ("4-GB", "4 Gigabytes"), ("2MB", "2 Megabytes"), ("9 MB", "9 Megabytes")], "80-GB", "80 Gigabytes", "expansion"),
    ([("360-B21", "360B21"), ("AB/7", "AB7"), ("x.1", "x1"), ("X5", "X5")], "9-Q", "9Q", "wrangling"),
    ([("013803124309", "13803"), ("089192667765", "89192"), ("856924000868", "56924")], "043345367070", "43345", "wrangling"),
    ([("Tacori", "TACORI"), ("CrownRing", "CROWNRING"), ("Bell & Co", "BELL & CO")], "Gucci", "GUCCI", "wrangling"),
    ([("100/Box", "100"), ("Box of 12", "12"), ("trio", "3"), ("1,000/Pack", "1000")], "Dozen Pens", "12", "wrangling"),
    ([("red", "red"), ("navy", "navy"), ("Off White", "Off White")], "Teal", "Teal", "wrangling"),
]


@pytest.mark.parametrize("shown,new,expected,operation", CASES)
def test_each_operation_is_found(shown, new, expected, operation):
    rules = fit_value_rules(rows("x", shown))
    found = rules.find(new, "x")
    assert found is not None and (found.texts, found.operation) == ((expected,), operation)
    assert [rules.apply(raw, "x") for raw, _ in shown] == [wanted for _, wanted in shown]


def test_names_for_what_no_rule_writes():
    rules = fit_value_rules(rows("brand", [("HP", "Hewlett-Packard"), ("Dell", "Dell"), ("Sun", "Sun"), ("IBM", "Big Blue"), ("EMC", "EMC")]))
    assert [rules.apply(text, "brand") for text in ("HP", "ibm", "Intel")] == ["Hewlett-Packard", "Big Blue", "Intel"]


def test_categories_that_differ_get_their_own_rules():
    jewelry = rows("brand", [("Tacori", "TACORI"), ("Nau", "NAU"), ("Bell", "BELL")], "Jewelry")
    office = rows("brand", [("Avery", "Avery"), ("Manco", "Manco"), ("Xerox", "Xerox")], "Office")
    rules = fit_value_rules(jewelry + office)
    assert [rules.apply("Acme", "brand", category) for category in ("Jewelry", "Office")] == ["ACME", "Acme"]


def test_conflicts_go_by_category_then_frequency():
    shown = rows("kind", [("Base", "Furniture")] * 3 + [("Rack", "Furniture")], "Home")
    shown += rows("kind", [("Base", "Parts")] * 2 + [("Base", "Other"), ("Fan", "Parts")], "Computers")
    rules = fit_value_rules(shown)
    assert rules.apply("base", "kind", "Computers") == "Parts"
    assert rules.apply("base", "kind", "Home") == rules.apply("base", "kind") == "Furniture"


def test_generalization_of_unknown_values():
    shown = [(f"{first} {kind}", to) for first in ("Big", "Small", "Metal", "Red", "Cheap", "Light")
             for kind, to in (("Hard Drive", "Storage"), ("Tape Drive", "Storage"), ("Apple Juice", "Drinks"), ("Juice", "Drinks"))]
    rules = fit_value_rules(rows("kind", shown))
    found = rules.find("Blue Hard Drives", "kind")
    assert found.texts == ("Storage",) and found.operation == "generalization"
    assert rules.find("Small Juice", "kind").operation == "name"
    pairs = align(rows("kind", shown))
    assert fit_classes(pairs) == fit_classes(pairs)


def test_alignment():
    def of(raw, wanted):
        return [(pair.raw, pair.wanted) for pair in align([ValueRow("x", raw, wanted)])]

    assert of(("100, 12/Pack",), ("100", "12")) == [("100, 12/Pack", ("100", "12"))]
    assert of(("HP", "Hewlett-Packard"), ("Hewlett-Packard",)) == [("HP", ("Hewlett-Packard",)), ("Hewlett-Packard", ("Hewlett-Packard",))]
    assert of(("a", "b"), ("A", "B")) == [("a", ("A",)), ("b", ("B",))]
    assert of(("a", "b", "c"), ("A", "B")) == []


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.text(min_size=1, max_size=12).filter(str.strip), st.text(min_size=1, max_size=12).filter(str.strip)), min_size=1, max_size=8))
def test_what_was_shown_comes_out(pairs):
    wanted = {}
    for raw, text in pairs:
        wanted.setdefault(raw, text)
    shown = rows("x", wanted.items())
    rules = ValueRules.from_bytes(fit_value_rules(shown, cost=0).to_bytes())
    for pair in align(shown):
        assert isinstance(pair, Pair)
        assert rules.find(pair.raw, "x").texts == pair.wanted


def test_evaluation_counts():
    shown = [
        ValueRow("x", ("a", "A"), ("A",), operation="up"),
        ValueRow("x", ("b",), ("b",), operation="up"),
        ValueRow("y", ("q",), ("q",)),
    ]
    report = evaluate(fit_value_rules(rows("x", [("a", "A"), ("c", "C"), ("dd", "DD")])), shown)
    up, total = report.parts["up"], report.parts["all"]
    assert (up.rows, up.exact, up.single, up.single_exact, up.silent) == (2, 0.5, 1, 0.0, 0)
    assert (total.rows, total.silent, total.f) == (3, 1, pytest.approx(4 / 6))
    assert report.wrong == [(shown[1], ("B",))]
    assert list(evaluate(ValueRules(), shown, by="facet").parts) == ["x", "y", "all"]
    with pytest.raises(ValueError, match="by: 'colour'"):
        evaluate(ValueRules(), shown, by="colour")


def test_bad_rows_cost_no_good_ones(tmp_path):
    path = tmp_path / "pairs.jsonl"
    good = {"facet": "brand", "raw": "HP", "wanted": ["Hewlett-Packard"], "category": ["A", "B"], "product": "7"}
    bad = [{"raw": "x"}, {**good, "raw": " "}, {**good, "wanted": 3}, {**good, "colour": "x"}, {**good, "category": 3}]
    bad.append({"attributes": [["Brand", "HP", None]], "attributes_normalized": [7]})
    path.write_text("\n".join(map(json.dumps, [*bad, good])) + "\n{\n")
    errors = []
    assert list(read_value_rows(path, on_error=errors.append)) == [
        ValueRow("brand", ("HP",), ("Hewlett-Packard",), "A > B", product="7")
    ]
    assert [(error.line, error.field) for error in errors] == [
        (1, "facet"), (2, "raw"), (3, "wanted"), (4, "colour"), (5, "category"), (6, "attributes_normalized[0]"), (8, "line")
    ]
    with pytest.raises(ListingError):
        list(read_value_rows(path))


def test_commands(tmp_path):
    app = typer.Typer(cls=ProductTagsGroup)
    app.add_typer(rules_app)
    pairs, file = tmp_path / "pairs.jsonl", tmp_path / "rules.json"
    lines = [{"facet": "width", "raw": raw, "wanted": wanted} for raw, wanted in CASES[0][0]]
    pairs.write_text("\n".join(map(json.dumps, [*lines, {"facet": ""}])))

    def run(*args):
        return CliRunner().invoke(app, ["rules", *map(str, args)])

    done = run("fit", pairs, "-o", file)
    assert done.exit_code == 1 and f"{pairs}:5: facet: missing" in done.output and "1 facets, of 4 rows" in done.output
    assert run("apply", file, "width", "2in", "wide").output == "2in: 5.1 (conversion)\nwide: no rule\n"
    assert "there is no rule for this facet" in run("apply", file, "height", "2in").output
    assert "1.0000" in run("eval", file, pairs, "--by", "facet").output
    assert "Error: --by: 'x' is none of" in run("eval", file, pairs, "--by", "x").output
    assert "--cost: must be 0 or more" in run("fit", pairs, "-o", file, "--cost", "-1").output


@pytest.mark.skipif(not WDC.is_dir(), reason="needs ../shared/datasets/en_attr_wdcpave")
def test_wdc_pave_by_operation():
    # Fitting the classifiers of the others takes most of the time.
    left_out = ("Product Type", "Color", "Processor Type", "Material")
    shown = [row for row in read_value_rows(WDC / "train.jsonl.gz") if row.facet not in left_out]
    assert wdc_operation("Capacity", "Office Products") == "none"
    rules = fit_value_rules(row for row in shown if fold_of(row) != 0)
    parts = evaluate(rules, [row for row in shown if fold_of(row) == 0]).parts
    for operation, least in (("wrangling", 0.98), ("conversion", 0.98), ("expansion", 0.93), ("none", 0.99), ("generalization", 0.8)):
        assert parts[operation].exact >= least, operation
