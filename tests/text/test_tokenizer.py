"""The product tokenizer: scripts, dictionary, segmenter, and the text kept character by character."""
import json
import pickle
import shutil
import zipfile
from pathlib import Path

import numpy
import pytest
import regex
import spacy
import srsly
from growth import assert_linear, repeated
from hypothesis import given, settings
from hypothesis import strategies as st
from markup_files import read_markup
from spacy.training import Example
from strategies import clusters, texts

from spacy_product_tags.errors import ListingError
from spacy_product_tags.text.pkuseg import PkusegModel
from spacy_product_tags.text.segmenter import silver_segmentation, train_segmenter
from spacy_product_tags.text.tokenizer import ProductTokenizer, create_product_tokenizer
from spacy_product_tags.text.words import read_words

CORPUS = Path(__file__).parents[2] / "corpus" / "listings"
CHARS = "aZé 1.,，。\n\t\u3000\xa0\0\x85\u2028纯棉恤五あアー가Ａ１①\u0301\ufe0f\u200d😀\ud800_'"


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory):
    texts = silver_segmentation(read_markup(CORPUS / "zh" / "apparel.txt"))
    return train_segmenter(texts, tmp_path_factory.mktemp("pkuseg"), iterations=3)


@pytest.fixture(scope="module")
def trained(model_dir):
    tokenizer = ProductTokenizer(spacy.blank("zh").vocab)
    tokenizer.initialize(pkuseg_model=model_dir)
    return tokenizer


@pytest.fixture()
def plain():
    return ProductTokenizer(spacy.blank("zh").vocab)


def words(tokenizer, text):
    return [token.text for token in tokenizer(text)]


@pytest.mark.parametrize(
    "text,expected",
    [
        ("", []),
        (" ", [" "]),
        ("iPhone15Pro壳", ["iPhone", "15", "Pro", "壳"]),
        ("1,200.50元/3.", ["1,200.50", "元", "/", "3", "."]),
        ("纯棉T恤", ["纯", "棉", "T", "恤"]),
        ("a b  c\n d", ["a", "b", " ", "c", "\n ", "d"]),
        ("\u3000纯 ", ["\u3000", "纯"]),
        ("送料無料のチャンピオン らーめん", ["送", "料", "無", "料", "の", "チャンピオン", "らーめん"]),
        ("USB허브", ["USB", "허브"]),
        ("cafe\u0301 हिन्दी", ["cafe\u0301", "हिन्दी"]),
        ("①红②blue", ["①", "红", "②", "blue"]),
        ("ＩＰＨＯＮＥ１５", ["ＩＰＨＯＮＥ", "１５"]),
        ("❤️x😀", ["❤️", "x", "😀"]),
        ("a\0b_c", ["a", "\0", "b", "_", "c"]),
    ],
)
def test_scripts_are_split_and_runs_stay_whole(plain, text, expected):
    assert words(plain, text) == expected
    assert plain(text).text == text


def test_blank_after_token_is_its_trailing_space(plain):
    assert [bool(token.whitespace_) for token in plain("纯 a 1")] == [True, True, False]
    assert len(plain("纯 ")) == 1


@settings(deadline=None, max_examples=300)
@given(text=st.one_of(st.text(), st.text(alphabet=CHARS, max_size=30)))
def test_text_is_kept_for_any_string(trained, text):
    doc = trained(text)
    kept = "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text)
    assert doc.text == kept
    assert all(token.text for token in doc)


@settings(deadline=None, max_examples=200)
@given(
    text=st.text(alphabet=CHARS + "小米14 Pro", max_size=30),
    entries=st.lists(st.text(alphabet=CHARS.replace("\ud800", "") + "小米14 Pro", max_size=5), max_size=8),
)
def test_text_is_kept_with_any_dictionary(text, entries):
    tokenizer = ProductTokenizer(spacy.blank("zh").vocab)
    tokenizer.add_words(entries)
    assert tokenizer(text).text == text.replace("\ud800", "\ufffd")


