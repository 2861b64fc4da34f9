"""`product-tags evaluate`."""
import json
from dataclasses import replace
from pathlib import Path

import pytest
import spacy
from spacy.cli.train import train
from srsly import write_jsonl

from spacy_product_tags import Tag
from spacy_product_tags.listing import Listing, write_listings

ROOT = Path(__file__).parents[2]


@pytest.fixture()
def data(tmp_path, gold):
    """Gold tags of which the pipeline finds all but one, and gives one too many."""
    first = replace(gold[0], tags=(*gold[0].tags[1:], Tag("短袖", "design", 1.0, 12, 14), Tag("夏季", "season")))
    write_listings(tmp_path / "dev.jsonl", [first, *gold[1:]])
    return tmp_path / "dev.jsonl"


def test_scores(run, pipeline, data, tmp_path):
    result = run("evaluate", pipeline, data, "--output", tmp_path / "new" / "metrics.json", "--per-facet")
    assert result.exit_code == 0, result.stderr
    scores = json.loads((tmp_path / "new" / "metrics.json").read_text(encoding="utf8"))
    assert scores["tags_p"] == scores["tags_r"] == pytest.approx(10 / 11)
    assert scores["tags_support"] == {
        "brand": 1, "color": 1, "compatibility": 1, "design": 1, "gender": 2, "material": 1, "model": 1, "product": 3
    }  # fmt: skip
    assert scores["tags_per_facet"]["brand"]["p"] == 0.5
    assert scores["texts"] == 3 and scores["texts_per_second"] > 0
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in result.stdout.splitlines() if "│" in line]
    assert rows[0] == ["product", "3", "100.0", "100.0", "100.0"]
    assert ["design", "1", "0.0", "0.0", "0.0"] in rows
    assert rows[-2] == ["all", "11", "90.9", "90.9", "90.9"]
    assert rows[-1][0] == "one value a facet"
    assert "3 texts" in result.stdout


def test_short(run, pipeline, data):
    result = run("evaluate", pipeline, data)
    assert result.exit_code == 0, result.stderr
    assert "90.9" in result.stdout and "design" not in result.stdout


def test_no_tags_at_all(run, pipeline, tmp_path):
    write_listings(tmp_path / "dev.jsonl", [Listing(title="！？")])
    result = run("evaluate", pipeline, tmp_path / "dev.jsonl", "--per-facet")
    assert result.exit_code == 0, result.stderr
    assert "all" in result.stdout


def test_hidden_facets_need_a_component_that_gives_them(run, pipeline, data):
    result = run("evaluate", pipeline, data, "--hide-facets")
    assert result.exit_code == 1 and "has no component that gives facets" in result.stderr


def test_facets_of_given_tags_and_the_config_that_trains_for_them(tiny_bert, listings, tmp_path, run):
    corpus = tmp_path / "corpus.jsonl"
    write_listings(corpus, listings)
    names = {"material": "纯棉", "color": "红色"}
    values = [{"id": facet, "facet": facet, "labels": {"zh": name}} for facet, name in names.items()]
    write_jsonl(tmp_path / "values.jsonl", values)
    overrides = {
        "paths.train": str(corpus),
        "paths.dev": str(corpus),
        "paths.backbone": tiny_bert,
        "paths.aliases": str(tmp_path / "values.jsonl"),
        "training.max_steps": 30,
        "training.eval_frequency": 15,
        "training.optimizer.learn_rate.warmup_steps": 5,
        "training.optimizer.learn_rate.initial_rate": 0.003,
        "components.product_tag_classifier.min_score": 0.0,
        "components.product_tag_classifier.model.dropout": 0.0,
    }
    train(ROOT / "configs" / "facets.cfg", tmp_path / "out", overrides=overrides)
    scores = tmp_path / "metrics.json"
    result = run("evaluate", tmp_path / "out" / "model-last", corpus, "--hide-facets", "--per-facet", "--output", scores)
    assert result.exit_code == 0, result.stderr
    assert "mean of the facets" in result.stdout and "product" in result.stdout
    assert json.loads(scores.read_text(encoding="utf8"))["facet_micro_f"] > 0.9
    assert spacy.load(tmp_path / "out" / "model-last").get_pipe("product_tag_classifier").aliases is not None


@pytest.mark.parametrize(
    ("content", "message"), [("", "holds no listing"), ('{"title": 1}\n', "dev.jsonl:1: title"), (None, "no such file")]
)
def test_bad_data(run, pipeline, tmp_path, content, message):
    if content is not None:
        (tmp_path / "dev.jsonl").write_text(content, encoding="utf8")
    result = run("evaluate", pipeline, tmp_path / "dev.jsonl")
    assert result.exit_code == 1
    assert message in result.stderr
