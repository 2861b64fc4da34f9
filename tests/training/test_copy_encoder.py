import numpy as np
import pytest
import spacy
from spacy.training import Example
from spacy.util import load_config_from_str, load_model_from_config

from spacy_product_tags.pretraining.backbone import create_backbone, create_untrained_twin
from spacy_product_tags.training.copy_encoder import copy_encoder, create_copy_encoder

CONFIG = """
[nlp]
lang = "zh"
pipeline = ["product_tag_generator"]

[components]

[components.product_tag_generator]
factory = "product_tag_generator"

[components.product_tag_generator.model]
@architectures = "spacy-product-tags.TagGenerator.v1"
hidden_width = 16

[components.product_tag_generator.model.tok2vec]
@architectures = "spacy-product-tags.CharEncoder.v1"
width = {width}
depth = 1
rows = 500
dropout = {dropout}

[initialize]

[initialize.after_init]
@callbacks = "spacy-product-tags.copy_encoder.v1"
source = {source}
"""
TITLE = "耐克男士纯棉短袖T恤"


def make_pipeline(facet="brand", width=16, dropout=0.1, source="null"):
    config = load_config_from_str(CONFIG.format(width=width, dropout=dropout, source=source))
    nlp = load_model_from_config(config, auto_fill=True)
    reference = nlp.make_doc(TITLE)
    reference._.tags = [{"text": "耐克", "facet": facet, "start": 0, "end": 2}]
    nlp.initialize(lambda: [Example(nlp.make_doc(TITLE), reference)])
    return nlp


def encode(nlp):
    return nlp.get_pipe("product_tag_generator").model.get_ref("tok2vec").predict([nlp.make_doc(TITLE)]).vectors


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    nlp = make_pipeline()
    folder = tmp_path_factory.mktemp("trained")
    nlp.to_disk(folder)
    return folder, encode(nlp)


def test_initialize_starts_from_the_encoder_of_a_trained_pipeline(trained):
    folder, vectors = trained
    nlp = make_pipeline(facet="product", dropout=0.3, source=f'"{folder}"')
    assert (encode(nlp) == vectors).all()
    assert (encode(make_pipeline(facet="product")) != vectors).any(), "nothing is copied unasked"
    component = nlp.get_pipe("product_tag_generator")
    assert component.labels == ("product",)
    network = component.model.get_ref("tok2vec").shims[0].module
    assert network.dropout.p == 0.3, "settings are the pipeline's own"
    assert nlp(TITLE) is not None


def test_an_encoder_of_another_shape_is_refused(trained):
    folder, _ = trained
    with pytest.raises(ValueError, match=r"not of the shape of the one that \[components.product_tag_generator\] has"):
        make_pipeline(width=24, source=f'"{folder}"')


def test_a_missing_component_is_named(trained):
    folder, _ = trained
    with pytest.raises(ValueError, match="the pipeline in training has no component 'product_tag_generator'"):
        copy_encoder(spacy.blank("zh"), folder, "product_tag_generator")
    with pytest.raises(ValueError, match=r"has no component 'textcat', only \['product_tag_generator'\]"):
        create_copy_encoder(folder, "textcat")(spacy.blank("zh"))


TRANSFORMER = """
[nlp]
lang = "zh"
pipeline = ["transformer", "product_tag_generator"]

[components]

[components.transformer]
factory = "transformer"

[components.transformer.model]
@architectures = "spacy-product-tags.TransformerModel.v1"
name = "{backbone}"

[components.product_tag_generator]
factory = "product_tag_generator"

[components.product_tag_generator.model]
@architectures = "spacy-product-tags.TagGenerator.v1"
hidden_width = 16

[components.product_tag_generator.model.tok2vec]
@architectures = "spacy-product-tags.WordpieceListener.v1"
"""


def transformer_pipeline(backbone):
    nlp = load_model_from_config(load_config_from_str(TRANSFORMER.format(backbone=backbone)), auto_fill=True)
    reference = nlp.make_doc(TITLE)
    reference._.tags = [{"text": "耐克", "facet": "brand", "start": 0, "end": 2}]
    nlp.initialize(lambda: [Example(nlp.make_doc(TITLE), reference)])
    return nlp


def hidden(nlp):
    return nlp.get_pipe("transformer")(nlp.make_doc(TITLE))._.trf_data.model_output.last_hidden_state


def test_of_an_encoder_that_listens_the_transformer_is_copied(tmp_path, tiny_bert):
    create_untrained_twin(tiny_bert, tmp_path / "twin", seed=1)
    trained, nlp = transformer_pipeline(tmp_path / "twin"), transformer_pipeline(tiny_bert)
    trained.to_disk(tmp_path / "trained")
    assert not np.allclose(hidden(nlp), hidden(trained))
    copy_encoder(nlp, tmp_path / "trained", "product_tag_generator")
    np.testing.assert_allclose(hidden(nlp), hidden(trained), rtol=1e-5)


def test_a_transformer_with_another_vocabulary_is_refused(tmp_path, tiny_bert):
    create_backbone([TITLE], tmp_path / "other", layers=2, width=64, heads=1)
    nlp = transformer_pipeline(tiny_bert)
    transformer_pipeline(tmp_path / "other").to_disk(tmp_path / "trained")
    with pytest.raises(ValueError, match="another vocabulary"):
        copy_encoder(nlp, tmp_path / "trained", "product_tag_generator")
