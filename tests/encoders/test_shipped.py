"""The backbone that ships with the package: small, whole, in full precision once loaded, and of use."""
from configparser import ConfigParser
from pathlib import Path

import pytest
import spacy
import torch
from safetensors import safe_open
from spacy.training import Example
from transformers import AutoModelForMaskedLM, AutoTokenizer

from spacy_product_tags.encoders import shipped
from spacy_product_tags.encoders.shipped import SHIPPED, find_backbone
from spacy_product_tags.encoders.transformer import build_transformer_model_v1
from spacy_product_tags.pretraining.backbone import create_untrained_twin

FOLDER = find_backbone(SHIPPED)


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(FOLDER, use_fast=True)


def test_only_its_own_name_is_looked_up():
    assert find_backbone("hfl/chinese-macbert-base") == "hfl/chinese-macbert-base"
    assert find_backbone("/a/folder") == "/a/folder"


def test_takes_at_most_16_mb():
    files = [path for path in Path(FOLDER).rglob("*") if path.is_file()]
    assert {"config.json", "model.safetensors", "tokenizer.json", "README.md", "curves.png"} <= {f.name for f in files}
    assert sum(path.stat().st_size for path in files) <= 16_000_000
    with safe_open(Path(FOLDER) / "model.safetensors", "pt") as weights:
        assert {str(weights.get_tensor(name).dtype) for name in weights.keys()} == {"torch.float16"}


def test_card_says_what_it_saw_and_how_to_make_it_again():
    card = (Path(FOLDER) / "README.md").read_text(encoding="utf8")
    for words in ("Shopify", "MIT", "corpus/listings", "weasel run shipped", "tokens/s"):
        assert words in card


def test_a_chinese_character_is_a_piece_and_a_latin_run_a_word(tokenizer):
    assert tokenizer.tokenize("藏青iPhone15Pro手机壳") == ["藏", "青", "iphone", "15", "pro", "手", "机", "壳"]


@pytest.mark.parametrize(
    "text, word",
    [("牛仔[MASK]女高腰", "裤"), ("[MASK]色连衣裙", "黑"), ("running [MASK] for men", "shoes")],
)
def test_knows_products(text, word, tokenizer):
    model = AutoModelForMaskedLM.from_pretrained(FOLDER).eval()
    assert model.dtype == torch.float32
    batch = tokenizer(text, return_tensors="pt")
    with torch.no_grad():
        logits = model(**batch).logits[0]  # (L, V)
    place = batch["input_ids"][0].tolist().index(tokenizer.mask_token_id)
    best = tokenizer.convert_ids_to_tokens(logits[place].topk(20).indices.tolist())
    assert word in best


def test_pipeline_on_it_carries_no_path_of_this_machine(tmp_path):
    nlp = spacy.blank("zh")
    nlp.add_pipe(
        "transformer", config={"model": {"@architectures": "spacy-product-tags.TransformerModel.v1", "name": SHIPPED}}
    )
    doc = nlp.make_doc("手机壳")
    nlp.initialize(lambda: [Example(doc, doc.copy())])
    vectors = nlp("手机壳")._.trf_data.model_output.last_hidden_state
    nlp.to_disk(tmp_path / "pipeline")
    for path in (tmp_path / "pipeline").rglob("*"):
        assert not path.is_file() or FOLDER.encode() not in path.read_bytes(), path
    loaded = spacy.load(tmp_path / "pipeline")
    assert loaded.get_pipe("transformer").model.attrs["name"] == SHIPPED
    assert (loaded("手机壳")._.trf_data.model_output.last_hidden_state == vectors).all()


def test_it_is_part_of_the_package():
    setup = ConfigParser()
    setup.read(Path(__file__).parents[2] / "setup.cfg", encoding="utf8")
    patterns = setup["options.package_data"]["spacy_product_tags"].split(", ")
    package = Path(FOLDER).parent
    packed = {path for pattern in patterns for path in package.glob(pattern)}
    assert set(Path(FOLDER).iterdir()) <= packed


def test_a_missing_file_of_it_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, "_FOLDER", tmp_path / "gone")
    with pytest.raises(ValueError, match="gone is not whole; install spacy-product-tags again"):
        build_transformer_model_v1(SHIPPED).initialize()


def test_it_starts_other_models(tmp_path):
    create_untrained_twin(SHIPPED, tmp_path / "twin")
    twin = build_transformer_model_v1(str(tmp_path / "twin"))
    twin.initialize()
    assert twin.get_dim("nO") == 256
