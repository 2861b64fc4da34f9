"""The benchmark runs and its figures hang together; how fast anything is, no test says."""
import pytest
import spacy

from spacy_product_tags.evaluation.bench import measure, random_pipeline

TEXTS = ["耐克2024新款男士纯棉短袖T恤", "苹果iPhone15Pro手机壳", "Nike men's red cotton shirt", "坚果礼盒"] * 4


def test_contestants_and_ratios():
    nlp = random_pipeline(TEXTS, layers=1, width=64)
    assert nlp.pipe_names == ["transformer", "product_tag_generator", "vector_cleaner"]
    model = nlp.get_pipe("transformer").model
    model.attrs["mixed_precision"] = model.layers[0].shims[0]._mixed_precision = True
    timings = measure(nlp, TEXTS, batch_size=8, repeats=2)
    # As the bare forward is.
    assert not model.attrs["mixed_precision"] and not model.layers[0].shims[0]._mixed_precision
    assert timings[0].ratio == 1.0
    assert len({timing.name for timing in timings}) == 4
    assert all(timing.rate > 0 and timing.ratio > 0 for timing in timings)


def test_needs_a_transformer():
    with pytest.raises(ValueError, match="needs a pipeline with a 'transformer'"):
        measure(spacy.blank("zh"), TEXTS)
