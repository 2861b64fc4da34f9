"""`product_tag_generator` with a lexicon: a word that is added changes tags, without training."""
import random

import pytest
import spacy
from spacy.training import Example
from thinc.api import Adam, fix_random_seed

from spacy_product_tags import Listing
from spacy_product_tags.listings.corpus import to_example
from spacy_product_tags.tag import Tag
from spacy_product_tags.values.index import AliasIndex
from spacy_product_tags.values.table import Value

ENCODER = {"@architectures": "spacy-product-tags.CharEncoder.v1", "width": 16, "depth": 1, "dropout": 0.0, "word_dropout": 0.0}
MODEL = {
    "@architectures": "spacy-product-tags.TagGenerator.v1",
    "hidden_width": 32,
    "dropout": 0.0,
    "clues": ["lexicon"],
    "lexicon_dropout": 0.0,
    "lr_scale": 1.0,
    "tok2vec": ENCODER,
}


def invent(rng):
    """Make up a word. RETURNS (str): Four characters, which say nothing."""
    return "".join(rng.choice("甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳") for _ in range(4))


@pytest.fixture(scope="module")
def nlp():
    """A pipeline that can't tell a brand from another word, but by the lexicon."""
    fix_random_seed(0)
    rng = random.Random(0)
    brands = [invent(rng) for _ in range(600)]
    listings = []
    for brand in brands:
        parts = [brand, invent(rng)]
        rng.shuffle(parts)
        title = "、".join(parts) + "、鞋"
        start = title.index(brand)
        listings.append(Listing(title, tags=(Tag(brand, "brand", 1.0, start, start + 4),)))
    nlp = spacy.blank("xx")
    nlp.add_pipe("product_tag_generator", config={"model": MODEL})
    examples = [to_example(nlp, listing) for listing in listings]
    aliases = AliasIndex.build([Value(f"b{n}", "brand", {"zh": brand}) for n, brand in enumerate(brands)])
    nlp.config["initialize"]["components"]["product_tag_generator"] = {}
    nlp.get_pipe("product_tag_generator").initialize(lambda: examples, nlp=nlp, aliases=aliases)
    optimizer = Adam(0.01)
    for _ in range(3):
        rng.shuffle(examples)
        for start in range(0, len(examples), 20):
            nlp.update(examples[start : start + 20], sgd=optimizer)
    return nlp


def tags(nlp, text):
    return [(tag.text, tag.facet) for tag in nlp(text)._.tags]


def test_a_word_that_is_added_changes_tags_without_training(nlp, tmp_path):
    text = "子辰丑卯、甲壬癸戊、鞋"
    assert tags(nlp, text) == []
    nlp.to_disk(tmp_path / "before")
    nlp.get_pipe("product_tag_generator").add_words({"brand": ["甲壬癸戊"]})
    assert tags(nlp, text) == [("甲壬癸戊", "brand")]
    # It is saved with the pipeline, and others don't have it.
    assert tags(spacy.load(nlp.to_disk(tmp_path / "after") or tmp_path / "after"), text) == [("甲壬癸戊", "brand")]
    assert tags(spacy.load(tmp_path / "before"), text) == []
    assert tags(spacy.blank("xx").from_config(nlp.config).from_bytes(nlp.to_bytes()), text) == [("甲壬癸戊", "brand")]


def test_a_model_without_a_lexicon_says_so():
    nlp = spacy.blank("xx")
    generator = nlp.add_pipe("product_tag_generator", config={"model": {**MODEL, "clues": ["words"]}})
    with pytest.raises(ValueError, match=r"clues = \[\"lexicon\"\]"):
        generator.add_words({"brand": ["x"]})


@pytest.mark.parametrize(("setting", "value"), [("clues", ["word"]), ("clues", ["pos", "pos"]), ("lexicon_dropout", 1.0)])
def test_a_setting_outside_its_range_is_named(setting, value):
    with pytest.raises(ValueError, match=setting):
        spacy.blank("xx").add_pipe("product_tag_generator", config={"model": {**MODEL, setting: value}})


def test_each_clue_learns():
    """All kinds at once, on a pipeline with what gives them; the text that is cut apart gives what it gives in whole."""
    fix_random_seed(0)
    nlp = spacy.blank("zh", config={"nlp": {"tokenizer": {"segmenter": "char"}}})
    nlp.add_pipe("product_preprocessor", config={"langs": []})
    config = {"model": {**MODEL, "clues": ["words", "pos", "promotions", "lexicon"]}}
    generator = nlp.add_pipe("product_tag_generator", config=config)
    listing = Listing("耐克包邮T恤", tags=(Tag("耐克", "brand", 1.0, 0, 2), Tag("T恤", "product", 1.0, 4, 6)))
    aliases = AliasIndex.build([Value("n", "brand", {"zh": "耐克"})])
    examples = []
    for _ in range(4):
        example = to_example(nlp, listing)
        examples.append(Example(nlp.get_pipe("product_preprocessor")(example.predicted), example.reference))
    generator.initialize(lambda: examples, nlp=nlp, aliases=aliases)
    table = generator.model.shims[0].module.clues.weight
    assert not table.any()
    generator.update(examples, sgd=Adam(0.01))
    assert 0 < int(table.any(1).sum()) < len(table)
