"""The trained component elsewhere: in other pipelines, on disk (whole and damaged), in other processes."""
import os
import pickle
import shutil
import subprocess
import sys

import pytest
import spacy
from thinc.api import Adam

from spacy_product_tags.listings.corpus import to_example

TITLE = "苹果iPhone15Pro手机壳"
EXPECTED = [("苹果iPhone15Pro", "compatibility"), ("iPhone15Pro", "model"), ("手机壳", "product")]


def tags(nlp, text=TITLE):
    return [(tag.text, tag.facet) for tag in nlp(text)._.tags]


@pytest.fixture()
def someone_elses():
    """A pipeline with components of its own."""
    nlp = spacy.blank("zh")
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "BRAND", "pattern": "苹果"}])
    return nlp


def test_added_to_someone_else_s_pipeline(trained, someone_elses, tmp_path):
    source = spacy.load(trained("wordpieces"))
    someone_elses.add_pipe("transformer", source=source)
    someone_elses.add_pipe("product_tag_generator", source=source)
    assert tags(someone_elses) == tags(source) == EXPECTED
    someone_elses.to_disk(tmp_path)
    assert tags(spacy.load(tmp_path)) == EXPECTED


def test_transformers_of_their_own_learn_apart(trained, listings):
    nlp = spacy.load(trained("wordpieces"))
    nlp.add_pipe("product_tag_generator", "other", source=spacy.load(trained("wordpieces")))
    for name in ("product_tag_generator", "other"):
        nlp.replace_listeners("transformer", name, ["model.tok2vec"])
    optimizer = Adam(0.01)
    examples = [to_example(nlp, listing) for listing in listings]
    nlp.update(examples, sgd=False)
    for name in ("product_tag_generator", "other"):
        nlp.get_pipe(name).finish_update(optimizer)
    weights = [
        sum(len(list(shim._model.named_parameters())) for node in nlp.get_pipe(name).model.walk() for shim in node.shims)
        for name in ("product_tag_generator", "other")
    ]
    moments = {key for key in optimizer.mom1}
    # The pooler and what else gets no gradient has no moment.
    assert len(moments) == 2 * len({name for _, name in moments}) <= sum(weights)


@pytest.mark.parametrize("kind", ["chars", "tokens"])
def test_without_a_transformer_it_goes_alone(kind, trained, someone_elses, tmp_path):
    someone_elses.add_pipe("product_tag_generator", source=spacy.load(trained(kind)), first=True)
    assert tags(someone_elses) == EXPECTED
    someone_elses.to_disk(tmp_path)
    assert tags(spacy.load(tmp_path)) == EXPECTED


@pytest.mark.parametrize("kind", ["wordpieces", "stock"])
def test_without_its_transformer_it_says_what_to_do(kind, trained, someone_elses):
    someone_elses.add_pipe("product_tag_generator", source=spacy.load(trained(kind)))
    for use in (someone_elses, lambda text: list(someone_elses.pipe([text, text]))):
        with pytest.raises(ValueError, match=r"nlp\.add_pipe\('transformer', source=.*replace_listeners"):
            use(TITLE)
    assert someone_elses("")._.tags == ()


def test_behind_an_update_that_was_broken_off_it_says_so_too(trained, listings):
    nlp = spacy.load(trained("wordpieces"))
    nlp.get_pipe("transformer").update([to_example(nlp, listing) for listing in listings])
    with pytest.raises(ValueError, match="listens to a transformer"):
        nlp.get_pipe("product_tag_generator").predict([nlp.make_doc(TITLE)])
    assert tags(nlp) == EXPECTED


def test_with_a_transformer_of_its_own_it_goes_alone(trained, train, someone_elses, listings, tmp_path):
    source = spacy.load(trained("wordpieces"))
    source.replace_listeners("transformer", "product_tag_generator", ["model.tok2vec"])
    assert tags(source) == EXPECTED
    someone_elses.add_pipe("product_tag_generator", source=source)
    assert tags(someone_elses) == EXPECTED
    someone_elses.to_disk(tmp_path)
    again = spacy.load(tmp_path)
    assert tags(again) == EXPECTED
    assert again.config["components"]["product_tag_generator"]["model"]["tok2vec"]["@architectures"] == (
        "spacy-product-tags.WordpieceTransformer.v1"
    )
    # It still learns, the transformer too.
    model = again.get_pipe("product_tag_generator").model.get_ref("tok2vec").layers[0].layers[0].transformer
    before = [weight.detach().clone() for weight in model.parameters()]
    again.update([to_example(again, listing) for listing in listings], sgd=again.resume_training())
    assert sum((old != new).any().item() for old, new in zip(before, model.parameters())) > 30


