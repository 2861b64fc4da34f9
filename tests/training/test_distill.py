"""Distillation, from a component's batch to the whole run. The soft labels' arithmetic is tested in test_span_loss."""
import io
import json
import shutil
import sys
from itertools import count, islice
from pathlib import Path

import numpy as np
import pytest
import spacy
from thinc.api import Adam, fix_random_seed

from spacy_product_tags.encoders.hidden_states import HiddenStates
from spacy_product_tags.io import _exchange, swap_folders
from spacy_product_tags.listing import Listing, write_listings
from spacy_product_tags.listings.corpus import to_example
from spacy_product_tags.training.distill import UnlabelledCorpus, _alternate, distill
from spacy_product_tags.training.lessons import Lessons, teach

NAME = "product_tag_generator"


def found(doc):
    return {(tag.start, tag.end, tag.facet) for tag in doc._.tags}


@pytest.fixture()
def titles(listings, tmp_path):
    """A file of the three titles, ten times."""
    path = tmp_path / "titles.txt"
    path.write_text("".join(f"{listing.title}\n" for listing in listings) * 10, encoding="utf8")
    return path


@pytest.fixture()
def make_config(make_nlp, listings, tmp_path):
    """A function that makes the config of a small student."""
    corpus = tmp_path / "gold.jsonl"
    write_listings(corpus, listings)

    def make(kind="chars", gold=False, **training):
        config = make_nlp(kind).config.copy()
        config["paths"].update(train=str(corpus) if gold else None, dev=str(corpus))
        reader = {"@readers": "spacy-product-tags.ListingCorpus.v1"}
        config["corpora"] = {name: {**reader, "path": f"${{paths.{name}}}"} for name in ("train", "dev")}
        config["training"]["optimizer"]["learn_rate"] = 0.01
        config["training"]["batcher"]["size"] = 60
        config["training"].update({"max_steps": 3, "eval_frequency": 20, "seed": 0, **training})
        return config

    return make


def run(config, teachers, texts, output=None, **settings):
    log = io.StringIO()
    return distill(config, teachers, [texts], output, stdout=log, stderr=log, **settings), log.getvalue()


def student_of(make_nlp, kind, teacher, **settings):
    """Make an initialized pipeline that knows the teacher's facets, in another order."""
    fix_random_seed(0)
    nlp = make_nlp(kind, **settings)
    nlp.get_pipe(NAME).cfg["labels"] = list(reversed(teacher.get_pipe(NAME).labels))
    nlp.initialize(lambda: [to_example(nlp, Listing("x"))])
    return nlp


def unlabelled(nlp, texts, tmp_path):
    path = tmp_path / "some.txt"
    path.write_text("\n".join(texts), encoding="utf8")
    return list(UnlabelledCorpus([path])(nlp))


def step(nlp, examples, optimizer):
    losses = {}
    nlp.update(examples, sgd=False, losses=losses)
    for _, component in nlp.pipeline:
        component.finish_update(optimizer)
    return losses


# A whole run


@pytest.mark.parametrize(
    "teachers, student, settings",
    [
        (["chars"], "chars", {}),
        (["wordpieces"], "chars", {"hidden_weight": 1.0, "temperature": 2.0}),
        (["chars", "tokens"], "wordpieces", {"hidden_weight": 1.0}),
    ],
)
def test_a_student_reaches_its_teachers_tags(teachers, student, settings, trained, make_config, listings, titles, tmp_path):
    teachers = [spacy.load(trained(kind)) for kind in teachers]
    facets = list(reversed(teachers[0].get_pipe(NAME).labels))
    config = make_config(student, max_steps=60)
    config["initialize"]["components"] = {NAME: {"labels": facets}}
    nlp, log = run(config, teachers, titles, tmp_path / "out", **settings)
    assert nlp.get_pipe(NAME).labels == tuple(facets)
    for place in ("model-best", "model-last"):
        loaded = spacy.load(tmp_path / "out" / place)
        for listing in listings:
            assert found(loaded(listing.title)) == found(teachers[0](listing.title)) != set()
        assert loaded.meta["performance"]["tags_f"] == pytest.approx(1.0)
    # The logger's table, with a row for each evaluation.
    assert log.count("\n") >= 5 and "TAGS_F" in log