@pytest.mark.parametrize("unit", ["a", "1.", " ", "纯", "a纯", "a\u0301", "あ", "!"])
def test_long_texts(trained, unit):
    text = unit * (100_000 // len(unit))
    assert trained(text).text == text


def test_segmenter_gives_the_words_of_pkuseg(model_dir):
    import spacy_pkuseg

    reference = spacy_pkuseg.pkuseg(str(model_dir), user_dict=None)
    model = PkusegModel.from_disk(model_dir)
    texts = [listing.title for name in ("apparel", "food") for listing in read_markup(CORPUS / "zh" / f"{name}.txt")]
    runs = ["".join(char for char in text if "\u4e00" <= char <= "\u9fff") for text in texts]
    # Numerals are one character to pkuseg, neighbouring words have features of their own.
    runs += ["三十二件套", "第二十五代", "五百毫升", "千万", "纯", "纯棉短袖", "一" * 300]
    assert len(runs) > 150
    for run in filter(None, runs):
        assert list(model.cut(run)) == reference.cut(run)


def test_segmenter_joins_chinese_words_only(trained):
    found = words(trained, "纯棉短袖T恤iPhone15手机壳")
    assert {"纯棉", "短袖", "iPhone", "15"} <= set(found)
    assert len(found) < len("纯棉短袖") + 2 + 2 + 3


def test_without_model_chinese_becomes_characters():
    nlp = spacy.blank("zh")
    for segmenter in ("pkuseg", "char"):
        tokenizer = create_product_tokenizer(segmenter)(nlp)
        tokenizer.initialize(nlp=nlp)
        assert words(tokenizer, "手机壳x") == ["手", "机", "壳", "x"]


def test_builder_refuses_an_unknown_segmenter():
    with pytest.raises(ValueError, match="segmenter: must be one of pkuseg, char, not 'jieba'"):
        create_product_tokenizer("jieba")


def test_builder_pickles():
    builder = pickle.loads(pickle.dumps(create_product_tokenizer("char")))
    assert builder(spacy.blank("zh")).segmenter == "char"


def test_dictionary_wins_longest_first(trained):
    tokenizer = pickle.loads(pickle.dumps(trained))
    tokenizer.add_words(["小米14", "小米14 Pro", "T恤", "女", ("纯棉短袖", "nz")])
    assert words(tokenizer, "小米14 Pro手机壳")[0] == "小米14 Pro"
    assert words(tokenizer, "小米14手机壳")[0] == "小米14"
    assert words(tokenizer, "小米14 pro x") == ["小米14 pro", "x"]
    assert words(tokenizer, "ｔ恤女") == ["ｔ恤", "女"]
    doc = tokenizer("新纯棉短袖女")
    assert [(token.text, token.tag_) for token in doc] == [("新", ""), ("纯棉短袖", "nz"), ("女", "")]


@pytest.mark.parametrize(
    "entry,text",
    [("小米14", "小米140"), ("小米14", "小米14.5"), ("Pro", "Product"), ("Pro", "iPro"), ("5", "1.5"), ("1", "1,200"), ("cafe", "cafe\u0301")],
)
def test_dictionary_cuts_no_latin_word_or_number(plain, entry, text):
    plain.add_words([entry])
    assert entry not in words(plain, text)
    assert entry in words(plain, f"红{entry}红")


def test_dictionary_file(tmp_path, plain):
    path = tmp_path / "words.txt"
    path.write_text("\ufeff小米14 Pro\tnz\r\n\n雪纺\n", encoding="utf8")
    assert list(read_words(path)) == [("小米14 Pro", "nz"), ("雪纺", "")]
    plain.initialize(pkuseg_user_dict=path)
    assert words(plain, "小米14 Pro雪纺裙") == ["小米14 Pro", "雪纺", "裙"]


@pytest.mark.parametrize("data,problem", [(b"a\n\xff\xfe\n", "UTF-8"), (b"a\na\tn\t3\n", "word<tab>tag"), (b"a\n\tn\n", "word<tab>tag")])
def test_dictionary_file_errors_name_the_line(tmp_path, plain, data, problem):
    path = tmp_path / "words.txt"
    path.write_bytes(data)
    with pytest.raises(ListingError, match=problem) as caught:
        plain.initialize(pkuseg_user_dict=path)
    assert (caught.value.path, caught.value.line) == (str(path), 2)
    with pytest.raises(FileNotFoundError, match="none.txt"):
        plain.initialize(pkuseg_user_dict=tmp_path / "none.txt")


TEXT = "小米14 Pro手机壳2024新款纯棉短袖"


def copy_by_bytes(tokenizer, path):
    return ProductTokenizer(spacy.blank("zh").vocab, "char").from_bytes(tokenizer.to_bytes())


def copy_by_disk(tokenizer, path):
    tokenizer.to_disk(path)
    return ProductTokenizer(spacy.blank("zh").vocab, "char").from_disk(path)


def copy_by_pickle(tokenizer, path):
    return pickle.loads(pickle.dumps(tokenizer))


@pytest.mark.parametrize("copy", [copy_by_bytes, copy_by_disk, copy_by_pickle])
def test_serialization_keeps_model_and_dictionary(trained, tmp_path, copy):
    tokenizer = copy_by_pickle(trained, None)
    tokenizer.add_words([("小米14 Pro", "nz")])
    copied = copy(tokenizer, tmp_path / "tokenizer")
    assert words(copied, TEXT) == words(tokenizer, TEXT) != words(trained, TEXT)
    assert copied(TEXT)[0].tag_ == "nz"
    assert copied.segmenter == "pkuseg"
    assert copied.to_bytes(exclude=["vocab"]) == tokenizer.to_bytes(exclude=["vocab"])
    copied.add_words(["机壳2024"])
    assert "机壳2024" in words(copied, TEXT)


def test_loading_replaces_what_was_there(trained, plain):
    other = copy_by_pickle(trained, None)
    other.add_words(["手机壳"])
    other.from_bytes(plain.to_bytes())
    assert words(other, "手机壳") == ["手", "机", "壳"]


def test_saved_model_is_a_pkuseg_model(trained, tmp_path):
    import spacy_pkuseg

    trained.to_disk(tmp_path)
    segmenter = spacy_pkuseg.pkuseg(str(tmp_path / "pkuseg_model"), user_dict=None)
    assert segmenter.cut("纯棉短袖") == words(trained, "纯棉短袖")


def test_pipeline_round_trip_and_processes(trained, tmp_path):
    nlp = spacy.blank("zh")
    nlp.tokenizer = ProductTokenizer(nlp.vocab)
    nlp.tokenizer.from_bytes(trained.to_bytes())
    nlp.to_disk(tmp_path)
    loaded = spacy.blank("zh")
    loaded.tokenizer = ProductTokenizer(loaded.vocab)
    loaded.from_disk(tmp_path)
    expected = words(trained, TEXT)
    assert words(loaded, TEXT) == expected
    assert [[token.text for token in doc] for doc in loaded.pipe([TEXT, TEXT])] == [expected] * 2


def test_score(trained):
    doc = trained(TEXT)
    assert trained.score([Example(doc, doc)])["token_f"] == 1.0


def test_model_errors_name_the_file(model_dir, tmp_path, plain):
    with pytest.raises(FileNotFoundError, match=r"nowhere/features\.msgpack is missing.*train_segmenter"):
        plain.initialize(pkuseg_model=tmp_path / "nowhere")
    for name in ("features.msgpack", "weights.npz"):
        for number, data in enumerate((b"", b"garbage", (model_dir / name).read_bytes()[:-40])):
            broken = tmp_path / f"{name}{number}"
            shutil.copytree(model_dir, broken)
            (broken / name).write_bytes(data)
            with pytest.raises(ValueError, match=f"{name}{number}: {name} is broken.*train"):
                plain.initialize(pkuseg_model=broken)
    assert plain.model is None


def test_a_saved_pipeline_whose_files_are_gone_says_which_setting_names_them(model_dir, tmp_path):
    folder, dictionary = tmp_path / "segmenter", tmp_path / "words.tsv"
    shutil.copytree(model_dir, folder)
    dictionary.write_text("柔软\ta\n", encoding="utf8")
    nlp = spacy.blank("zh", config={"nlp": {"tokenizer": {"@tokenizers": "spacy-product-tags.ProductTokenizer.v1"}}})
    nlp.add_pipe("product_preprocessor")
    nlp.config["paths"].update({"segmenter": str(folder), "words": str(dictionary)})
    nlp.config["initialize"]["tokenizer"] = {"pkuseg_model": "${paths.segmenter}", "pkuseg_user_dict": "${paths.words}"}
    nlp.config["initialize"]["components"]["product_preprocessor"] = {"lexicon": str(dictionary)}
    nlp.initialize()
    expected = [(token.text, token.tag_) for token in nlp(TEXT)]
    nlp.to_disk(tmp_path / "saved")
    shutil.rmtree(folder)
    dictionary.unlink()
    nlp = spacy.load(tmp_path / "saved")
    component = ("initialize", "components", "product_preprocessor", "lexicon")
    for keys, path in ((("paths", "segmenter"), folder), (("paths", "words"), dictionary), (component, dictionary)):
        with pytest.raises(FileNotFoundError) as error:
            nlp.initialize()
        *sections, name = keys
        assert str(error.value).startswith(f"[{'.'.join(sections)}] {name}: names a file that is not there (")
        assert str(path) in str(error.value)
        place = nlp.config
        for key in sections:
            place = place[key]
        place[name] = None
        assert str(error.value).endswith("nlp.config" + "".join(f"['{key}']" for key in keys) + " = None")
    # Done as it says, all is as it was saved.
    nlp.initialize()
    assert [(token.text, token.tag_) for token in nlp(TEXT)] == expected


def test_arrays_with_a_damaged_header_are_refused(model_dir, tmp_path, plain):
    for number, (old, new) in enumerate(((b"{'descr'", b"{('descr"), (b"'shape': (", b"'shape': 0("))):
        broken = tmp_path / str(number)
        shutil.copytree(model_dir, broken)
        with zipfile.ZipFile(model_dir / "weights.npz") as good, zipfile.ZipFile(broken / "weights.npz", "w") as bad:
            for name in good.namelist():
                bad.writestr(name, good.read(name).replace(old, new))
        with pytest.raises(ValueError, match=r"weights\.npz is broken.*train"):
            plain.initialize(pkuseg_model=broken)


def test_model_with_wrong_numbers_is_refused(model_dir, tmp_path, plain):
    features = srsly.read_msgpack(model_dir / "features.msgpack")
    features["feature_to_idx"]["c.纯"] = 10**6
    (tmp_path / "features.msgpack").write_bytes(srsly.msgpack_dumps(features))
    shutil.copy(model_dir / "weights.npz", tmp_path)
    with pytest.raises(ValueError, match="gaps"):
        plain.initialize(pkuseg_model=tmp_path)
    shutil.copy(model_dir / "features.msgpack", tmp_path)
    with numpy.load(model_dir / "weights.npz") as data:
        numpy.savez(tmp_path / "weights.npz", sizes=data["sizes"], w=data["w"][:-1])
    with pytest.raises(ValueError, match="does not belong"):
        plain.initialize(pkuseg_model=tmp_path)


def test_model_for_the_char_segmenter_is_an_error(model_dir):
    tokenizer = ProductTokenizer(spacy.blank("zh").vocab, "char")
    with pytest.raises(ValueError, match="pkuseg_model.*segmenter is 'char'"):
        tokenizer.initialize(pkuseg_model=model_dir)


def test_broken_tokenizer_folder(trained, tmp_path, plain):
    trained.to_disk(tmp_path)
    (tmp_path / "words.json").write_text("[", encoding="utf8")
    with pytest.raises(ValueError, match="words.json: is not what was saved"):
        plain.from_disk(tmp_path)
    (tmp_path / "words.json").unlink()
    with pytest.raises(ValueError, match="words.json: is missing"):
        plain.from_disk(tmp_path)


def test_real_titles(datasets, trained):
    import gzip

    path = datasets / "zh_ner_jd_gaiic2022" / "test.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf8") as file:
        texts = [json.loads(line)["text"] for line in file]
    assert len(texts) > 100
    assert all(trained(text).text == text for text in texts)


