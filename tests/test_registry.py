import configparser
import importlib
import subprocess
import sys
from pathlib import Path

import pytest
import spacy
from spacy.language import Language

import spacy_product_tags
from spacy_product_tags import cli

SETUP = configparser.ConfigParser()
SETUP.read(Path(__file__).parents[1] / "setup.cfg", encoding="utf8")
ENTRY_POINTS = [
    (group, *(part.strip() for part in line.split("=")))
    for group, lines in SETUP["options.entry_points"].items()
    for line in lines.strip().splitlines()
]
SPACY_GROUPS = {
    "spacy_architectures": "architectures",
    "spacy_readers": "readers",
    "spacy_augmenters": "augmenters",
    "spacy_callbacks": "callbacks",
    "spacy_scorers": "scorers",
    "spacy_tokenizers": "tokenizers",
}


def _import(place):
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


@pytest.mark.parametrize("group, name, place", ENTRY_POINTS)
def test_every_entry_point_resolves_through_spacy(group, name, place):
    target = _import(place)
    if group == "spacy_factories":
        assert Language.has_factory(name)
        assert Language.get_factory_meta(name).factory == name
        # The default config resolves, on another nlp too, and so does what it writes.
        nlp = spacy.blank("zh")
        nlp.add_pipe(name)
        assert nlp.config["components"][name]["factory"] == name
    elif group in SPACY_GROUPS:
        assert spacy.registry.get(SPACY_GROUPS[group], name) is target
    else:
        assert group in ("spacy_cli", "console_scripts") and callable(target)


def test_no_group_is_missing():
    groups = {group for group, _, _ in ENTRY_POINTS}
    assert groups == {"spacy_factories", "spacy_cli", "console_scripts", *SPACY_GROUPS}
    assert {name for _, name, _ in ENTRY_POINTS if name.startswith("spacy-product-tags.")} >= {
        "spacy-product-tags.TagGenerator.v1",
        "spacy-product-tags.AliasMatcher.v1",
        "spacy-product-tags.CharEncoder.v1",
        "spacy-product-tags.TransformerModel.v1",
        "spacy-product-tags.WordpieceListener.v1",
        "spacy-product-tags.WordpieceTransformer.v1",
        "spacy-product-tags.ListingCorpus.v1",
        "spacy-product-tags.read_aliases.v1",
        "spacy-product-tags.tag_scorer.v1",
        "spacy-product-tags.ProductTokenizer.v1",
    }
    assert cli.app is not None


def test_all_is_what_a_star_import_gives():
    names = {}
    exec("from spacy_product_tags import *", names)
    assert sorted(spacy_product_tags.__all__) == spacy_product_tags.__all__
    assert sorted(set(names) - {"__builtins__"}) == spacy_product_tags.__all__
    assert spacy_product_tags.__version__.count(".") == 2


def test_the_package_and_its_factories_load_no_transformers_and_claim_no_extension():
    # Each look-up of a factory imports every installed one, and `python -m spacy` imports the command line.
    code = (
        "import sys, spacy_product_tags, spacy_product_tags.pipeline.tag_generator, spacy_product_tags.cli\n"
        "from spacy.tokens import Doc\n"
        "Doc.set_extension('category', default=None)  # another project's, which never uses us\n"
        "assert not Doc.has_extension('tags') and not Doc.has_extension('tag_issues')\n"
        "found = sorted({'transformers', 'spacy_transformers', 'spacy_pkuseg', 'jieba'} & set(sys.modules))\n"
        "sys.exit(f'loaded: {found}' if found else 0)"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
