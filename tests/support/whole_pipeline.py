"""A small pipeline with every component, trained for seconds and eager: it finds many tags, right ones or not."""
from functools import partial
from pathlib import Path
from typing import List

import spacy
from spacy.language import Language
from spacy.training import Example
from thinc.api import Adam, fix_random_seed

from spacy_product_tags.listing import Listing
from spacy_product_tags.listings.corpus import to_example
from spacy_product_tags.tag import Tag
from spacy_product_tags.values.index import AliasIndex
from spacy_product_tags.values.table import Value

_LISTENER = {"@architectures": "spacy-product-tags.WordpieceListener.v1"}
_HEADS = {
    "product_classifier": {"@architectures": "spacy-product-tags.ProductClassifier.v1", "buckets": 512, "bag_width": 8},
    "product_tag_generator": {"@architectures": "spacy-product-tags.TagGenerator.v1", "hidden_width": 32, "dropout": 0.0},
    "product_tag_classifier": {"@architectures": "spacy-product-tags.TagClassifier.v1", "rows": 512, "hidden_width": 32},
}
_SETTINGS = {
    "product_classifier": {"min_probability": 0.0},
    # Low, so that much is found in any text.
    "product_tag_generator": {"min_score": 0.2, "overlap": "any"},
    "product_tag_classifier": {"min_score": 0.2, "multi": True},
}
_VALUES = {
    ("brand", "nike"): {"en": "Nike", "zh-CN": "耐克"},
    ("brand", "apple"): {"en": "Apple", "zh-CN": "苹果"},
    ("color", "red"): {"en": "red", "zh-CN": "红色", "ja": "赤"},
    ("color", "navy"): {"en": "Navy", "zh-CN": "藏青色"},
    ("material", "cotton"): {"en": "cotton", "zh-CN": "纯棉"},
    ("product", "dress"): {"en": "dress", "zh-CN": "连衣裙"},
    ("product", "ladies"): {"ja": "レディース", "en": "Crème Brûlée"},
}
_TITLES = [
    ("耐克2024新款男士纯棉短袖T恤", "耐克 brand|男士 gender|纯棉 material|T恤 product", ("服饰", "上衣")),
    ("苹果iPhone15Pro手机壳 防摔透明", "苹果 brand|iPhone15Pro model|手机壳 product|透明 color", ("数码", "手机壳")),
    ("Nike men's red cotton shirt", "Nike brand|men gender|red color|shirt product", ("服饰", "上衣")),
    ("红色连衣裙女 XL 夏季", "红色 color|连衣裙 product|XL size|夏季 season", ("服饰", "裙子")),
    ("不锈钢保温杯500ml*2 ﾒﾝｽﾞ❤", "不锈钢 material|保温杯 product|500ml quantity", ("家居",)),
    ("海尔 坚果礼盒 1.5kg，24瓶", "海尔 brand|坚果礼盒 product|1.5kg quantity|24瓶 quantity", ("食品",)),
]


def make_whole(tiny_bert: str, folder: Path, steps: int = 25) -> Language:
    """Make and train the pipeline.

    tiny_bert (str): Folder of a tiny backbone.
    folder (Path): A folder for the dictionary and the lexicon.
    steps (int): Of training.
    RETURNS (Language): Tokenizer with a dictionary, preprocessor, transformer, three heads, normalizer, doc cleaner.
    """
    fix_random_seed(0)
    lexicon, words = folder / "lexicon.tsv", folder / "words.txt"
    lexicon.write_text("男士\tn\n纯棉\ta\n夏季\tt\n", encoding="utf8")
    words.write_text("纯棉\n连衣裙\nﾒﾝｽﾞ\n手机壳\tn\nRunning Shoes\n", encoding="utf8")
    tokenizer = {"@tokenizers": "spacy-product-tags.ProductTokenizer.v1", "segmenter": "char"}
    nlp = spacy.blank("zh", config={"nlp": {"tokenizer": tokenizer}})
    nlp.add_pipe("product_preprocessor")
    model = {"@architectures": "spacy-product-tags.TransformerModel.v1", "name": tiny_bert, "stride": 16}
    nlp.add_pipe("transformer", config={"model": model})
    for name, head in _HEADS.items():
        nlp.add_pipe(name, config={"model": {**head, "tok2vec": _LISTENER}, **_SETTINGS[name]})
    nlp.add_pipe("product_tag_normalizer")
    nlp.config["initialize"]["components"] = {
        "product_preprocessor": {"lexicon": str(lexicon)},
        "product_classifier": {"names": None},
    }
    nlp.config["initialize"]["tokenizer"] = {"pkuseg_user_dict": str(words)}
    nlp.initialize(partial(_examples, nlp))
    optimizer = Adam(0.01)
    for _ in range(steps):
        nlp.update(_examples(nlp), sgd=False, losses={})
        for _, component in nlp.pipeline:
            if hasattr(component, "finish_update"):
                component.finish_update(optimizer)
    values = [Value(f"{facet}/{name}", facet, labels) for (facet, name), labels in _VALUES.items()]
    nlp.get_pipe("product_tag_normalizer").initialize(aliases=AliasIndex.build(values))
    nlp.add_pipe("doc_cleaner", config={"silent": True})
    return nlp


def _examples(nlp: Language) -> List[Example]:
    examples = []
    for title, values, category in _TITLES:
        tags = []
        for value in values.split("|"):
            text, facet = value.rsplit(" ", 1)
            tags.append(Tag(text, facet, 1.0, title.index(text), title.index(text) + len(text)))
        examples.append(to_example(nlp, Listing(title, tags=tuple(tags), category=category)))
    return examples
