"""`pretrain` on pairs: titles with their categories, names with those in other languages."""
import json

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from spacy_product_tags import ListingError
from spacy_product_tags.pretraining.backbone import create_backbone, mean_vectors
from spacy_product_tags.pretraining.pairs import (
    PairCollator,
    PairRows,
    pair_loss,
    read_pairs,
    split_pairs,
)
from spacy_product_tags.pretraining.pretrain import pretrain
from spacy_product_tags.pretraining.settings import PretrainSettings
from spacy_product_tags.pretraining.trainer import read_log

NAMES = {"手机壳": "phone cases", "充电器": "chargers", "跑步鞋": "running shoes", "凉鞋": "sandals", "茶壶": "teapots"}
COLORS = {"红色": "red", "蓝色": "blue", "绿色": "green"}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Listings of six categories, and their names."""
    folder = tmp_path_factory.mktemp("pairs")
    rows = [{"id": "top", "parent": None, "labels": {"en": "All", "zh-CN": "全部"}}]
    rows += [{"id": en, "parent": "top", "labels": {"en": en, "zh-CN": zh}} for zh, en in NAMES.items()]
    values = [{"id": en, "facet": "color", "labels": {"en": en, "zh": zh}} for zh, en in COLORS.items()]
    for name, lines in (("categories", rows), ("values", values)):
        text = "\n".join(json.dumps(row, ensure_ascii=False) for row in lines)
        (folder / f"{name}.jsonl").write_text(text, encoding="utf8")
    listings = [
        {"title": f"{brand}{zh}{color}", "lang": "zh", "category": ["All", en]}
        for brand in ("苹果", "华为", "耐克", "OPPO")
        for color in COLORS
        for zh, en in NAMES.items()
    ]
    lines = [json.dumps(row, ensure_ascii=False) for row in [*listings, {"title": "无类别"}]]
    (folder / "listings.jsonl").write_text("\n".join(lines), encoding="utf8")
    return folder


@pytest.fixture(scope="module")
def pairs(files):
    return read_pairs([files / "listings.jsonl"], [files / "categories.jsonl", files / "values.jsonl"])


@pytest.fixture(scope="module")
def start(files):
    texts = [*NAMES, *NAMES.values(), *COLORS, *COLORS.values(), "All", "全部", "苹果华为耐克OPPO"] * 3
    return create_backbone(texts, files / "start", layers=1, width=32, heads=2, vocab_size=1, max_positions=64)


def test_read(pairs):
    assert len(pairs.titles) == 60 and pairs.info["texts"] == 60
    assert {thing["en"][0] for thing in pairs.things} == {*NAMES.values(), *COLORS.values(), "All"}
    title, lang, row = pairs.titles[0]
    assert (title, lang, pairs.taxonomy.path(row)) == ("苹果手机壳红色", "zh", ("All", "phone cases"))


def test_a_category_that_no_file_names_is_told_with_its_line(files, tmp_path):
    lines = (files / "listings.jsonl").read_text(encoding="utf8").split("\n")
    bad = json.dumps({"title": "x", "category": ["All", "boats"]})
    # Blank lines, and those without a category, count.
    (tmp_path / "a.jsonl").write_text("\n".join([lines[0], "", '{"title": "x"}', bad, *lines[1:]]), encoding="utf8")
    names = [files / "categories.jsonl"]
    with pytest.raises(ListingError, match=r"a\.jsonl:4: category: 'All > boats'"):
        read_pairs([tmp_path / "a.jsonl"], names)
    errors = []
    assert len(read_pairs([tmp_path / "a.jsonl"], names, on_error=errors.append).titles) == 60
    assert [error.line for error in errors] == [4]


def test_too_little_is_an_error(files, tmp_path):
    (tmp_path / "a.jsonl").write_text('{"title": "x"}\n', encoding="utf8")
    with pytest.raises(ValueError, match="two categories"):
        read_pairs([tmp_path / "a.jsonl"], [files / "categories.jsonl"])
    with pytest.raises(ValueError, match="names"):
        pretrain([files / "listings.jsonl"], tmp_path / "out", PretrainSettings(init="x", pairs=True))
    with pytest.raises(ValueError, match="init"):
        PretrainSettings(pairs=True)


def test_a_pair_is_decided_by_seed_and_number(pairs):
    train, dev = split_pairs(pairs)
    assert len(dev) == 1 and not set(train) & set(dev)
    rows, again, other = (PairRows(pairs, train, batch_size=4, size=200, seed=seed) for seed in (0, 0, 1))
    assert [rows[n] for n in range(200)] == [again[n] for n in reversed(range(200))][::-1]
    assert [rows[n] for n in range(200)] != [other[n] for n in range(200)]
    # A batch is of one kind, and both kinds occur.
    titles = {title for title, _, _ in pairs.titles}
    kinds = [{row["texts"][0] in titles for row in (rows[n + k] for k in range(4))} for n in range(0, 200, 4)]
    assert all(len(kind) == 1 for kind in kinds) and {True} in kinds and {False} in kinds
    for n in range(200):
        left, right = rows[n]["texts"]
        if left in titles:
            name = right.split(" < ")[0]
            assert pairs.taxonomy.path(rows[n]["thing"])[-1] == NAMES.get(name, name)
    # Held-out rows are each title once.
    assert [PairRows(pairs, dev, batch_size=4)[0]["texts"][0]] == [pairs.titles[dev[0]][0]]


def test_what_is_the_same_thing_is_no_negative(pairs, start):
    tokenizer, model = AutoTokenizer.from_pretrained(start), AutoModel.from_pretrained(start).eval()
    one, other = (
        {"texts": texts, "thing": n} for n, texts in enumerate((("手机壳", "phone cases"), ("茶壶", "teapots")))
    )
    collate = PairCollator(tokenizer, 32)
    with torch.no_grad():
        loss, right, size = pair_loss(model, collate([one, other]))
        alone = pair_loss(model, collate([one]))[0]
        twice = pair_loss(model, collate([one, one]))[0]
    assert size == 2 and 0 <= right <= 2 and loss > 0
    assert alone == 0 and twice == 0


def test_padding_changes_no_vector(start):
    tokenizer, model = AutoTokenizer.from_pretrained(start), AutoModel.from_pretrained(start).eval()
    short, both = (
        tokenizer(texts, padding=True, return_tensors="pt") for texts in (["茶壶"], ["茶壶", "running shoes"])
    )
    with torch.no_grad():
        vectors = [mean_vectors(model, one["input_ids"], one["attention_mask"])[0].numpy() for one in (short, both)]
    np.testing.assert_allclose(*vectors, atol=1e-5)
    assert np.linalg.norm(vectors[0]) == pytest.approx(1)


def test_titles_come_near_their_categories(files, start, tmp_path):
    names = [files / "categories.jsonl", files / "values.jsonl"]
    settings = PretrainSettings(
        init=str(start), pairs=True, steps=120, batch_size=8, length=32, learn_rate=3e-3, bf16=False, seed=1
    )
    folder = pretrain([files / "listings.jsonl"], tmp_path / "out", settings, names=names, save_every=60, log_every=10)
    rows = read_log(folder / "log.jsonl")
    assert rows[-1]["loss"] < 0.6 * rows[0]["loss"] and rows[-1]["accuracy"] > rows[0]["accuracy"]
    assert rows[-1]["dev_accuracy"] == 1.0
    card = (folder / "README.md").read_text(encoding="utf8")
    assert "to put titles near their categories" in card and "listings.jsonl" in card and "60 texts" in card
    model, tokenizer = AutoModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    # A title of words in an order that no listing has, by names in the other language.
    sides = [
        tokenizer(texts, padding=True, return_tensors="pt")
        for texts in (["红色茶壶OPPO", "耐克蓝色凉鞋"], list(NAMES.values()))
    ]
    with torch.no_grad():
        titles, names = (mean_vectors(model.eval(), one["input_ids"], one["attention_mask"]) for one in sides)
    assert (titles @ names.T).argmax(1).tolist() == [4, 3]
