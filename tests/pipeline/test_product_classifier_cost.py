"""What a larger taxonomy costs: run with `pytest -m slow -s tests/pipeline/test_product_classifier_cost.py`."""
import json
import random
import time
from pathlib import Path
from statistics import median

import pytest
import spacy

from spacy_product_tags.listing import Listing
from spacy_product_tags.listings.corpus import to_example
from spacy_product_tags.taxonomy.tree import Taxonomy

CORPUS = Path(__file__).parents[2] / "corpus" / "compiled" / "train.jsonl"


def make_taxonomy(size):
    """A tree like Shopify's: 26 departments, most categories on the levels from 3 to 5."""
    rng = random.Random(0)
    parents = [None] * min(26, size)
    parents += [rng.randrange(max(1, number // 4)) for number in range(len(parents), size)]
    return Taxonomy(
        {"id": str(number), "parent": None if parent is None else str(parent), "labels": {"en": f"category {number}"}}
        for number, parent in enumerate(parents)
    )


def make_nlp(size, **settings):
    nlp = spacy.blank("zh")
    transformer = {"@architectures": "spacy-product-tags.TransformerModel.v1", "name": "product-tags-mini"}
    nlp.add_pipe("transformer", config={"model": transformer})
    listener = {"@architectures": "spacy-product-tags.WordpieceListener.v1"}
    model = {"@architectures": "spacy-product-tags.ProductClassifier.v1", "tok2vec": listener, **settings}
    nlp.add_pipe("product_classifier", config={"model": model})
    taxonomy = make_taxonomy(size)
    examples = [to_example(nlp, Listing(title="红色纯棉衬衫", category=taxonomy.path(0)))]
    nlp.initialize(lambda: examples)
    nlp.get_pipe("product_classifier").initialize(lambda: examples, nlp=nlp, taxonomy=taxonomy)
    assert len(nlp.get_pipe("product_classifier").labels) == size
    return nlp


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{}, {"name_words": 0}])
def test_ten_thousand_categories_cost_little_more_than_281(settings):
    lines = [json.loads(line) for line in CORPUS.read_text(encoding="utf8").splitlines()]
    titles = [line["title"] for line in lines]
    pipelines = {size: make_nlp(size, **settings) for size in (281, 10_595)}
    times = {size: [] for size in pipelines}
    for repeat in range(13):
        # Side by side, so that what else the machine does hits both.
        for size, nlp in pipelines.items():
            start = time.process_time()
            assert sum(1 for _ in nlp.pipe(titles, batch_size=128)) == len(titles)
            if repeat:
                times[size].append((time.process_time() - start) / len(titles))
    small, large = (median(times[size]) for size in pipelines)
    print(f"{settings} 281: {small * 1000:.2f} ms a text, 10,595: {large * 1000:.2f} ms, {large / small:.2f} times")
    assert large <= 1.2 * small
