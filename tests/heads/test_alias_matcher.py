"""Direct use: known values are found as they are and, by the encoder's vectors, what is like them."""
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy import registry
from spacy.tokens import Doc
from spacy.util import load_config, load_model_from_config
from thinc.api import Adam, Model

from spacy_product_tags.heads.alias_matcher import add_aliases
from spacy_product_tags.heads.alias_spans import KnownTexts, find_runs, overlap_any
from spacy_product_tags.listing import Listing
from spacy_product_tags.listings.corpus import to_example
from spacy_product_tags.text.chars import classify, code_points, doc_index
from spacy_product_tags.text.folding import fold_in_place
from spacy_product_tags.values.index import AliasIndex
from spacy_product_tags.values.table import AliasTable, Value

ROOT = Path(__file__).parents[2]
# Every character has its direction but those of a line, which nearly share one.
ALIKE = ["红赤", "蓝青"]
WIDTH = 64


def vector(char):
    line = next((line for line in ALIKE if char in line), char)
    rng = np.random.default_rng(ord(line[0]))
    own = np.random.default_rng(ord(char)).normal(size=WIDTH)
    return (rng.normal(size=WIDTH) + 0.2 * own * (line != char)).astype("f")


def forward(model, docs, is_train):
    def backprop(d_output):
        raise AssertionError("a frozen encoder gets no gradient")

    return [np.array([np.mean([vector(c) for c in token.text], axis=0) for token in doc], "f").reshape(-1, WIDTH) for doc in docs], backprop


def build_by_character():
    return Model("by_character", forward, dims={"nO": WIDTH})


@pytest.fixture(autouse=True, scope="module")
def _encoder():
    registry.architectures.register("test.by_character.v1", func=build_by_character)


def values(**facets):
    return AliasIndex.build(Value(f"{facet}/{text}", facet, aliases=(text,)) for facet, texts in facets.items() for text in texts.split())


KNOWN = {"color": "红色 蓝色", "product": "连衣裙 裙 iPhone", "brand": "耐克 Nike"}


def make(table=None, lang="zh", tok2vec=None, **settings):
    nlp = spacy.blank(lang)
    model = {"@architectures": "spacy-product-tags.AliasMatcher.v1", "tok2vec": tok2vec or {"@architectures": "test.by_character.v1"}}
    nlp.add_pipe("product_tag_generator", config={"model": {**model, "threshold": 0.75, **settings}})
    start(nlp, values(**KNOWN) if table is None else table)
    return nlp


def start(nlp, table):
    with TemporaryDirectory() as folder:
        AliasTable(table).to_disk(f"{folder}/values.jsonl")
        reader = {"@readers": "spacy-product-tags.read_aliases.v1", "path": f"{folder}/values.jsonl"}
        nlp.config["initialize"]["components"] = {"product_tag_generator": {"aliases": reader}}
        nlp.initialize()


def to_examples(nlp, texts):
    return [to_example(nlp, Listing(text)) for text in texts]


def found(doc):
    return [(tag.text, tag.facet) for tag in doc._.tags]


def test_known_values_are_sure_whatever_case_and_width():
    doc = make()("ＮＩＫＥ红色连衣裙")
    assert found(doc) == [("ＮＩＫＥ", "brand"), ("红色", "color"), ("连衣裙", "product")]
    assert all(tag.score > 0.999 and tag.source == "span" for tag in doc._.tags)


def test_known_values_are_found_inside_tokens_but_do_not_cut_words():
    nlp = make(threshold=2.0)
    doc = Doc(nlp.vocab, words=["买红色连衣裙送iPhone15", "iPhones", "15"], spaces=[True, True, False])
    assert found(nlp(doc)) == [("红色", "color"), ("连衣裙", "product"), ("iPhone", "product")]


def test_what_is_alike_is_found_with_the_facet_of_its_like():
    nlp = make()
    (tag,) = nlp("赤色")._.tags
    assert (tag.text, tag.facet) == ("赤色", "color") and 0.5 < tag.score < 0.999
    assert found(make(threshold=1.5)("赤色")) == []
    assert found(make(threshold=0.999)("赤色")) == []


def test_the_probability_is_the_one_that_the_settings_say():
    scores = {}
    for threshold in (0.6, 0.7):
        (tag,) = make(table=values(color="红色 蓝色 绿草 黄土"), threshold=threshold, scale=10.0)("赤色")._.tags
        scores[threshold] = np.log(tag.score / (1 - tag.score))
    # One facet, so its logit is scale * (cosine - threshold).
    assert scores[0.6] - scores[0.7] == pytest.approx(1.0, abs=1e-3)
    assert 0.6 < 0.6 + scores[0.6] / 10 <= 1


def test_nothing_like_a_known_value_gives_no_tags():
    nlp = make()
    for text in ("", " ", "\n", "，。！", "沙发桌椅", "包邮", "😀"):
        assert found(nlp(text)) == []


def test_of_known_values_within_one_another_the_longest_counts():
    assert found(make()("裙 连衣裙")) == [("裙", "product"), ("连衣裙", "product")]