def test_the_saved_pipeline_s_config_is_the_student_s_own(trained, make_config, titles, tmp_path):
    teacher = spacy.load(trained("chars"))
    config = make_config()
    nlp, _ = run(config, [teacher], titles, tmp_path / "out")
    saved = spacy.load(tmp_path / "out" / "model-last").config
    for section in ("paths", "corpora", "components"):
        assert saved[section] == config[section]
    assert saved["training"]["train_corpus"] == "corpora.train"
    assert not saved["initialize"]["components"].get(NAME)
    component, head = nlp.get_pipe(NAME), teacher.get_pipe(NAME)
    assert component.labels == head.labels and component.cfg["overlap"] == head.cfg["overlap"] == "nested"
    assert component._lessons is None and "update" not in vars(component)


def test_the_seed_decides(trained, make_config, titles):
    teacher = spacy.load(trained("chars"))

    def weights(seed):
        config = make_config(seed=seed, gold=True)
        nlp, _ = run(config, [teacher], titles, hidden_weight=1.0)
        return nlp.get_pipe(NAME).model.to_bytes()

    assert weights(0) == weights(0) != weights(1)


def test_moving_averages_are_what_is_saved(trained, make_config, titles, tmp_path):
    config = make_config()
    config["training"]["optimizer"]["use_averages"] = True
    nlp, _ = run(config, [spacy.load(trained("chars"))], titles, tmp_path / "out")
    saved = spacy.load(tmp_path / "out" / "model-last").get_pipe(NAME).model.shims[0].module.state_dict()
    own = nlp.get_pipe(NAME).model.shims[0].module.state_dict()
    assert not saved["boundary.weight"].equal(own["boundary.weight"])


def test_gold_facets_that_no_teacher_knows_are_named(trained, make_config, titles, tmp_path, listings):
    config = make_config(gold=True)
    odd = [tag.to_dict() | {"facet": "smell"} for tag in listings[0].tags[:1]]
    path = tmp_path / "odd.jsonl"
    path.write_text(json.dumps({"title": listings[0].title, "tags": odd}), encoding="utf8")
    config["paths"]["train"] = str(path)
    with pytest.warns(UserWarning, match="no teacher knows are not learnt: smell"):
        run(config, [spacy.load(trained("chars"))], titles)


@pytest.mark.parametrize(
    "settings, problem",
    [
        ({"temperature": 0.0}, "temperature: must be above 0, not 0.0"),
        ({"hidden_weight": -1.0}, "hidden_weight: must be 0 or more"),
        ({"gold_share": 1.0}, "gold_share: must be from 0 to below 1, not 1.0"),
        ({"gold_share": float("nan")}, "gold_share"),
        ({"component": "other"}, r"teacher 1 \(zh, .*no product_tag_generator named 'other' but product_tag_generator"),
    ],
)
def test_wrong_settings_are_named(settings, problem, trained, make_config, titles):
    with pytest.raises(ValueError, match=problem):
        run(make_config(), [spacy.load(trained("chars"))], titles, **settings)


def test_pipelines_without_the_component(trained, make_config, titles):
    config, teacher = make_config(), spacy.load(trained("chars"))
    with pytest.raises(ValueError, match="no teacher"):
        run(config, [], titles)
    with pytest.raises(ValueError, match=r"teacher 2 \(xx, .*no component at all"):
        run(config, [teacher, spacy.blank("xx")], titles)
    config["nlp"]["pipeline"], config["components"] = [], {}
    with pytest.raises(ValueError, match="the student .* no component at all"):
        run(config, [teacher], titles)


# Texts and batches


