"""Each config of configs/ trains, offline, and what it trains loads and tags."""
import runpy
import shutil
from pathlib import Path

import pytest
import spacy
from spacy.cli.train import train
from spacy.util import load_config, registry
from srsly import write_jsonl

from spacy_product_tags.encoders.shipped import SHIPPED
from spacy_product_tags.listing import Listing, write_listings
from spacy_product_tags.tag import Tag
from spacy_product_tags.taxonomy.tree import Taxonomy
from spacy_product_tags.text.segmenter import silver_segmentation, train_segmenter

ROOT = Path(__file__).parents[1]
CONFIGS = ("zh", "en", "xx", "zh_trf", "en_trf", "xx_trf")


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory) -> Path:
    """A pkuseg model of a few words."""
    titles = ["纯棉短袖连衣裙", "手机壳防摔透明", "保温杯不锈钢大容量", "坚果礼盒零食大礼包"] * 8
    return train_segmenter(silver_segmentation(map(Listing, titles)), tmp_path_factory.mktemp("segmenter"), iterations=2)


def test_there_is_a_config_for_each_language_and_size():
    # zh_direct is not trained: see tests/heads/test_alias_matcher.py; those of the classifier have tests of their own.
    names = sorted(path.stem for path in (ROOT / "configs").glob("*.cfg"))
    assert names == sorted([*CONFIGS, "whole", "zh_direct", "classifier", "zero_shot", "facets"])


def test_configs_are_made_of_their_parts():
    made = runpy.run_path(str(ROOT / "configs" / "make.py"))
    assert {path.stem for path in (ROOT / "configs").glob("*.cfg")} == set(made["CONFIGS"])
    for name in made["CONFIGS"]:
        text = (ROOT / "configs" / f"{name}.cfg").read_text(encoding="utf8")
        assert text == made["make"](name), f"run: python configs/make.py (it makes {name}.cfg)"


def test_a_part_adds_changes_and_takes_out(tmp_path):
    made = runpy.run_path(str(ROOT / "configs" / "make.py"))
    (tmp_path / "base.cfg").write_text("[a]\n# Of x.\nx = 1\ny = 2\n\n[b]\n\n[b.c]\nz = 3\n\n[d]\n", encoding="utf8")
    (tmp_path / "more.cfg").write_text("[a]\n# New.\nx = 4\n- y\n\n[a.e]\nw = 5\n\n[- b]\n", encoding="utf8")
    changed = made["change"](made["read_part"](tmp_path / "base.cfg"), made["read_part"](tmp_path / "more.cfg"))
    assert list(changed.items()) == [("a", {"x": "# New.\nx = 4\n"}), ("a.e", {"w": "w = 5\n"}), ("d", {})]


def quick(corpus: Path, backbone: str, steps: int) -> dict:
    """Give settings for a run of seconds. RETURNS (dict): Overrides of a config."""
    return {
        "paths.train": str(corpus),
        "paths.dev": str(corpus),
        "paths.backbone": backbone,
        "training.max_steps": steps,
        "training.eval_frequency": steps // 2,
        "training.optimizer.learn_rate.warmup_steps": 5,
    }


@pytest.mark.parametrize("name", CONFIGS)
def test_config_trains_offline(name, tiny_bert, segmenter, listings, tmp_path):
    corpus = tmp_path / "corpus.jsonl"
    write_listings(corpus, listings)
    overrides = {
        **quick(corpus, tiny_bert, steps=40),
        "paths.segmenter": str(segmenter),
        "training.optimizer.learn_rate.initial_rate": 0.005,
        "components.product_tag_generator.model.dropout": 0.0,
        "corpora.train.augmenter.level": 0.5,
    }
    train(ROOT / "configs" / f"{name}.cfg", tmp_path / "out", overrides=overrides)
    # The backbone is not needed any more: everything is in the pipeline.
    nlp = spacy.load(tmp_path / "out" / "model-last")
    tags = nlp(listings[0].title)._.tags
    assert {tag.text for tag in tags} & {tag.text for tag in listings[0].tags}
    assert all(tag.text == listings[0].title[tag.start : tag.end] for tag in tags)
    doc = nlp(listings[0].title)
    assert doc._.trf_data is None, "the vector_cleaner should have removed it"
    # spaCy's doc_cleaner would make these raise.
    assert doc[:1].as_doc().text == doc[:1].text and not doc.vector.any()


def test_the_small_config_trains_as_it_is(segmenter, listings, tmp_path):
    corpus = tmp_path / "corpus.jsonl"
    write_listings(corpus, listings)
    overrides = {"paths.train": str(corpus), "paths.dev": str(corpus), "paths.segmenter": str(segmenter)}
    train(ROOT / "configs" / "zh.cfg", tmp_path / "out", overrides={**overrides, "training.max_steps": 2})
    loaded = spacy.load(tmp_path / "out" / "model-last")
    assert loaded.get_pipe("transformer").model.get_dim("nO") == 384
    assert loaded.get_pipe("product_tag_generator").labels


