"""The preprocessor: lexicon tags where they are missing, promotion spans."""
import importlib.util
import pickle

import pytest
import spacy
from spacy.tokens import Doc, DocBin

import spacy_product_tags.pipeline.preprocessor as module
from spacy_product_tags.errors import ListingError
from spacy_product_tags.pipeline.preprocessor import ProductPreprocessor, read_jieba_lexicon, to_upos
from spacy_product_tags.text.tokenizer import ProductTokenizer

NAME = "product_preprocessor"
LEXICON = "手机壳\tn\n的\tuj\n好看\ta\n小米\tnz\nT恤\tn\n三\tm\n透气\tv\n包邮\n"


@pytest.fixture()
def lexicon(tmp_path):
    path = tmp_path / "lexicon.tsv"
    path.write_text(LEXICON, encoding="utf8")
    return path


@pytest.fixture()
def nlp(lexicon):
    nlp = spacy.blank("zh")
    nlp.tokenizer = ProductTokenizer(nlp.vocab)
    nlp.tokenizer.add_words(["手机壳", "好看", "小米", "T恤", "透气", "纯棉", "包邮"])
    nlp.add_pipe(NAME).initialize(lexicon=lexicon)
    return nlp


def tags(doc):
    return [(token.text, token.tag_, token.pos_) for token in doc]


def test_tags_come_from_the_lexicon(nlp):
    assert tags(nlp("小米14手机壳，好看的T恤 abc Pro\n三纯棉透气℃包邮")) == [
        ("小米", "nz", "PROPN"), ("14", "m", "NUM"), ("手机壳", "n", "NOUN"), ("，", "w", "PUNCT"), ("好看", "a", "ADJ"),
        ("的", "uj", "PART"), ("T恤", "n", "NOUN"), ("abc", "eng", "X"), ("Pro", "nz", "PROPN"), ("\n", "_SP", "SPACE"),
        ("三", "m", "NUM"), ("纯棉", "n", "NOUN"), ("透气", "v", "VERB"), ("℃", "w", "SYM"), ("包邮", "n", "NOUN"),
    ]  # fmt: skip


def test_tags_that_are_there_stay(nlp):
    doc = nlp.make_doc("手机壳好看透气")
    doc[0].tag_, doc[0].pos_ = "NN", "PROPN"
    doc[1].tag_ = "v"
    doc[2].pos_ = "ADV"
    assert tags(nlp.get_pipe(NAME)(doc)) == [("手机壳", "NN", "PROPN"), ("好看", "v", "VERB"), ("透气", "v", "ADV")]


def test_foreign_tag_without_pos_takes_the_lexicons(nlp):
    doc = nlp.make_doc("好看")
    doc[0].tag_ = "JJ"
    assert tags(nlp.get_pipe(NAME)(doc)) == [("好看", "JJ", "ADJ")]


def test_other_languages_are_left_alone(lexicon):
    nlp = spacy.blank("en")
    component = nlp.add_pipe(NAME)
    nlp.initialize()
    assert component.lexicon == {}
    component.initialize(lexicon=lexicon)
    doc = nlp("Cotton shirt, 手机壳, free shipping")
    assert not doc.has_annotation("TAG") and not doc.has_annotation("POS")
    assert [span.text for span in doc.spans["promotions"]] == ["free shipping"]
    nlp = spacy.blank("en")
    nlp.add_pipe(NAME, config={"langs": ["en"], "mark_promotions": False}).initialize(lexicon=lexicon)
    doc = nlp("shirt free shipping")
    assert doc[0].pos_ == "X" and "promotions" not in doc.spans


def test_promotions_cover_the_tokens_they_touch(nlp):
    doc = nlp("小米2024新款手机壳包邮")
    assert [(span.text, span.label_) for span in doc.spans["promotions"]] == [("2024新款", "promotion"), ("包邮", "promotion")]
    words = ["小米2024新", "款手机壳", "包", "邮"]
    doc = nlp.get_pipe(NAME)(Doc(nlp.vocab, words=words, spaces=[False] * 4))
    assert [(span.start, span.end) for span in doc.spans["promotions"]] == [(0, 2), (2, 4)]


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\ud800", "手机壳"])
def test_texts_without_promotions(nlp, text):
    doc = nlp(text)
    assert list(doc.spans["promotions"]) == []
    assert all(token.pos_ for token in doc)


def test_second_call_changes_nothing(nlp):
    doc = nlp("小米2024新款手机壳包邮")
    before = doc.to_bytes()
    assert nlp.get_pipe(NAME)(doc).to_bytes() == before


def test_docs_of_another_vocab(nlp):
    component = nlp.get_pipe(NAME)
    component(nlp.make_doc("小米手机壳"))
    doc = component(Doc(spacy.blank("zh").vocab, words=["小米", "手机壳"]))
    assert tags(doc) == [("小米", "nz", "PROPN"), ("手机壳", "n", "NOUN")]


def test_pipe_equals_call_and_survives_a_docbin(nlp):
    texts = ["小米2024新款手机壳包邮", "", "好看的T恤"] * 3
    docs = list(nlp.pipe(texts, batch_size=2))
    assert [tags(doc) for doc in docs] == [tags(nlp(text)) for text in texts]
    stored = list(DocBin(docs=docs).get_docs(nlp.vocab))
    assert [tags(doc) for doc in stored] == [tags(doc) for doc in docs]
    assert [str(doc.spans["promotions"]) for doc in stored] == [str(doc.spans["promotions"]) for doc in docs]