@pytest.mark.parametrize("text, tag", [("红白裙子", ("白裙子", "product")), ("大红白裙", ("大红白", "color"))])
def test_of_known_values_that_cross_the_longer_counts(text, tag):
    nlp = make(values(color="红白 大红白", product="白裙子 白裙"))
    assert found(nlp(text)) == [tag]


def test_a_text_with_two_meanings_has_the_likelier():
    table = AliasIndex.build([Value("a", "brand", aliases=("苹果",), freq=9), Value("b", "product", aliases=("苹果",), freq=2)])
    (tag,) = make(table)("苹果")._.tags
    assert (tag.facet, round(tag.score, 2)) == ("brand", 0.82)


TEXTS = ["耐克红色连衣裙", "", "赤色 Nike 裙子", " ", "青色连衣裙 iPhone 15", "没有", "赤色" * 30]


def test_batch_is_single():
    nlp = make()
    alone = [nlp(text) for text in TEXTS]
    for doc, other in zip(nlp.pipe(TEXTS, batch_size=100), alone):
        assert found(doc) == found(other)
        assert [tag.score for tag in doc._.tags] == pytest.approx([tag.score for tag in other._.tags], abs=1e-5)
    assert any(0.5 < tag.score < 0.999 for doc in alone for tag in doc._.tags), "nothing was compared"


def test_few_cosines_at_once_give_the_same(monkeypatch):
    nlp = make()
    expected = [found(nlp(text)) for text in TEXTS]
    monkeypatch.setattr("spacy_product_tags.heads.alias_matcher._MOST_COSINES", 20)
    assert [found(doc) for doc in nlp.pipe(TEXTS)] == expected


def test_save_and_load(tmp_path):
    nlp = make(remove=1)
    nlp.to_disk(tmp_path / "pipeline")
    bare = load_model_from_config(nlp.config, auto_fill=False).from_bytes(nlp.to_bytes())
    for again in (spacy.load(tmp_path / "pipeline"), bare):
        for text in TEXTS:
            assert [tag.to_dict() for tag in again(text)._.tags] == [tag.to_dict() for tag in nlp(text)._.tags]
    # Other settings, such as the threshold, need no new table.
    strict = spacy.load(tmp_path / "pipeline", config={"components.product_tag_generator.model.threshold": 0.999})
    assert found(strict("赤色")) == [] and found(strict("红色")) == [("红色", "color")]


def test_values_are_added_later(tmp_path):
    nlp = make()
    assert found(nlp("棉麻 阿迪 赤色")) == [("赤色", "color")]
    assert add_aliases(nlp, values(material="棉麻", brand="阿迪 耐克")) == 2
    assert found(nlp("棉麻 阿迪 赤色 耐克")) == [("棉麻", "material"), ("阿迪", "brand"), ("赤色", "color"), ("耐克", "brand")]
    nlp.to_disk(tmp_path / "pipeline")
    again = spacy.load(tmp_path / "pipeline")
    assert found(again("棉麻 赤色")) == [("棉麻", "material"), ("赤色", "color")]
    assert again.get_pipe("product_tag_generator").labels == ("brand", "color", "product", "material")
    # All at once is the same.
    both = values(**{**KNOWN, "brand": "耐克 Nike 阿迪"}, material="棉麻")
    assert [tag.score for tag in make(both)("赤色")._.tags] == pytest.approx([tag.score for tag in nlp("赤色")._.tags], abs=1e-5)


def test_adding_to_what_takes_no_values_says_so(make_nlp):
    nlp = make_nlp("chars")
    with pytest.raises(ValueError, match="takes no known values"):
        add_aliases(nlp, values(**KNOWN))
    nlp = spacy.blank("zh")
    model = {"@architectures": "spacy-product-tags.AliasMatcher.v1", "tok2vec": {"@architectures": "test.by_character.v1"}}
    nlp.add_pipe("product_tag_generator", config={"model": model})
    with pytest.raises(ValueError, match="not initialized"):
        add_aliases(nlp, values(**KNOWN))


def test_training_changes_nothing(listings):
    nlp = make(values(**KNOWN, gender="男士"))
    before = nlp.get_pipe("product_tag_generator").to_bytes(exclude=["vocab"])
    examples = [to_example(nlp, listing) for listing in listings] + to_examples(nlp, ["", "没有"])
    losses = nlp.update(examples, sgd=Adam(0.1))
    assert np.isfinite(losses["product_tag_generator"])
    assert nlp.get_pipe("product_tag_generator").to_bytes(exclude=["vocab"]) == before


@pytest.mark.parametrize("lang", ["zh", "en", "xx", "ja_like"])
def test_other_tokenizers(lang):
    nlp = make(lang="xx" if lang == "ja_like" else lang)
    if lang == "ja_like":
        # Tokens that cut through the value.
        doc = Doc(nlp.vocab, words=["耐克红", "色连", "衣裙"], spaces=[False] * 3)
    else:
        doc = nlp.make_doc("耐克红色连衣裙")
    assert found(nlp(doc)) == [("耐克", "brand"), ("红色", "color"), ("连衣裙", "product")]