# Characters of several code points

VOCAB = spacy.blank("zh").vocab


@pytest.mark.parametrize(
    "text, tokens",
    [
        ("8 Black👍🏿❤", ["8", "Black", "👍🏿", "❤"]),
        ("👨‍👩‍👧‍👦蘋果👩🏽‍🚀", ["👨‍👩‍👧‍👦", "蘋", "果", "👩🏽‍🚀"]),
        ("国旗🇨🇳🇯🇵 T恤", ["国", "旗", "🇨🇳", "🇯🇵", "T", "恤"]),
        ("买15⃣送1️⃣ A", ["买", "1", "5⃣", "送", "1️⃣", "A"]),
        ("🏴󠁧󠁢󠁥󠁮󠁧󠁿❤️ x", ["🏴󠁧󠁢󠁥󠁮󠁧󠁿", "❤️", "x"]),
        ("葛\ufe00饰红\u200d色", ["葛\ufe00", "饰", "红\u200d", "色"]),
        ("a \u0301b", ["a", " \u0301", "b"]),
        ("A\u20dd1\u20dd", ["A\u20dd", "1\u20dd"]),
        ("\u06001 a\r\nb", ["\u06001", "a", "\r\n", "b"]),
        ("ｽﾞﾎﾞﾝ ผู้ชาย नमस्ते", ["ｽﾞﾎﾞﾝ", "ผู้ชาย", "नमस्ते"]),
    ],
)
def test_a_character_is_never_cut(text, tokens, plain):
    doc = plain(text)
    assert [token.text for token in doc] == tokens
    assert doc.text == text


