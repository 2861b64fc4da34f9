"""spaCy's own commands and functions work on the configs that ship, and on what they train."""
from pathlib import Path

import pytest
import spacy
from spacy.cli.debug_config import debug_config
from spacy.cli.debug_data import debug_data
from spacy.util import load_model_from_config
from thinc.api import Config

from spacy_product_tags.listing import write_listings
from spacy_product_tags.listings.corpus import to_example

CONFIGS = Path(__file__).parents[1] / "configs"
NAMES = sorted(path.stem for path in CONFIGS.glob("*.cfg"))


@pytest.fixture()
def overrides(listings, tiny_bert, tmp_path):
    """Paths to three listings and a tiny transformer."""
    corpus = tmp_path / "corpus.jsonl"
    write_listings(corpus, listings)
    return {"paths.train": str(corpus), "paths.dev": str(corpus), "paths.backbone": tiny_bert}


def ours(name, overrides, listings, tmp_path):
    """The paths that a config has."""
    sections = Config().from_disk(CONFIGS / f"{name}.cfg", interpolate=False)
    if name == "zh_direct":
        (tmp_path / "values.json").write_text('{"color": ["红色"]}', encoding="utf8")
        overrides = {**overrides, "paths.values": str(tmp_path / "values.json")}
    return {path: value for path, value in overrides.items() if path.partition(".")[2] in sections["paths"]}


@pytest.mark.parametrize("name", NAMES)
def test_debug_config_finds_every_config_valid(name, overrides, listings, tmp_path, capsys):
    debug_config(CONFIGS / f"{name}.cfg", overrides=ours(name, overrides, listings, tmp_path))
    assert "Config is valid" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["en", "xx_trf", pytest.param("zh", marks=pytest.mark.slow)])
def test_debug_data_reads_listings(name, overrides, listings, tmp_path, capsys):
    # Below a hundred, it ends with an error.
    write_listings(overrides["paths.train"], listings * 40)
    debug_data(CONFIGS / f"{name}.cfg", config_overrides=ours(name, overrides, listings, tmp_path), silent=False)
    shown = capsys.readouterr().out
    assert "Pipeline can be initialized with data" in shown and "120 training docs" in shown


def test_a_loaded_pipeline_can_be_initialized_again(overrides, listings, tmp_path):
    config = Config().from_disk(CONFIGS / "xx.cfg", interpolate=False, overrides={**overrides, "training.max_steps": 7})
    nlp = load_model_from_config(config, auto_fill=True)
    nlp.initialize(lambda: [to_example(nlp, listing) for listing in listings])
    nlp.to_disk(tmp_path / "trained")
    loaded = spacy.load(tmp_path / "trained")
    optimizer = loaded.initialize(lambda: [to_example(loaded, listing) for listing in listings])
    assert optimizer.b2 == 0.98
    assert loaded.config["training"]["optimizer"]["learn_rate"]["total_steps"] == 7
    assert loaded.resume_training() is not None