# On disk


def _cut(data):
    return data[: len(data) // 2]


def _garble(data):
    return b"\x93garbage" * 20


def _empty(data):
    return b""


@pytest.mark.parametrize("damage", [_cut, _garble, _empty])
@pytest.mark.parametrize("file", ["product_tag_generator/model", "product_tag_generator/cfg", "transformer/model"])
def test_a_damaged_file_is_named(file, damage, trained, tmp_path):
    folder = shutil.copytree(trained("wordpieces"), tmp_path / "copy")
    (folder / file).write_bytes(damage((folder / file).read_bytes()))
    with pytest.raises(ValueError, match="is not what was saved|damaged") as info:
        spacy.load(folder)
    # The transformer component is spacy-transformers' own: it hands bytes, not a path, to the model.
    assert file in str(info.value) or "the file 'model' in its component's folder" in str(info.value)
    assert "again" in str(info.value)


@pytest.mark.parametrize("file", ["product_tag_generator/model", "product_tag_generator/cfg"])
def test_a_missing_file_is_named(file, trained, tmp_path):
    folder = shutil.copytree(trained("chars"), tmp_path / "copy")
    (folder / file).unlink()
    with pytest.raises(ValueError, match=file):
        spacy.load(folder)


def test_what_is_excluded_is_neither_saved_nor_loaded(trained, tmp_path):
    component = spacy.load(trained("chars")).get_pipe("product_tag_generator")
    component.to_disk(tmp_path, exclude=["model"])
    assert sorted(file.name for file in tmp_path.iterdir()) == ["cfg", "checksums.json"]
    fresh = spacy.blank("zh").add_pipe("product_tag_generator")
    fresh.from_disk(tmp_path, exclude=["model"])
    assert fresh.labels == component.labels
    fresh = spacy.blank("zh").add_pipe("product_tag_generator")
    fresh.from_bytes(component.to_bytes(exclude=["model", "vocab"]), exclude=["model", "vocab"])
    assert fresh.labels == component.labels and not fresh.model.shims[0].is_built


def test_nothing_in_the_saved_weights_is_pickled(trained):
    for folder in (trained("chars"), trained("tokens")):
        data = (folder / "product_tag_generator" / "model").read_bytes()
        assert not any(name in data for name in (b"ctorch", b"cbuiltins", b"pickle"))


# In other processes


@pytest.mark.parametrize("kind", ["chars", "tokens"])
def test_pipelines_pickle(kind, trained):
    nlp = pickle.loads(pickle.dumps(spacy.load(trained(kind))))
    assert tags(nlp) == EXPECTED


PROCESSES = """
import multiprocessing, sys, warnings
warnings.simplefilter("ignore")
import spacy, torch
torch.set_num_threads(1)
if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[2])
    nlp = spacy.load(sys.argv[1])
    docs = list(nlp.pipe(["苹果iPhone15Pro手机壳", "", "耐克2024新款男士纯棉短袖T恤"] * 4, n_process=2, batch_size=3))
    found = [[(tag.text, tag.facet) for tag in doc._.tags] for doc in docs]
    alone = [[(tag.text, tag.facet) for tag in nlp(doc.text)._.tags] for doc in docs]
    sys.exit(0 if found == alone and len(found[0]) == 3 else f"{found} is not {alone}")
"""


@pytest.mark.parametrize(
    "kind, method",
    [
        ("chars", "spawn"),
        *(
            pytest.param(kind, method, marks=pytest.mark.slow)
            for kind, method in [
                ("chars", "fork"), ("chars", "forkserver"),
                ("wordpieces", "spawn"), ("wordpieces", "fork"), ("wordpieces", "forkserver"),
            ]
        ),
    ],
)
def test_worker_processes_give_the_same_tags(kind, method, trained, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(PROCESSES, encoding="utf8")
    command = [sys.executable, str(script), str(trained(kind)), method]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=240, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr
