"""``[training] dropout`` is the dropout of every encoder, ours and spaCy's."""
from functools import partial

import pytest
import spacy

from spacy_product_tags.listing import Listing
from spacy_product_tags.listings.corpus import to_example
from spacy_product_tags.tag import Tag

SIZES = {"width": 32, "depth": 1}
ENCODERS = {
    "chars": {"@architectures": "spacy-product-tags.CharEncoder.v1", **SIZES, "rows": 500, "features": 8},
    "tokens": {
        "@architectures": "spacy.HashEmbedCNN.v2",
        "pretrained_vectors": None,
        **SIZES,
        "embed_size": 100,
        "window_size": 1,
        "maxout_pieces": 2,
        "subword_features": True,
    },
}


def make_examples(nlp):
    listing = Listing("耐克T恤", tags=(Tag("耐克", "brand", 1.0, 0, 2),), category=("服饰", "T恤"))
    return [to_example(nlp, listing)]


@pytest.mark.parametrize("name", ["product_classifier", "product_tag_generator", "product_tag_classifier"])
@pytest.mark.parametrize("encoder", ["chars", "tokens"])
def test_dropout_of_a_training_run_reaches_the_encoder(name, encoder):
    nlp = spacy.blank("zh")
    component = nlp.add_pipe(name, config={"model": {"tok2vec": ENCODERS[encoder]}})
    nlp.initialize(partial(make_examples, nlp))
    nlp.update(make_examples(nlp), drop=0.35)
    rates = {node.attrs["dropout_rate"] for node in component.model.walk() if "dropout_rate" in node.attrs}
    assert rates == {0.35}
