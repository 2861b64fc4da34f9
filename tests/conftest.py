"""Fixtures that many tests share."""
import os
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import pytest
import torch
from spacy.tokens.underscore import Underscore

from spacy_product_tags.tag import Tag
from spacy_product_tags.training.listings import Listing

torch.set_num_threads(1)

ROOT = Path(__file__).parents[1]
DATASETS = ROOT.parent / "shared" / "datasets"


@pytest.fixture(autouse=True)
def _restore_underscore():
    """Leave no extension behind that a test has registered."""
    saved = [dict(table) for table in (Underscore.doc_extensions, Underscore.span_extensions, Underscore.token_extensions)]
    yield
    Underscore.doc_extensions, Underscore.span_extensions, Underscore.token_extensions = saved


@pytest.fixture(scope="session")
def datasets() -> Path:
    """The folder of real data sets; skips where it isn't there."""
    if not DATASETS.is_dir():
        pytest.skip(f"the real data sets are not at {DATASETS}")
    return DATASETS


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory) -> str:
    """A saved BERT with random weights: 2 layers of 32, 64 positions, a wordpiece a Chinese character."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny_bert")
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)] + list("0123456789.,/+-*()")
    hanzi = list("耐克男士纯棉短袖恤新款连衣裙女红色黑白手机壳苹果适用华为防摔透明保温杯毫升不锈钢坚果零食礼盒装大")
    words = ["nike", "shirt", "cotton", "red", "men", "iphone", "case", "pro"]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *("##" + c for c in letters), *hanzi, *words]
    pieces = list(dict.fromkeys(pieces))
    vocab = {piece: number for number, piece in enumerate(pieces)}
    backend = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=True)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", vocab["[CLS]"]), ("[SEP]", vocab["[SEP]"])]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_max_length=64,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocab),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.fixture()
def listings() -> list:
    """Three listings with tags: mixed script, a tag inside a token, nested tags."""
    return [
        make_listing("耐克2024新款男士纯棉短袖T恤", [("耐克", "brand"), ("男士", "gender"), ("纯棉", "material"), ("T恤", "product")]),
        make_listing("苹果iPhone15Pro手机壳", [("苹果iPhone15Pro", "compatibility"), ("iPhone15Pro", "model"), ("手机壳", "product")]),
        make_listing("Nike men's red cotton shirt", [("Nike", "brand"), ("men", "gender"), ("red", "color"), ("shirt", "product")]),
    ]


def make_listing(title: str, values: list) -> Listing:
    """Make a listing whose tags are the first occurrences of values."""
    tags = []
    for value, facet in values:
        start = title.index(value)
        tags.append(Tag(value, facet, 1.0, start, start + len(value)))
    return Listing(title=title, tags=tuple(tags))
