import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoTokenizer

from spacy_product_tags.pretraining.backbone import create_backbone, create_untrained_twin, load_encoder

TEXTS = ["耐克Nike纯棉T恤 Größe 38", "苹果iPhone手机壳", "cotton shirt", "cotton shirts", "Café 手机"] * 3
SIZES = {"layers": 1, "width": 16, "heads": 2, "vocab_size": 9000, "max_positions": 32}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return create_backbone(TEXTS, tmp_path_factory.mktemp("backbone") / "new", **SIZES)


def test_it_is_a_plain_transformers_folder(folder):
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {file.name for file in folder.iterdir()}
    model, tokenizer = AutoModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    assert tokenizer.is_fast
    assert tokenizer.model_max_length == model.config.max_position_embeddings == 32
    assert model.config.vocab_size == len(tokenizer) <= 9000
    assert model(**tokenizer("耐克T恤", return_tensors="pt")).last_hidden_state.shape[-1] == 16


def test_a_piece_a_chinese_character_accents_stay_and_case_does_not(folder):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer.tokenize("纯棉T恤") == ["纯", "棉", "t", "恤"]
    assert "é" in "".join(tokenizer.tokenize("CAFÉ"))
    encoding = tokenizer("Größe 38", return_offsets_mapping=True)
    assert encoding["input_ids"][0] == tokenizer.cls_token_id
    assert encoding["input_ids"][-1] == tokenizer.sep_token_id
    assert encoding["offset_mapping"][-2][1] == len("Größe 38")


def test_the_seed_decides_and_the_caller_s_random_state_stays(folder, tmp_path):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    again = create_backbone(TEXTS, tmp_path / "again", **SIZES)
    assert torch.rand(1) == expected
    other = create_backbone(TEXTS, tmp_path / "other", **SIZES, seed=1)
    assert (again / "tokenizer.json").read_bytes() == (folder / "tokenizer.json").read_bytes()
    weights = [(place / "model.safetensors").read_bytes() for place in (folder, again, other)]
    assert weights[0] == weights[1] != weights[2]


def test_a_twin_has_everything_but_the_weights(folder, tmp_path):
    twin = create_untrained_twin(folder, tmp_path / "twin", seed=3)
    assert (twin / "tokenizer.json").read_bytes() == (folder / "tokenizer.json").read_bytes()
    ours, theirs = AutoModel.from_pretrained(twin).state_dict(), AutoModel.from_pretrained(folder).state_dict()
    assert {name: value.shape for name, value in ours.items()} == {name: value.shape for name, value in theirs.items()}
    name = "encoder.layer.0.attention.self.query.weight"
    assert not torch.equal(ours[name], theirs[name])


def test_it_serves_as_backbone(folder, make_nlp):
    nlp = make_nlp("wordpieces")
    model = {"@architectures": "spacy-product-tags.TransformerModel.v1", "name": str(folder)}
    nlp.remove_pipe("transformer")
    nlp.add_pipe("transformer", config={"model": model}, first=True)
    nlp.get_pipe("transformer").initialize(list, nlp=nlp)
    assert nlp.select_pipes(enable="transformer")
    assert nlp("耐克T恤")._.trf_data.model_output.last_hidden_state.shape[-1] == 16


def test_an_encoder_without_all_its_weights_is_refused(tmp_path):
    create_backbone(TEXTS, tmp_path, **SIZES)
    assert load_encoder(tmp_path).dtype == torch.float32
    weights = load_file(tmp_path / "model.safetensors")
    del weights[next(name for name in weights if name.endswith("layer.0.output.dense.weight"))]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match="lacks 1 of its weights, such as encoder.layer.0.output.dense.weight; save"):
        load_encoder(tmp_path)