@settings(deadline=None, max_examples=100)
@given(st.lists(st.text("红赤色裙连衣 ,aB9\n", max_size=12), min_size=1, max_size=4))
def test_candidates(texts):
    vocab = spacy.blank("zh")
    docs = [vocab.make_doc(text) for text in texts]
    joined = "".join(doc.text for doc in docs)
    kinds, doc = classify(code_points([joined])), doc_index([doc.text for doc in docs])
    known = KnownTexts(["红色", "连衣裙", "裙", "ab", "红色连衣"])
    pairs = known.find(fold_in_place(joined), kinds, doc, 3, np.zeros(len(joined), dtype=bool))
    assert all(fold_in_place(joined[first : last + 1]) in {"红色", "连衣裙", "裙", "ab"} for first, last in pairs)
    assert all(doc[first] == doc[last] for first, last in pairs)
    assert sorted(map(tuple, pairs.tolist())) == [tuple(pair) for pair in pairs.tolist()], "by start"
    covered = {at for first, last in pairs.tolist() for at in range(first, last + 1)}
    assert all(joined.startswith("裙", at) <= (at in covered) for at in range(len(joined)))
    runs = find_runs(docs, kinds, 3, 5)
    assert len({tuple(run) for run in runs.tolist()}) == len(runs)
    assert runs.tolist() == sorted(runs.tolist())
    for first, last in runs.tolist():
        assert doc[first] == doc[last] and 0 <= last - first < 5
        assert joined[first] not in " ,\n" and joined[last] not in " ,\n"
    overlaps = overlap_any(runs, pairs, len(joined))
    assert [bool(covered & set(range(first, last + 1))) for first, last in runs.tolist()] == overlaps.tolist()


# Characters of several code points


def test_neither_a_known_value_nor_a_run_cuts_a_character():
    nlp = make(threshold=2.0)
    assert found(nlp("耐克\u0301")) == [], "another word"
    for mark in ("\u200d", "\ufe0f", "\u200b"):
        (tag,) = nlp("耐克" + mark)._.tags
        assert (tag.text, tag.start) == ("耐克", 0)
    assert found(nlp("👨\u200d👩\u200d👧耐克👍🏿红色❤\ufe0f")) == [("耐克", "brand"), ("红色", "color")]
    # Tokens that cut through a character, as other tokenizers make them.
    doc = Doc(nlp.vocab, words=["ｽ", "ﾞ", "红", "e", "\u0301"], spaces=[False] * 5)
    kinds = classify(code_points([doc.text]))
    assert find_runs([doc], kinds, 2, 9).tolist() == [[0, 1], [2, 2], [3, 4]]


# With a transformer


def test_a_transformer_of_its_own_and_a_shared_one_agree(tiny_bert, listings):
    own = make(tok2vec={"@architectures": "spacy-product-tags.WordpieceTransformer.v1", "name": tiny_bert}, threshold=0.5)
    nlp = spacy.blank("zh")
    nlp.add_pipe("transformer", config={"model": {"@architectures": "spacy-product-tags.TransformerModel.v1", "name": tiny_bert}})
    model = {"@architectures": "spacy-product-tags.AliasMatcher.v1", "tok2vec": {"@architectures": "spacy-product-tags.WordpieceListener.v1"}}
    nlp.add_pipe("product_tag_generator", config={"model": {**model, "threshold": 0.5}})
    start(nlp, values(**KNOWN))
    texts = [listing.title for listing in listings] + TEXTS
    assert [found(doc) for doc in own.pipe(texts)] == [found(doc) for doc in nlp.pipe(texts)]
    # The last listener must call the transformer back, and its zeros change no tag of ours.
    losses = nlp.update([to_example(nlp, listing) for listing in listings], sgd=False)
    assert np.isfinite(losses["product_tag_generator"])


def test_the_config_assembles_without_training(tiny_bert, tmp_path):
    table = tmp_path / "values.jsonl"
    AliasTable(values(**KNOWN)).to_disk(table)
    overrides = {"paths.backbone": tiny_bert, "paths.values": str(table), "components.product_tag_generator.model.threshold": 0.98}
    # What `spacy assemble` does.
    nlp = load_model_from_config(load_config(ROOT / "configs" / "zh_direct.cfg", overrides=overrides, interpolate=False), auto_fill=True)
    nlp._link_components()
    nlp.initialize()
    nlp.to_disk(tmp_path / "out")
    table.unlink()
    assert found(spacy.load(tmp_path / "out")("NIKE 红色")) == [("NIKE", "brand"), ("红色", "color")]


def test_a_config_without_values_says_what_to_do(tiny_bert):
    nlp = load_model_from_config(load_config(ROOT / "configs" / "zh_direct.cfg", overrides={"paths.backbone": tiny_bert}), auto_fill=True)
    with pytest.raises(ValueError, match="--paths.values"):
        nlp.initialize()