def test_unlabelled_texts(tmp_path):
    path = tmp_path / "titles.jsonl"
    lines = [json.dumps({"title": f"手机壳 {number}", "tags": "not read"}) for number in range(30)]
    path.write_text("\n".join(["{broken", *lines, ""]), encoding="utf8")
    errors, nlp = [], spacy.blank("zh")
    corpus = UnlabelledCorpus([path], on_error=errors.append)
    fix_random_seed(0)
    first, second = ([example.reference.text for example in corpus(nlp)] for _ in range(2))
    assert sorted(first) == sorted(second) == sorted(f"手机壳 {number}" for number in range(30))
    assert first != second
    assert len(errors) == 1 and errors[0].line == 1
    path.write_text("\n \n", encoding="utf8")
    with pytest.raises(ValueError, match="no text in .*titles.jsonl"):
        list(UnlabelledCorpus([path])(nlp))


@pytest.mark.parametrize("share, kinds", [(0.5, "tgtgtgtg"), (0.25, "tttgtttg"), (0.75, "tgggtggg"), (0.0, "tttttttt")])
def test_batches_alternate_by_share(share, kinds):
    texts, gold = zip(count(), iter("t" * 99)), zip(count(), iter("g" * 99))
    assert "".join(batch for _, batch in islice(_alternate(texts, gold, share, 0), 8)) == kinds


