"""A packaged pipeline loads from its wheel, tags as before and carries no path of the machine that trained it."""
import zipfile

import pytest
import spacy
from spacy.util import load_config

from spacy_product_tags.listings.corpus import to_example
from spacy_product_tags.packaging import forget_paths, package_pipeline


@pytest.fixture(scope="module")
def trained(tmp_path_factory, tiny_bert):
    """A small pipeline on the tiny BERT, saved with the paths of its training."""
    from spacy_product_tags.listing import Listing
    from spacy_product_tags.tag import Tag

    nlp = spacy.blank("zh")
    nlp.config["paths"].update({"backbone": tiny_bert, "train": "/home/somebody/train.jsonl"})
    model = {"@architectures": "spacy-product-tags.TransformerModel.v1", "name": tiny_bert}
    nlp.add_pipe("transformer", config={"model": model})
    listener = {"@architectures": "spacy-product-tags.WordpieceListener.v1"}
    nlp.add_pipe("product_tag_generator", config={"model": {"tok2vec": listener, "dropout": 0.0}})
    example = to_example(nlp, Listing("红色手机壳", tags=(Tag("红色", "color", 1.0, 0, 2), Tag("手机壳", "product", 1.0, 2, 5))))
    optimizer = nlp.initialize(lambda: [example])
    optimizer.learn_rate = 0.005
    for _ in range(30):
        nlp.update([example], sgd=optimizer)
    folder = tmp_path_factory.mktemp("trained")
    nlp.to_disk(folder)
    return folder, nlp("红色手机壳")._.tags


# spaCy's package command leaves the files that it writes for the garbage collector to close.
@pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")
def test_wheel_loads_and_tags(trained, tiny_bert, tmp_path, capfd):
    folder, tags = trained
    assert [tag.text for tag in tags] == ["红色", "手机壳"]
    wheel = package_pipeline(folder, tmp_path / "packages", name="tiny", version="1.2.3")
    assert capfd.readouterr() == ("", ""), "what others print is for when it fails"
    assert wheel.name == "zh_tiny-1.2.3-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
        metadata = archive.read("zh_tiny-1.2.3.dist-info/METADATA").decode("utf8")
    inner = tmp_path / "site" / "zh_tiny" / "zh_tiny-1.2.3"
    assert "spacy-product-tags" in metadata
    assert [(tag.text, tag.facet) for tag in spacy.load(inner)("红色手机壳")._.tags] == [(t.text, t.facet) for t in tags]
    for path in (tmp_path / "site").rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert b"somebody" not in content and tiny_bert.encode() not in content, path
    assert load_config(inner / "config.cfg", interpolate=True)["components"]["transformer"]["model"]["name"] == "packaged"


@pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")
def test_in_half_precision_a_wheel_is_smaller_and_tags_as_before(trained, tmp_path):
    folder, tags = trained
    sizes = {}
    for half in (False, True):
        wheel = package_pipeline(folder, tmp_path / str(half), name="tiny", half=half)
        sizes[half] = wheel.stat().st_size
    assert sizes[True] < 0.6 * sizes[False]
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    loaded = spacy.load(tmp_path / "site" / "zh_tiny" / "zh_tiny-0.1.0")
    assert [(tag.text, tag.facet) for tag in loaded("红色手机壳")._.tags] == [(tag.text, tag.facet) for tag in tags]
    for found, wanted in zip(loaded("红色手机壳")._.tags, tags):
        assert found.score == pytest.approx(wanted.score, abs=0.01)
    # What was rounded is saved without a loss.
    again = spacy.blank("zh").from_config(loaded.config).from_bytes(loaded.to_bytes())
    assert again("红色手机壳")._.tags == loaded("红色手机壳")._.tags


@pytest.mark.parametrize("place", ["/home/somebody/x", "C:\\Users\\x", "D:/data/x.jsonl", "\\\\server\\share\\x"])
def test_no_place_stays_in_a_config(place):
    config = {
        "paths": {"train": place, "backbone": place},
        "corpora": {"train": {"path": place, "more": [{"path": place}]}},
        "initialize": {"vectors": place, "components": {"x": {"labels": place}}},
        "training": {"logger": {"output_file": place}},
        "components": {"transformer": {"model": {"name": place, "grad_factor": 1.0}}, "x": {"list": [place, "nike/red"]}},
        "nlp": {"lang": "zh", "tokenizer": {"words": place, "separator": "/"}},
    }
    forget_paths(config)
    assert place not in str(config) and repr(place) not in str(config)
    assert config["components"] == {
        "transformer": {"model": {"name": "packaged", "grad_factor": 1.0}}, "x": {"list": ["packaged", "nike/red"]}
    }  # fmt: skip
    assert config["nlp"] == {"lang": "zh", "tokenizer": {"words": "packaged", "separator": "/"}}
    assert config["corpora"] == {"train": {"path": None, "more": [{"path": None}]}}
    assert config["paths"] == {"train": None, "backbone": "packaged"}


def test_what_failed_is_said(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.cfg").write_text("[nlp]\nlang = zh\n", encoding="utf8")
    with pytest.raises(ValueError, match="(?s)spacy package gave up .exit code 1.:.*meta.json"):
        package_pipeline(tmp_path / "model", tmp_path / "packages")


def test_no_pipeline_says_so(tmp_path):
    with pytest.raises(ValueError, match="no pipeline there"):
        package_pipeline(tmp_path, tmp_path / "packages")