def test_no_word_of_the_dictionary_cuts_a_character(plain):
    tokenizer = plain
    tokenizer.add_words([("葛", "x"), ("1", "x"), ("👩", "x"), ("红色", "x")])
    assert [token.text for token in tokenizer("葛\ufe001️⃣👩🏽‍🚀红色 \u0301葛")] == ["葛\ufe00", "1️⃣", "👩🏽‍🚀", "红色", " \u0301", "葛"]


@settings(max_examples=200, deadline=None)
@given(texts(surrogates=True) | clusters(), st.booleans())
def test_tokens_of_any_text_cut_no_character(text, with_words):
    tokenizer = ProductTokenizer(VOCAB)
    if with_words:
        tokenizer.add_words(["红", "ﾒﾝ", "👍", "1", "Crè", "e", "\u0301", "🇨", "耐克 红"])
    doc = tokenizer(text)
    assert len(doc.text) == len(text)
    starts = {match.start() for match in regex.finditer(r"\X", doc.text)} | {len(text)}
    assert {token.idx for token in doc} <= starts
    assert {token.idx + len(token) for token in doc} <= starts


@pytest.mark.parametrize("part", ["红色", "a", "1", " ", "e\u0301", "👨‍👩‍👧‍👦", "🇨🇳", "\u200b", "ﾒﾞ", "1.", "\r\n", " \u0301", "葛\ufe00", "\u0600", "ᄒ"])
def test_time_is_linear(part):
    tokenizer = ProductTokenizer(VOCAB)
    assert_linear(tokenizer, repeated(part), repeats=2)
