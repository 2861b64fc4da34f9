"""`product-tags taxonomy`."""
import json

import pytest
import typer
from typer.testing import CliRunner

from spacy_product_tags.cli._util import ProductTagsGroup
from spacy_product_tags.cli.taxonomy import taxonomy_app

ROWS = [
    {"id": "s", "parent": None, "labels": {"en": "Shoes", "zh-CN": "鞋"}},
    {"id": "s-1", "parent": "s", "labels": {"en": "Boots", "zh-CN": "靴子"}},
    {"id": "h", "parent": None, "labels": {"en": "Hats"}},
]
PAIRS = [{"shopify": "Shoes", "google": "Apparel > Shoes"}]


@pytest.fixture()
def run():
    app = typer.Typer(cls=ProductTagsGroup, pretty_exceptions_enable=False)
    app.add_typer(taxonomy_app)

    def call(*args):
        result = CliRunner().invoke(app, ["taxonomy", *map(str, args)])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf8")
    return path


@pytest.fixture()
def tree(tmp_path):
    return write(tmp_path / "tree.jsonl", ROWS)


def test_check(run, tree, tmp_path):
    result = run("check", tree)
    assert result.exit_code == 0
    assert result.stdout == f"{tree}: 3 categories on 2 levels, 2 without children, 2 locales\n"
    bad = write(tmp_path / "bad.jsonl", [*ROWS, ROWS[0], {"id": "x", "parent": "y", "labels": {"en": "X"}}])
    result = run("check", bad)
    assert result.exit_code == 1
    assert f"{bad}:4: id: 's' is in line 1 already" in result.stderr
    assert f"{bad}:5: parent: no category has the id 'y'" in result.stderr
    assert "3 categories" in result.stdout
    assert "0 categories on 0 levels" in run("check", write(tmp_path / "empty.jsonl", [])).stdout


def test_show(run, tree):
    assert run("show", tree).stdout == "h  Hats\ns  Shoes\n"
    for category in ("s", "shoes", "鞋"):
        assert run("show", tree, category).stdout == "s  Shoes\n  en: Shoes\n  zh-CN: 鞋\ns-1  Boots\n"
    assert run("show", tree, "鞋 > Boots", "--locale=zh").stdout.startswith("s-1  鞋 > 靴子\n")
    result = run("show", tree, "Boots")
    assert result.exit_code == 1 and "Boots: " in result.stderr and "full path" in result.stderr


def test_map(run, tree, tmp_path):
    pairs = write(tmp_path / "pairs.jsonl", PAIRS)
    assert run("map", pairs, "Shoes > Boots > Snow Boots").stdout == "Apparel > Shoes\n"
    assert run("map", pairs, "s-1", "鞋 > 靴子", "--taxonomy", tree).stdout == "Apparel > Shoes\n" * 2
    result = run("map", pairs, "Hats", "Shoes")
    assert result.exit_code == 1 and result.stdout == "\nApparel > Shoes\n" and "for: Hats" in result.stderr
    result = run("map", pairs, "x", "--taxonomy", tree)
    assert result.exit_code == 1 and "x: " in result.stderr
    assert run("map", pairs, "Apparel > Shoes", "--from=google", "--to=shopify").stdout == "Shoes\n"
    bad = write(tmp_path / "bad.jsonl", [*PAIRS, {"shopify": "Hats"}])
    result = run("map", bad, "Shoes")
    assert result.exit_code == 1 and result.stdout == "Apparel > Shoes\n" and "bad.jsonl:2: google" in result.stderr