def test_pipe_hands_errors_to_the_handler(nlp, monkeypatch):
    component = nlp.get_pipe(NAME)
    caught = []

    def fail_on_bad(text, lang):
        if "bad" in text:
            raise RuntimeError("bad text")
        return []

    def remember(name, proc, docs, err):
        caught.append((name, docs[0].text, str(err)))

    monkeypatch.setattr(module, "find_promotions", fail_on_bad)
    component.set_error_handler(remember)
    assert [doc.text for doc in component.pipe([nlp.make_doc("a"), nlp.make_doc("bad"), nlp.make_doc("c")])] == ["a", "c"]
    assert caught == [(NAME, "bad", "bad text")]


def new_component():
    return ProductPreprocessor(spacy.blank("zh").vocab, langs=[])


def copy_by_bytes(component, path):
    return new_component().from_bytes(component.to_bytes())


def copy_by_disk(component, path):
    component.to_disk(path)
    return new_component().from_disk(path)


def copy_by_pickle(component, path):
    return pickle.loads(pickle.dumps(component))


@pytest.mark.parametrize("copy", [copy_by_bytes, copy_by_disk, copy_by_pickle])
def test_serialization(nlp, tmp_path, copy):
    component = nlp.get_pipe(NAME)
    copied = copy(component, tmp_path / "component")
    assert copied.lexicon == component.lexicon and copied.cfg == component.cfg
    assert copied.to_bytes(exclude=["vocab"]) == component.to_bytes(exclude=["vocab"])
    assert tags(copied(nlp.make_doc("小米手机壳"))) == tags(nlp("小米手机壳"))


def test_pipeline_round_trip(nlp, tmp_path):
    nlp.to_disk(tmp_path)
    loaded = spacy.blank("zh", config={"nlp": {}})
    loaded.tokenizer = ProductTokenizer(loaded.vocab)
    loaded.add_pipe(NAME)
    loaded.from_disk(tmp_path)
    assert tags(loaded("小米14手机壳")) == tags(nlp("小米14手机壳"))
    assert nlp.config["components"][NAME] == {"factory": NAME, "langs": ["zh"], "mark_promotions": True}


@pytest.mark.parametrize("name", ["cfg", "lexicon.tsv.gz"])
def test_broken_files_are_named(nlp, tmp_path, name):
    component = nlp.get_pipe(NAME)
    component.to_disk(tmp_path)
    for data in (b"", b"\x1f\x8b", b"{garbage", (tmp_path / name).read_bytes()[:-9]):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ValueError, match=f"{name}: is not what was saved"):
            new_component().from_disk(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(ValueError, match=f"{name}: is missing"):
        new_component().from_disk(tmp_path)


def test_bad_lexicon_line_is_named(tmp_path):
    path = tmp_path / "lexicon.tsv"
    path.write_text("手机\tn\n壳\tn\t5\n", encoding="utf8")
    with pytest.raises(ListingError, match="lexicon.tsv:2: word"):
        new_component().initialize(lexicon=path)


def test_lexicon_of_jieba():
    lexicon = read_jieba_lexicon(500)
    assert len(lexicon) == 500
    assert lexicon["的"] == "uj" and lexicon["我们"] == "r"
    nlp = spacy.blank("zh")
    component = nlp.add_pipe(NAME)
    nlp.config["initialize"]["components"][NAME] = {"size": 300}
    nlp.initialize()
    assert len(component.lexicon) == 300
    nlp.config["initialize"]["components"][NAME] = {"size": 200}
    nlp.initialize()
    assert len(component.lexicon) == 300, "a lexicon that is there stays"


def test_without_jieba(monkeypatch):
    def find_nothing(name):
        return None

    monkeypatch.setattr(importlib.util, "find_spec", find_nothing)
    with pytest.raises(ImportError, match="pip install jieba.*lexicon in"):
        ProductPreprocessor(spacy.blank("zh").vocab, langs=["zh"]).initialize()


@pytest.mark.parametrize("tag,pos", [("n", "NOUN"), ("nrfg", "PROPN"), ("vn", "NOUN"), ("ul", "PART"), ("NN", "X"), ("", "X")])
def test_to_upos(tag, pos):
    assert to_upos(tag) == pos


def test_every_tag_of_jieba_has_a_counterpart():
    assert {to_upos(tag, "") for tag in read_jieba_lexicon(10**6).values()} - set(module.POS_IDS) == set()


def test_stop_words_are_spacys(nlp):
    doc = nlp("好看的手机壳")
    assert [(token.text, token.is_stop) for token in doc] == [("好看", False), ("的", True), ("手机壳", False)]


def test_what_is_left_out_may_be_any_iterable(tmp_path):
    pipe = ProductPreprocessor(spacy.blank("zh").vocab, langs=["zh"])
    pipe._set_lexicon({"柔软": "a"})
    other = ProductPreprocessor(spacy.blank("zh").vocab, langs=["en"])
    wanted = pipe.to_bytes(exclude=["lexicon", "vocab"])
    assert pipe.to_bytes(exclude=iter(["lexicon", "vocab"])) == wanted
    other.from_bytes(pipe.to_bytes(), exclude=iter(["lexicon", "vocab", "cfg"]))
    assert (other.cfg["langs"], other.lexicon) == (["en"], {})
    pipe.to_disk(tmp_path, exclude=iter(["lexicon", "cfg"]))
    assert [file.name for file in tmp_path.iterdir()] == ["checksums.json"]