def test_the_whole_chain_trains_on_one_transformer(tiny_bert, segmenter, tmp_path):
    tags = (Tag("纯棉", "material", 1.0, 0, 2), Tag("连衣裙", "product", 1.0, 2, 5))
    listings = [
        Listing(title="纯棉连衣裙", category=("服饰", "裙子"), tags=tags),
        Listing(title="手机壳", category=("数码",), tags=(Tag("手机壳", "product", 1.0, 0, 3),)),
    ]
    corpus, taxonomy, values = tmp_path / "corpus.jsonl", tmp_path / "taxonomy.jsonl", tmp_path / "values.jsonl"
    write_listings(corpus, listings)
    Taxonomy.from_paths([listing.category for listing in listings], "zh").to_disk(taxonomy)
    write_jsonl(values, [{"id": "cotton", "facet": "material", "labels": {"zh": "棉", "en": "Cotton"}, "aliases": ["纯棉"]}])
    overrides = {
        **quick(corpus, tiny_bert, steps=60),
        "paths.segmenter": str(segmenter),
        "paths.taxonomy": str(taxonomy),
        "paths.aliases": str(values),
        "training.optimizer.learn_rate.initial_rate": 0.005,
        "components.product_tag_generator.model.dropout": 0.0,
        "components.product_classifier.min_probability": 0.0,
    }
    train(ROOT / "configs" / "whole.cfg", tmp_path / "out", overrides=overrides)
    nlp = spacy.load(tmp_path / "out" / "model-last")
    doc = nlp.make_doc("纯棉连衣裙")
    doc._.tags = ["裙"]
    doc = nlp(doc)
    found = {tag.text: tag for tag in doc._.tags}
    assert doc._.category == ("服饰", "裙子") and doc._.trf_data is None
    assert found["纯棉"].facet == "material" and found["连衣裙"].facet == "product"
    # As it is written, with the value's id, which has a name in each language; the seller's tag has a facet.
    assert found["纯棉"].canonical_id == "cotton"
    assert nlp.get_pipe("product_tag_normalizer").localize(found["纯棉"], "en") == "Cotton"
    assert found["裙"].facet and found["裙"].source == "seller"


def test_what_ships_is_read_by_its_name():
    taxonomy = registry.readers.get("spacy-product-tags.taxonomy.v1")("shopify")
    assert len(taxonomy) > 10_000
    row = taxonomy.find(["Apparel & Accessories", "Clothing"])
    assert taxonomy.path(row, "de") == ("Bekleidung & Accessoires", "Bekleidung")
    values = registry.readers.get("spacy-product-tags.alias_index.v1")("shopify", names=None)
    (navy,) = {candidate.id for candidate in values.exact("藏青色", "color")} | {c.id for c in values.exact("Navy", "color")}
    assert values[navy].labels["en"] == "Navy" and values.usage is not None


def test_the_classifier_trains_offline(tiny_bert, tmp_path):
    listings = [Listing(title=title, category=path) for title, path in (("纯棉连衣裙", ("服饰", "裙子")), ("手机壳", ("数码",)))]
    corpus = tmp_path / "corpus.jsonl"
    write_listings(corpus, listings)
    overrides = {
        **quick(corpus, tiny_bert, steps=30),
        "training.optimizer.learn_rate.initial_rate": 0.003,
        "components.product_classifier.min_probability": 0.0,
        "components.product_classifier.model.buckets": 512,
    }
    train(ROOT / "configs" / "classifier.cfg", tmp_path / "out", overrides=overrides)
    nlp = spacy.load(tmp_path / "out" / "model-last")
    for listing in listings:
        doc = nlp(listing.title)
        assert doc._.category == listing.category and doc._.trf_data is None
    assert set(nlp.config["paths"]) >= {"train", "dev", "backbone", "encoder", "taxonomy", "names"}


def test_the_classifier_by_names_finds_what_it_has_not_seen(tmp_path):
    rows = [{"id": str(n), "labels": {"en": name}} for n, name in enumerate(("Lamps", "Shoes", "Bottles", "Laptops"))]
    write_jsonl(tmp_path / "taxonomy.jsonl", rows)
    seen = [Listing(title=title, category=(path,)) for title, path in (("Acme lamps red", "Lamps"), ("red shoes 2", "Shoes"))]
    write_listings(tmp_path / "train.jsonl", seen)
    overrides = {"paths.train": str(tmp_path / "train.jsonl"), "paths.dev": str(tmp_path / "train.jsonl")}
    overrides.update({"paths.taxonomy": str(tmp_path / "taxonomy.jsonl"), "training.max_steps": 4})
    train(ROOT / "configs" / "zero_shot.cfg", tmp_path / "out", overrides={**overrides, "training.eval_frequency": 2})
    nlp = spacy.load(tmp_path / "out" / "model-last")
    assert [nlp(title)._.category for title in ("blue water bottles", "Acme laptops 15")] == [("Bottles",), ("Laptops",)]


@pytest.mark.parametrize("name", [*CONFIGS, "zh_direct"])
def test_config_is_complete(name):
    config = load_config(ROOT / "configs" / f"{name}.cfg", interpolate=False)
    assert set(config["paths"]) == {"train", "dev", "backbone", "encoder", "segmenter", "user_dict", "lexicon", "values"}
    backbone = None if name.endswith("_trf") else SHIPPED
    assert {k: v for k, v in config["paths"].items() if v} == ({"backbone": backbone} if backbone else {})
    assert config["nlp"]["lang"] == name.split("_")[0]


def test_missing_backbone_says_what_to_do(tmp_path, listings, capsys):
    corpus = tmp_path / "corpus.jsonl"
    write_listings(corpus, listings)
    gone = tmp_path / "gone"
    shutil.rmtree(gone, ignore_errors=True)
    overrides = {"paths.train": str(corpus), "paths.dev": str(corpus), "paths.backbone": str(gone)}
    with pytest.raises(ValueError, match=r"gone.*can't be loaded.*\[paths\] backbone"):
        train(ROOT / "configs" / "en_trf.cfg", tmp_path / "out", overrides=overrides)
