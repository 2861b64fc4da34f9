"""A saved pipeline with every component, small and trained on a few listings."""
from dataclasses import asdict
from functools import partial

import pytest
import spacy
from thinc.api import Adam, fix_random_seed

from spacy_product_tags.listing import Listing
from spacy_product_tags.listings.corpus import to_example
from spacy_product_tags.tag import Tag
from spacy_product_tags.values.index import AliasIndex
from spacy_product_tags.values.table import Value
from spacy_product_tags.values.usage import Category, Usage

TITLES = ("耐克2024新款男士纯棉短袖T恤", "苹果iPhone15Pro手机壳 包邮", "Nike men's red cotton shirt", "红色 T恤 500 ml 大码")
_TAGS = (
    [("耐克", "brand"), ("男士", "gender"), ("纯棉", "material"), ("T恤", "product")],
    [("iPhone15Pro", "model"), ("手机壳", "product")],
    [("Nike", "brand"), ("men", "gender"), ("red", "color"), ("shirt", "product")],
)
_CATEGORIES = (("服饰", "上衣"), ("数码",), ("服饰", "上衣"))
VALUES = [
    Value("red", "color", {"zh": "红色", "en": "Red"}, ("rot",), 3, ("color",)),
    Value("navy", "color", {"zh": "藏青", "en": "Navy"}, (), 1, ("color",)),
    Value("nike", "brand", {"zh": "耐克", "en": "Nike"}),
    Value("men", "gender", {"zh": "男士", "en": "men"}),
]
USAGE = [Category("a", "", ("color",), {"zh": "服饰"}), Category("a-1", "a", ("size",), {"zh": "上衣"})]


def _make_index(names=None) -> AliasIndex:
    return AliasIndex.build(
        VALUES, moved={"rouge": "red", "old": ""}, usage=Usage.build(USAGE), weights={"bias": -0.5}, names=names
    )


@pytest.fixture(scope="session")
def full_pipeline(tiny_bert, tmp_path_factory):
    """The folder of the pipeline."""
    folder = tmp_path_factory.mktemp("full") / "pipeline"
    _train(_make(tiny_bert)).to_disk(folder)
    return folder


def _make(tiny_bert):
    tokenizer = {"@tokenizers": "spacy-product-tags.ProductTokenizer.v1", "segmenter": "char"}
    nlp = spacy.blank("zh", config={"nlp": {"tokenizer": tokenizer}})
    nlp.tokenizer.add_words([("手机壳", "n"), ("短袖", "n")])
    nlp.add_pipe("product_preprocessor")
    transformer = {"@architectures": "spacy-product-tags.TransformerModel.v1", "name": tiny_bert, "stride": 16}
    nlp.add_pipe("transformer", config={"model": transformer})
    listener = {"@architectures": "spacy-product-tags.WordpieceListener.v1"}
    models = {
        "product_classifier": {"architecture": "ProductClassifier", "buckets": 512, "bag_width": 8},
        "product_tag_generator": {"architecture": "TagGenerator", "hidden_width": 32, "dropout": 0.0},
        "product_tag_classifier": {"architecture": "TagClassifier", "hidden_width": 32, "rows": 500, "dropout": 0.0},
    }
    for name, model in models.items():
        architecture = f"spacy-product-tags.{model.pop('architecture')}.v1"
        nlp.add_pipe(name, config={"model": {"@architectures": architecture, **model, "tok2vec": listener}})
    nlp.config["initialize"]["components"]["product_classifier"] = {"names": None}
    nlp.add_pipe("product_tag_normalizer")
    return nlp


def _train(nlp, steps=50):
    listings = [Listing(title, category=path, tags=find(title, values)) for title, path, values in zip(TITLES, _CATEGORIES, _TAGS)]
    make_examples = partial(_examples, nlp, listings)
    fix_random_seed(0)
    nlp.get_pipe("product_preprocessor")._set_lexicon({"手机壳": "n", "新款": "n", "红色": "a"})
    nlp.initialize(make_examples)
    nlp.get_pipe("product_tag_classifier").initialize(make_examples, nlp=nlp, aliases=_make_index())
    nlp.get_pipe("product_tag_normalizer").initialize(aliases=_make_index())
    optimizer = Adam(0.01)
    for _ in range(steps):
        nlp.update(make_examples(), sgd=False, annotates=["transformer"])
        for _, component in nlp.pipeline:
            if hasattr(component, "finish_update"):
                component.finish_update(optimizer)
    return nlp


def find(title, values):
    return tuple(Tag(text, facet, 1.0, title.index(text), title.index(text) + len(text)) for text, facet in values)


def _examples(nlp, listings):
    return [to_example(nlp, listing) for listing in listings]


@pytest.fixture(scope="session")
def make_index():
    """A function that makes an alias index with everything that one can hold but, unless it is given, an encoder."""
    return _make_index


@pytest.fixture(scope="session")
def answers():
    """A function that gives what a pipeline says of the titles: tags, without the last digits of scores; categories."""
    return _answers


def _answers(nlp):
    said = []
    for text in TITLES:
        doc = nlp.make_doc(text)
        doc._.tags = ["红色", "rouge", "500 ml"]
        doc = nlp(doc)
        said.append([{**asdict(tag), "score": round(tag.score, 4)} for tag in doc._.tags])
        said.append(doc._.category)
    return said
