import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer, DistilBertConfig, RobertaConfig

from spacy_product_tags.encoders import shipped
from spacy_product_tags.encoders.shipped import SHIPPED
from spacy_product_tags.encoders.transformer import build_transformer_model_v1
from spacy_product_tags.pretraining.bench import bench_pretraining
from spacy_product_tags.pretraining.masking import WordMaskCollator
from spacy_product_tags.pretraining.packing import PackedRows
from spacy_product_tags.pretraining.pretrain import digest_inputs, pretrain
from spacy_product_tags.pretraining.settings import PretrainSettings
from spacy_product_tags.pretraining.setup import make_model, make_trainer, prepare_texts
from spacy_product_tags.pretraining.shrink import shrink
from spacy_product_tags.pretraining.teacher import hidden_loss
from spacy_product_tags.pretraining.trainer import find_checkpoint, masked_logits, masked_loss, read_log

DATASETS = Path(__file__).parents[3] / "shared" / "datasets"
TINY = PretrainSettings(
    layers=2,
    width=32,
    heads=2,
    vocab_size=1,
    length=32,
    batch_size=4,
    steps=12,
    dropout=0.1,
    bf16=False,
    learn_rate=3e-3,
)
BRANDS = ("苹果", "华为", "耐克", "Nike", "OPPO", "美的")
WARES = ("手机壳", "纯棉T恤", "充电器", "cotton shirt", "运动鞋", "净水器")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    path = tmp_path_factory.mktemp("corpus") / "titles.txt"
    titles = [f"{brand}{ware}新款 {number}ml" for number in range(8) for brand in BRANDS for ware in WARES]
    path.write_text("\n".join(titles), encoding="utf8")
    return path


@pytest.fixture(scope="module")
def done(corpus, tmp_path_factory):
    """A run from start to end."""
    return pretrain(
        [corpus], tmp_path_factory.mktemp("run") / "model", TINY, save_every=4, log_every=1, command="do it again"
    )


