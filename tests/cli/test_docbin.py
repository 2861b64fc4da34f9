"""`product-tags docbin`, and spaCy's own commands on what it writes."""
import json
import re

import pytest
import spacy
from spacy.cli.benchmark_speed import benchmark, count_tokens
from spacy.cli.evaluate import evaluate
from spacy.cli.find_threshold import find_threshold
from spacy.tokens import DocBin
from spacy.training import Corpus

from spacy_product_tags.listing import write_listings


@pytest.fixture()
def data(run, pipeline, gold, tmp_path):
    """The three listings as a .spacy file."""
    write_listings(tmp_path / "dev.jsonl", gold)
    result = run("docbin", tmp_path / "dev.jsonl", tmp_path / "new" / "dev.spacy", "--model", pipeline)
    assert result.exit_code == 0, result.stderr
    assert "dev.spacy: 3 listings" in result.stdout
    return tmp_path / "new" / "dev.spacy"


def test_docs_carry_tags_and_spans(data, gold):
    docs = list(DocBin().from_disk(data).get_docs(spacy.blank("zh").vocab))
    assert [doc.text for doc in docs] == [listing.text for listing in gold]
    assert [doc._.tags for doc in docs] == [listing.tags for listing in gold]
    assert [span.label_ for span in docs[0].spans["tags"]] == [tag.facet for tag in gold[0].tags]


def test_spacy_evaluate_prints_the_scores_of_tags(data, pipeline, capsys, tmp_path):
    evaluate(str(pipeline), data, spans_key="tags", silent=False, output=tmp_path / "metrics.json")
    shown = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert ["SPAN", "F", "100.00"] in shown and ["TOK", "100.00"] in shown
    assert ["brand", "100.00", "100.00", "100.00"] in shown
    assert json.loads((tmp_path / "metrics.json").read_text(encoding="utf8"))["tags_f"] == 1.0


def test_spacy_find_threshold_tries_all_from_0_to_1(data, pipeline, capsys):
    best, score, scores = find_threshold(str(pipeline), data, "product_tag_generator", "min_score", "tags_f", n_trials=3)
    assert list(scores) == [0.0, 0.5, 1.0]
    assert (best, score) == (0.5, 1.0)
    assert scores[1.0] < 1.0


def test_spacy_benchmark_speed_reads_it(data, pipeline):
    nlp = spacy.load(pipeline)
    docs = [example.predicted for example in Corpus(data)(nlp)]
    assert count_tokens(docs) > 3 and (benchmark(nlp, docs, 2, 2, shuffle=False) > 0).all()


@pytest.mark.filterwarnings("ignore:.*W090")
def test_spacy_evaluate_says_what_to_do_with_listings(pipeline, gold, tmp_path):
    write_listings(tmp_path / "dev.jsonl", gold)
    with pytest.warns(UserWarning, match="product-tags evaluate.*product-tags docbin"):
        evaluate(str(pipeline), tmp_path / "dev.jsonl")


@pytest.mark.parametrize(
    "names, hint",
    [
        (("none.jsonl", "dev.spacy"), "none.jsonl: no such file"),
        (("dev.jsonl", "dev.bin"), "dev.bin: spaCy's commands read .spacy files only; name it .*dev.spacy"),
        (("empty.jsonl", "dev.spacy"), "empty.jsonl: holds no listing"),
    ],
)
def test_what_does_not_fit_is_named(names, hint, run, gold, tmp_path):
    write_listings(tmp_path / "dev.jsonl", gold)
    (tmp_path / "empty.jsonl").write_text("", encoding="utf8")
    result = run("docbin", *(tmp_path / name for name in names))
    assert result.exit_code == 1
    assert re.search(hint, result.stderr.replace("\n", " "))


def test_without_a_model_chinese_is_cut_by_character(run, gold, tmp_path):
    write_listings(tmp_path / "dev.jsonl", gold)
    result = run("docbin", tmp_path / "dev.jsonl", tmp_path / "dev.spacy", "--spans-key", "sc")
    assert result.exit_code == 0, result.stderr
    doc = next(DocBin().from_disk(tmp_path / "dev.spacy").get_docs(spacy.blank("zh").vocab))
    assert [span.text for span in doc.spans["sc"]] == [tag.text for tag in gold[0].tags]
