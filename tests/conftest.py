"""Fixtures that many tests share."""
import os
from functools import partial
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import pytest
import spacy
import torch
from spacy.tokens.underscore import Underscore
from thinc.api import Adam, fix_random_seed

from spacy_product_tags.listing import Listing
from spacy_product_tags.listings.corpus import to_example
from spacy_product_tags.tag import Tag, register_extensions

torch.set_num_threads(1)
# Components do it when they are made, and a fixture takes back what a test has registered.
register_extensions()

ROOT = Path(__file__).parents[1]
DATASETS = ROOT.parent / "shared" / "datasets"

_HASH_EMBED = {
    "@architectures": "spacy.HashEmbedCNN.v2",
    "pretrained_vectors": None,
    "width": 32,
    "depth": 1,
    "embed_size": 500,
    "window_size": 1,
    "maxout_pieces": 2,
    "subword_features": True,
}
_LISTENER = {"@architectures": "spacy-product-tags.WordpieceListener.v1"}
# The head's encoder by kind, small and without dropout.
ENCODERS = {
    "chars": {
        "@architectures": "spacy-product-tags.CharEncoder.v1",
        "width": 32,
        "depth": 1,
        "rows": 2000,
        "features": 16,
        "dropout": 0.0,
        "word_dropout": 0.0,
    },
    "wordpieces": _LISTENER,
    "stock": _LISTENER,
    "tokens": _HASH_EMBED,
    "tok2vec": {"@architectures": "spacy.Tok2VecListener.v1", "width": 32},
}
_STRIDED_SPANS = {"@span_getters": "spacy-transformers.strided_spans.v1", "window": 24, "stride": 16}


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
    return three_listings()


@pytest.fixture(scope="session")
def make_nlp(tiny_bert):
    """A function that makes an untrained pipeline with a small `product_tag_generator` over a kind of encoder."""
    return partial(_make_nlp, tiny_bert)


@pytest.fixture(scope="session")
def train():
    """A function that trains a pipeline on listings, by default the three."""
    return _train


@pytest.fixture(scope="session")
def trained(make_nlp, tmp_path_factory):
    """A function that gives the folder of a pipeline trained on the three listings; each kind is trained once."""
    folders = {}

    def get(kind: str) -> Path:
        if kind not in folders:
            nlp = make_nlp(kind)
            _train(nlp)
            folders[kind] = tmp_path_factory.mktemp(kind) / "pipeline"
            nlp.to_disk(folders[kind])
        return folders[kind]

    return get


def three_listings() -> list:
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


def _make_nlp(tiny_bert: str, kind: str, lang: str = "zh", tokenizer: str = "", **settings):
    """Make an untrained pipeline.

    kind (str): A key of `ENCODERS`; "wordpieces" listens to our transformer, "stock" to spacy-transformers'.
    lang (str): Its language.
    tokenizer (str): "" = the language's own, else the segmenter of our tokenizer.
    **settings: Of the component or, where they are the model's, of the model.
    """
    config = {"nlp": {"tokenizer": {"@tokenizers": "spacy-product-tags.ProductTokenizer.v1", "segmenter": tokenizer}}}
    nlp = spacy.blank(lang, config=config if tokenizer else {})
    if kind == "wordpieces":
        model = {"@architectures": "spacy-product-tags.TransformerModel.v1", "name": tiny_bert, "stride": 16}
        nlp.add_pipe("transformer", config={"model": model})
    elif kind == "stock":
        model = {
            "@architectures": "spacy-transformers.TransformerModel.v3",
            "name": tiny_bert,
            "tokenizer_config": {"use_fast": True},
            "get_spans": _STRIDED_SPANS,
        }
        nlp.add_pipe("transformer", config={"model": model})
    elif kind == "tok2vec":
        nlp.add_pipe("tok2vec", config={"model": _HASH_EMBED})
    model = {
        "@architectures": "spacy-product-tags.TagGenerator.v1",
        "hidden_width": 32,
        "dropout": 0.0,
        "tok2vec": ENCODERS[kind],
    }
    own = {name: settings.pop(name) for name in ("min_score", "overlap", "keep_promotions") if name in settings}
    nlp.add_pipe("product_tag_generator", config={"model": {**model, **settings}, **own})
    return nlp


def _train(nlp, listings=None, steps: int = 60) -> dict:
    """Train as spaCy's training loop does. RETURNS (Dict[str, float]): The losses of the last step."""
    listings = listings or three_listings()
    fix_random_seed(0)
    nlp.initialize(partial(_to_examples, nlp, listings))
    optimizer = Adam(0.01)
    losses = {}
    for _ in range(steps):
        losses = {}
        nlp.update(_to_examples(nlp, listings), sgd=False, losses=losses)
        for _, component in nlp.pipeline:
            if hasattr(component, "finish_update"):
                component.finish_update(optimizer)
    return losses


def _to_examples(nlp, listings) -> list:
    return [to_example(nlp, listing) for listing in listings]