def test_it_is_a_plain_transformers_folder(done):
    model, tokenizer = AutoModel.from_pretrained(done), AutoTokenizer.from_pretrained(done, use_fast=True)
    assert tokenizer.is_fast and model.config.vocab_size == len(tokenizer)
    assert model.config.hidden_dropout_prob == 0.1  # fine-tuning wants it, though pretraining went without
    assert model(**tokenizer("苹果手机", return_tensors="pt")).last_hidden_state.shape == (1, 6, 32)
    assert {"README.md", "curves.png", "log.jsonl"} <= {file.name for file in done.iterdir()}
    assert (done / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_the_log_has_a_row_a_step_and_the_dev_scores(done):
    rows = read_log(done / "log.jsonl")
    assert [row["step"] for row in rows] == list(range(1, 13))
    assert [row["step"] for row in rows if "dev_loss" in row] == [4, 8, 12]
    assert rows[-1]["loss"] < rows[0]["loss"] - 0.5
    assert all(row["tokens_per_s"] > 0 and 0 <= row["accuracy"] <= 1 for row in rows)
    assert rows[-1]["tokens"] > rows[-2]["tokens"]
    assert sorted(path.name for path in (done / "checkpoints").iterdir()) == ["checkpoint-12", "checkpoint-8"]


def test_the_card_says_what_it_saw_and_how_to_make_it_again(done):
    card = (done / "README.md").read_text(encoding="utf8")
    assert all(part in card for part in ("titles.txt", "288 texts", "do it again", "| steps | 12 |", "jieba"))


def test_a_finished_run_stays_as_it_is(done, corpus):
    before = load_file(done / "model.safetensors")
    pretrain([corpus], done, TINY, save_every=4, log_every=1)
    after = load_file(done / "model.safetensors")
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert len(read_log(done / "log.jsonl")) == 12


_PROGRAM = """
import sys, torch
from spacy_product_tags.pretraining.pretrain import digest_inputs, pretrain
from spacy_product_tags.pretraining.settings import PretrainSettings
torch.set_num_threads(1)
pretrain([sys.argv[1]], sys.argv[2], PretrainSettings(**eval(sys.argv[3])), save_every=4, log_every=1)
"""


def test_a_killed_run_goes_on_to_the_same_losses(done, corpus, tmp_path):
    arguments = [sys.executable, "-c", _PROGRAM, str(corpus), str(tmp_path / "run"), repr(asdict(TINY))]
    log, target = tmp_path / "run" / "log.jsonl", random.randint(5, 11)
    process = subprocess.Popen(arguments, env={**os.environ, "OMP_NUM_THREADS": "1"}, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 600
    while len(read_log(log)) < target and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, f"ended before it was killed at step {target}"
    assert not (tmp_path / "run" / "model.safetensors").exists()
    assert find_checkpoint(tmp_path / "run" / "checkpoints") is not None
    # As if it had been killed while it wrote: a log's line, a checkpoint.
    with log.open("a") as file:
        file.write('{"step": 99')
    (tmp_path / "run" / "checkpoints" / "checkpoint-11").mkdir(parents=True)
    pretrain([corpus], tmp_path / "run", TINY, save_every=4, log_every=1)
    rows, expected = read_log(log), read_log(done / "log.jsonl")
    assert [row["step"] for row in rows] == [row["step"] for row in expected]
    for row, other in zip(rows, expected):
        assert row["tokens"] == other["tokens"]
        assert row["loss"] == pytest.approx(other["loss"], abs=1e-4)
        assert row.get("dev_loss") == pytest.approx(other.get("dev_loss"), abs=1e-4)


@pytest.mark.parametrize("damage", ["cut", "gone", "unmarked", "whole.json"])
def test_a_damaged_checkpoint_is_passed_over(done, tmp_path, damage):
    folder = tmp_path / "checkpoints"
    shutil.copytree(done / "checkpoints", folder)
    assert find_checkpoint(folder).name == "checkpoint-12"
    newest = folder / "checkpoint-12"
    if damage == "cut":
        (newest / "optimizer.pt").write_bytes((newest / "optimizer.pt").read_bytes()[:-1])
    elif damage == "gone":
        (newest / "model.safetensors").unlink()
    elif damage == "unmarked":
        (newest / "whole.json").unlink()
    else:
        (newest / "whole.json").write_text('{"optim')
    assert find_checkpoint(folder).name == "checkpoint-8"
    shutil.rmtree(folder / "checkpoint-8")
    assert find_checkpoint(folder) is None


def test_a_start_that_failed_stands_in_nobody_s_way(corpus, tmp_path):
    with pytest.raises((OSError, ValueError)):
        pretrain([corpus], tmp_path / "run", replace(TINY, init=str(tmp_path / "nothing"), steps=2))
    assert (pretrain([corpus], tmp_path / "run", replace(TINY, steps=2)) / "model.safetensors").exists()


def test_what_is_missing_is_said_before_any_work(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"\[pretrain\]"):
        pretrain([corpus], tmp_path / "run", TINY)
    assert not (tmp_path / "run").exists()


def test_the_vocabulary_of_the_shipped_backbone_counts_as_input(tmp_path, monkeypatch, corpus):
    settings = PretrainSettings(init=SHIPPED)
    before = digest_inputs([corpus], settings)
    (tmp_path / "tokenizer.json").write_text("{}", encoding="utf8")
    monkeypatch.setattr(shipped, "_FOLDER", tmp_path)
    assert digest_inputs([corpus], settings) != before


def test_other_settings_are_named_and_overwrite_starts_anew(corpus, tmp_path):
    settings = replace(TINY, steps=2)
    folder = pretrain([corpus], tmp_path / "run", settings)
    with pytest.raises(ValueError, match=r"steps \(2 then, 3 now\), seed \(0 then, 1 now\); .*--overwrite"):
        pretrain([corpus], folder, replace(settings, steps=3, seed=1))
    other = tmp_path / "other.txt"
    other.write_text("棉\n布\n")
    with pytest.raises(ValueError, match="what is in the input files"):
        pretrain([other], folder, settings)
    (folder / "notes.txt").write_text("mine")
    pretrain([other], folder, settings, overwrite=True)
    assert json.loads((folder / "cache" / "texts" / "info.json").read_text())["texts"] == 2
    assert (folder / "notes.txt").read_text() == "mine"
    assert len(read_log(folder / "log.jsonl")) == 1
    (folder / "pretrain.json").write_text("{")
    with pytest.raises(ValueError, match="pretrain.json: is broken"):
        pretrain([other], folder, settings)


def test_a_folder_of_something_else_is_left_alone(corpus, tmp_path):
    (tmp_path / "README.md").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(ValueError, match="holds files that are of no pretraining run"):
            pretrain([corpus], tmp_path, TINY, overwrite=overwrite)
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]


@pytest.mark.parametrize(
    "name, value",
    [("steps", 0), ("heads", 3), ("length", 7), ("length", 513), ("mask_share", 1.0), ("dropout", 1.0), ("width", 0)],
)
def test_settings_are_checked(name, value):
    with pytest.raises(ValueError, match=f"^{name}: "):
        replace(TINY, **{name: value})


@pytest.fixture(scope="module")
def parts(corpus, tmp_path_factory):
    return prepare_texts([corpus], tmp_path_factory.mktemp("parts"), TINY)


def test_a_text_is_seen_as_if_it_were_alone(parts):
    tokenizer, texts = parts
    model = make_model(tokenizer, TINY).eval()
    row = PackedRows(texts, np.arange(3), tokenizer, 64)[0]
    batch = WordMaskCollator(tokenizer, mlm_probability=0.3, seed=1)([row])
    logits = masked_logits(model, batch)
    found = []
    for place in range(1, int(row["texts"].max()) + 1):
        at = np.flatnonzero(row["texts"] == place)
        alone = model(input_ids=batch["input_ids"][:, at]).logits[0]
        found.append(alone[batch["labels"][0, at] != -100])
    assert len(found) == 3
    assert torch.allclose(logits, torch.cat(found), atol=1e-5)


def test_the_loss_is_transformers_own(parts):
    tokenizer, texts = parts
    model = make_model(tokenizer, TINY).eval()
    rows = PackedRows(texts, np.arange(20), tokenizer, 32)
    batch = WordMaskCollator(tokenizer, seed=1)([rows[n] for n in range(len(rows))])
    names = ("input_ids", "attention_mask", "position_ids", "labels")
    expected = model(**{name: batch[name] for name in names})
    loss, right, _ = masked_loss(model, batch)
    assert loss.item() == pytest.approx(expected.loss.item(), abs=1e-5)
    found = expected.logits.argmax(-1) == batch["labels"]
    assert right.item() == found.sum().item()


def test_half_precision_is_half_the_size_and_loads_in_full(done, corpus, tmp_path):
    folder = pretrain([corpus], tmp_path / "half", replace(TINY, steps=1), half=True)
    sizes = [(path / "model.safetensors").stat().st_size for path in (folder, done)]
    assert sizes[0] < 0.55 * sizes[1]
    assert all(value.dtype == torch.float16 for value in load_file(folder / "model.safetensors").values())
    for model in (
        AutoModel.from_pretrained(folder),
        AutoModel.from_pretrained(folder, torch_dtype="auto"),
        build_initialized(folder),
    ):
        assert {value.dtype for value in model.parameters()} == {torch.float32}


def build_initialized(folder):
    """Load a backbone the way that the trf configs do."""
    import spacy

    nlp = spacy.blank("zh")
    model = build_transformer_model_v1(str(folder))
    model.initialize([nlp("苹果手机")])
    return model.transformer


def test_the_weights_are_those_that_were_trained(done):
    saved = AutoModelForMaskedLM.from_pretrained(done).state_dict()
    trained = load_file(done / "checkpoints" / "checkpoint-12" / "model.safetensors")
    assert all(torch.equal(saved[name], trained[name]) for name in trained)
    backbone = build_initialized(done).state_dict()
    name = "encoder.layer.1.output.dense.weight"
    assert torch.equal(backbone[name], saved[f"bert.{name}"])


def test_a_model_is_trained_further_with_its_own_tokenizer(done, corpus, tmp_path):
    settings = replace(TINY, init=str(done), steps=3, learn_rate=0)
    folder = pretrain([corpus], tmp_path / "further", settings, log_every=1)
    first, last = read_log(folder / "log.jsonl")[0]["loss"], read_log(done / "log.jsonl")[-1]["loss"]
    assert abs(first - last) < 0.7  # it begins where the other ended, far from the 9 of a new one
    assert (folder / "tokenizer.json").read_text() == (done / "tokenizer.json").read_text()
    assert AutoModel.from_pretrained(folder).config.hidden_dropout_prob == 0.1


@pytest.mark.parametrize("kind", [RobertaConfig, DistilBertConfig])
def test_other_kinds_of_models_train_too(kind, done, corpus, tmp_path):
    tokenizer = AutoTokenizer.from_pretrained(done)
    sizes = {"dim": 32, "n_layers": 1, "n_heads": 2, "hidden_dim": 64} if kind is DistilBertConfig else {}
    if kind is RobertaConfig:
        sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    config = kind(vocab_size=len(tokenizer), max_position_embeddings=34, pad_token_id=0, **sizes)
    AutoModelForMaskedLM.from_config(config).save_pretrained(tmp_path / "init")
    tokenizer.save_pretrained(tmp_path / "init")
    settings = replace(TINY, init=str(tmp_path / "init"), steps=6)
    rows = read_log(pretrain([corpus], tmp_path / "run", settings, log_every=1) / "log.jsonl")
    assert rows[-1]["loss"] < rows[0]["loss"]
    with pytest.raises(ValueError, match="length: 40 is too much"):
        make_model(tokenizer, replace(settings, length=40))


def test_bfloat16_trains_too_and_the_weights_stay_in_full(parts, tmp_path):
    tokenizer, texts = parts
    trainer = make_trainer(texts, tokenizer, tmp_path, replace(TINY, bf16=True), log_every=1)
    trainer.train()
    rows = read_log(tmp_path / "log.jsonl")
    assert rows[-1]["loss"] < rows[0]["loss"] - 0.5
    assert {value.dtype for value in trainer.model.parameters()} == {torch.float32}


def test_memory_holds_the_texts_on_disk(parts):
    _, texts = parts
    assert all(isinstance(array, np.memmap) for array in texts[:4])


def test_bench_times_all_three(corpus):
    timings = bench_pretraining([corpus], replace(TINY, vocab_size=1), steps=2, rounds=1)
    assert [timing.name for timing in timings] == ["pretrain", "plain loop", "plain loop, masked places only"]
    assert timings[0].ratio == 1.0 and all(timing.rate > 0 and timing.ratio > 0 for timing in timings)


@pytest.mark.skipif(not DATASETS.is_dir(), reason="needs ../shared/datasets")
def test_real_titles_can_be_read_straight_away(tmp_path):
    from spacy_product_tags.pretraining.texts import read_texts

    names = ("zh_ner_jd_gaiic2022/unlabeled", "zh_ner_jd_gaiic2022/train", "zh_ner_taobao/train", "zh_cls_openbg/train")
    for name in names:
        errors = []
        assert sum(1 for _ in read_texts([DATASETS / f"{name}.jsonl.gz"], on_error=errors.append)) > 400
        assert not errors


@pytest.fixture(scope="module")
def pair(done, tmp_path_factory):
    """A teacher, and its copy of half the layers."""
    folder = tmp_path_factory.mktemp("pair")
    shrink(done, folder / "teacher")
    shrink(folder / "teacher", folder / "student", layers=1)
    return folder / "student", folder / "teacher"


def test_a_smaller_copy_learns_its_teacher_s_hidden_states(pair, corpus, tmp_path):
    student, teacher = map(str, pair)
    settings = replace(TINY, init=student, teacher=teacher, steps=30, dropout=0.0)
    folder = pretrain([corpus], tmp_path / "run", settings, log_every=1, save_every=15)
    rows = read_log(folder / "log.jsonl")
    assert rows[-1]["loss"] < 0.5 * rows[0]["loss"] and rows[-1]["cosine"] > rows[0]["cosine"]
    assert rows[-1]["dev_cosine"] > rows[14]["dev_cosine"] and "accuracy" not in rows[-1]
    model, tokenizer = AutoModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    assert model.config.num_hidden_layers == 1
    # Nothing is saved that nobody has trained.
    assert not any("pooler" in name for name in load_file(folder / "model.safetensors"))
    assert "give the hidden states of" in (folder / "README.md").read_text(encoding="utf8")
    # The vectors that it gives itself are nearer to the teacher's than those it began with.
    batch = tokenizer(["苹果手机壳新款 3ml", "Nike cotton shirt"], return_tensors="pt", padding=True)
    with torch.no_grad():
        found, first, wanted = (
            AutoModel.from_pretrained(path).eval()(**batch).last_hidden_state for path in (folder, student, teacher)
        )
    assert (found - wanted).norm() < 0.7 * (first - wanted).norm()


def test_a_teacher_s_loss_is_the_error_over_its_variance(pair, parts):
    student, teacher = (AutoModel.from_pretrained(path).eval() for path in pair)
    tokenizer, texts = parts
    rows = PackedRows(texts, np.arange(20), tokenizer, 32)
    batch = WordMaskCollator(tokenizer, seed=1)([rows[n] for n in range(len(rows))])
    loss, cosines, _ = hidden_loss(teacher, batch, teacher)
    assert loss.item() == 0.0 and cosines.item() == pytest.approx(int(batch["pieces"].sum()), rel=1e-5)
    # Masks are taken off, and padding counts for nothing.
    bare = WordMaskCollator(tokenizer, seed=2, mlm_probability=0.5)([rows[n] for n in range(len(rows))])
    assert torch.equal(hidden_loss(student, batch, teacher)[0], hidden_loss(student, bare, teacher)[0])
    padded = dict(batch)
    for name in ("input_ids", "position_ids", "labels"):
        padded[name] = torch.nn.functional.pad(batch[name], (0, 3), value=-100 if name == "labels" else 0)
    padded["attention_mask"] = torch.nn.functional.pad(batch["attention_mask"], (0, 3, 0, 3))
    assert hidden_loss(student, padded, teacher)[0].item() == pytest.approx(hidden_loss(student, batch, teacher)[0].item(), rel=1e-5)


def test_a_teacher_that_does_not_fit_is_refused(pair, done, corpus, tmp_path):
    student, teacher = map(str, pair)
    with pytest.raises(ValueError, match="teacher: a new model can't learn"):
        replace(TINY, teacher=teacher)
    with pytest.raises(ValueError, match="fewer layers"):
        pretrain([corpus], tmp_path / "a", replace(TINY, init=teacher, teacher=student))
    with pytest.raises(ValueError, match="cuts text into other pieces.*product-tags backbone"):
        pretrain([corpus], tmp_path / "b", replace(TINY, init=student, teacher=SHIPPED))
    narrow = AutoModel.from_pretrained(teacher).config
    narrow.hidden_size = 16
    AutoModel.from_config(narrow).save_pretrained(tmp_path / "narrow")
    AutoTokenizer.from_pretrained(teacher).save_pretrained(tmp_path / "narrow")
    with pytest.raises(ValueError, match=r"differ in hidden_size \(16, 32\)"):
        pretrain([corpus], tmp_path / "c", replace(TINY, init=student, teacher=str(tmp_path / "narrow")))
