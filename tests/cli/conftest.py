"""One tiny trained pipeline for all tests of the command line."""
from pathlib import Path

import pytest
import spacy
from thinc.api import fix_random_seed
from typer.testing import CliRunner

from spacy_product_tags.cli import app
from spacy_product_tags.listing import Listing
from spacy_product_tags.listings.corpus import to_example
from spacy_product_tags.listings.markup import parse_markup

LINES = (
    "[耐克|brand]2024新款[男士|gender][纯棉|material]短袖[T恤|product]",
    "[苹果[iPhone15Pro|model]|compatibility][手机壳|product]",
    "[Nike|brand] [men|gender]'s [red|color] cotton [shirt|product]",
)


@pytest.fixture(scope="session")
def gold() -> list:
    """Three listings with tags that the pipeline has learnt by heart."""
    parsed = [parse_markup(line) for line in LINES]
    return [Listing(title=title, tags=tuple(tags)) for title, tags in parsed]


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory, gold) -> Path:
    """The folder of the pipeline."""
    fix_random_seed(0)
    nlp = spacy.blank("zh")
    nlp.add_pipe("product_tag_generator", config={"model": {"max_width": 32, "dropout": 0.0}})
    examples = [to_example(nlp, listing) for listing in gold]
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.003
    for _ in range(45):
        nlp.update(examples, sgd=optimizer)
    folder = tmp_path_factory.mktemp("pipeline") / "model"
    nlp.to_disk(folder)
    return folder


@pytest.fixture()
def run():
    """Run a command: `run("tag", model, "text")` gives the result."""

    def call(*args, **kwargs):
        result = CliRunner().invoke(app, [str(arg) for arg in args], **kwargs)
        # A traceback would be a fault of ours: what users can mend ends in Exit.
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call