def test_epochs_are_those_of_the_texts():
    texts, gold = ((n // 2, "t") for n in count()), ((n, "g") for n in count())
    batches = list(_alternate(texts, gold, 0.5, 2))
    assert [epoch for epoch, batch in batches] == [0, 0, 0, 0, 1, 1, 1, 1]
    assert "".join(batch for _, batch in _alternate(((n // 2, "t") for n in count()), None, 0.5, 2)) == "tttt"


# The component


@pytest.mark.parametrize("teacher, student", [("wordpieces", "tokens"), ("tokens", "wordpieces"), ("chars", "tok2vec")])
def test_losses_fall_across_tokenizers_and_encoders(teacher, student, trained, make_nlp, listings, tmp_path):
    teacher = spacy.load(trained(teacher))
    nlp = student_of(make_nlp, student, teacher, lang="xx")
    component = nlp.get_pipe(NAME)
    component._lessons = Lessons(component, [teacher], 1.0, HiddenStates(1.0, learn_rate=0.01))
    examples = unlabelled(nlp, [listing.title for listing in listings], tmp_path)
    optimizer = Adam(0.005)
    losses = [step(nlp, examples, optimizer) for _ in range(15)]
    assert losses[-1][NAME] < losses[0][NAME] / 2
    assert losses[-1][f"{NAME}_hidden"] < losses[0][f"{NAME}_hidden"]
    assert not examples[0].reference._.tags


def test_gold_batches_go_the_usual_way(trained, make_nlp, listings, monkeypatch):
    teacher = spacy.load(trained("chars"))
    nlp = student_of(make_nlp, "chars", teacher)
    component = nlp.get_pipe(NAME)
    examples = [to_example(nlp, listing) for listing in listings]
    fix_random_seed(1)
    wanted = component.update(examples)
    component._lessons = Lessons(component, [teacher], 1.0, None)
    monkeypatch.setattr("spacy_product_tags.training.lessons.teach", None)
    fix_random_seed(1)
    assert component.update(examples) == wanted


@pytest.mark.parametrize("hidden", [None, HiddenStates(1.0)])
@pytest.mark.parametrize("texts", [[], [""], ["", ""]])
def test_a_transformer_gets_its_gradient_after_a_batch_without_text(texts, hidden, trained, make_nlp, listings, tmp_path):
    teacher = spacy.load(trained("chars"))
    nlp = student_of(make_nlp, "wordpieces", teacher)
    component = nlp.get_pipe(NAME)
    component._lessons = Lessons(component, [teacher], 1.0, hidden)
    examples = unlabelled(nlp, [*(listing.title for listing in listings)], tmp_path)
    empty = [to_example(nlp, Listing(text)) for text in texts]
    for example in empty:
        example.reference.user_data.update(examples[0].reference.user_data)
    network = nlp.get_pipe("transformer").model.transformer

    def changed(batch):
        before = {name: weight.clone() for name, weight in network.named_parameters()}
        step(nlp, batch, Adam(0.01))
        return {name for name, weight in network.named_parameters() if not before[name].equal(weight)}

    assert not changed(empty)
    everything = {name for name, _ in network.named_parameters() if not name.startswith("pooler")}
    assert changed([*empty, *examples]) == everything
    assert changed(examples) == everything


def test_odd_texts_and_no_batch(trained, make_nlp):
    teacher = spacy.load(trained("chars"))
    nlp = student_of(make_nlp, "tokens", teacher)
    component, head = nlp.get_pipe(NAME), teacher.get_pipe(NAME)
    for texts in ([], [""], [" "], ["\n", ""], ["克"], ["", "a", ""], ["x" * 500]):
        docs = [nlp.make_doc(text) for text in texts]
        teacher_docs = [teacher.make_doc(text) for text in texts]
        losses = teach(component, [head], [teacher_docs], docs, sgd=Adam(0.01), hidden=HiddenStates(1.0))
        assert all(np.isfinite(loss) for loss in losses.values())
        assert bool(losses[NAME]) == any(texts)


def test_other_texts_than_the_student_s_are_refused(trained, make_nlp):
    teacher = spacy.load(trained("chars"))
    nlp = student_of(make_nlp, "chars", teacher)
    with pytest.raises(ValueError, match="a teacher's texts are not the student's"):
        teach(nlp.get_pipe(NAME), [teacher.get_pipe(NAME)], [[teacher.make_doc("T恤")]], [nlp.make_doc("T恤 ")])


def test_a_teacher_stays_as_it_is(trained, make_nlp, listings, tmp_path):
    teacher = spacy.load(trained("wordpieces"))
    before = {name: pipe.to_bytes() for name, pipe in teacher.pipeline}
    nlp = student_of(make_nlp, "chars", teacher)
    component = nlp.get_pipe(NAME)
    component._lessons = Lessons(component, [teacher], 1.0, HiddenStates(1.0))
    step(nlp, unlabelled(nlp, [listing.title for listing in listings], tmp_path), Adam(0.01))
    assert {name: pipe.to_bytes() for name, pipe in teacher.pipeline} == before


# Folders


def test_there_is_always_a_best_pipeline(tmp_path, monkeypatch):
    """Whenever a run is killed: it's looked at after each step that changes a folder."""
    best, part = tmp_path / "model-best", tmp_path / "model-best.part"
    for exchange in (None, lambda *paths: False):
        best.mkdir(), (best / "weights").write_text("old")
        part.mkdir(), (part / "weights").write_text("new")
        seen = []
        remove = shutil.rmtree

        def look(path, **kwargs):
            if Path(path).exists():
                seen.append((best / "weights").read_text())  # noqa: B023
            remove(path, **kwargs)  # noqa: B023

        with monkeypatch.context() as patch:
            patch.setattr("shutil.rmtree", look)
            if exchange is not None:
                patch.setattr("spacy_product_tags.io._exchange", exchange)
            swap_folders(part, best)
        # What is removed is removed last.
        assert seen == ["new"] and (best / "weights").read_text() == "new"
        assert [path.name for path in tmp_path.iterdir()] == ["model-best"]
        shutil.rmtree(best)
    part.mkdir()
    swap_folders(part, best)
    assert best.is_dir() and not part.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux exchanges folders in one step")
def test_folders_are_exchanged_in_one_step(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "own").write_text(name)
    assert _exchange(tmp_path / "a", tmp_path / "b")
    assert [(tmp_path / name / "own").read_text() for name in "ab"] == ["b", "a"]
    assert not _exchange(tmp_path / "a", tmp_path / "gone")
