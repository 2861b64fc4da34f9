import re
import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from spacy_product_tags.pretraining.vocabulary import train_vocabulary

TEXTS = ["耐克Nike纯棉T恤 Größe 38", "苹果iPhone15Pro手机壳", "苹果iphone14", "cotton shirt", "cotton shirts 🔥龘"] * 3
ALPHABET = "耐纯棉龘aZ9éÉ ｆＰ１５㎡①½Ⅳ™🔥ﬁがカﾂ한＃-.\u200d\ufe0f\u3000\n\t"


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vocabulary")
    train_vocabulary(TEXTS, 8000).save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder, use_fast=True)


def test_scripts_are_cut_from_each_other(tokenizer):
    assert tokenizer.is_fast
    assert tokenizer.tokenize("苹果ｉPhone15Pro手机") == ["苹", "果", "iphone", "15", "pro", "手", "机"]
    assert tokenizer.tokenize("2.4㎡")[:4] == ["2", ".", "4", "m"]
    assert "é" in "".join(tokenizer.tokenize("CAFÉ"))


def test_specials_stand_around_a_text_and_nowhere_else(tokenizer):
    assert tokenizer.convert_ids_to_tokens(range(5)) == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    assert tokenizer.convert_ids_to_tokens(tokenizer("棉")["input_ids"]) == ["[CLS]", "棉", "[SEP]"]
    assert sorted(tokenizer.all_special_ids) == list(range(5))


def test_every_common_character_is_known_and_rare_ones_are_not(tokenizer):
    known = "".join(chr(code) for code in range(0x21, 0x7F))
    known += "".join(bytes((row, cell)).decode("gb2312") for row in range(0xB0, 0xD7) for cell in range(0xA1, 0xFF))
    ids = tokenizer(list(known), add_special_tokens=False)["input_ids"]
    assert len(known) > 3700
    assert all(found and tokenizer.unk_token_id not in found for found in ids)
    assert "[UNK]" not in tokenizer.tokenize("zqx9zqx Ωμφ 🔥🔥龘")
    assert tokenizer.tokenize("鿿") == ["[UNK]"]


def test_a_character_must_occur_often_enough():
    pieces = [train_vocabulary(["龘棉", "龘"], 10, min_count=count).get_vocab() for count in (2, 3)]
    assert "龘" in pieces[0] and "龘" not in pieces[1] and "棉" in pieces[1]


def test_the_size_is_kept_above_the_characters(tokenizer):
    many = [f"word{number} abc{number * 7}" for number in range(3000)]
    assert len(train_vocabulary(many, 8000)) == 8000
    assert len(train_vocabulary(TEXTS, 1)) < 8000


@pytest.mark.parametrize("name", ["size", "min_count", "max_positions"])
def test_numbers_are_checked(name):
    with pytest.raises(ValueError, match=f"^{name}: must be 1 or more, not 0"):
        train_vocabulary(TEXTS, **{name: 0})


def test_no_text_is_an_error():
    with pytest.raises(ValueError, match="there is none"):
        train_vocabulary(["", " "])


@given(st.text(alphabet=ALPHABET, max_size=24))
@settings(deadline=None, max_examples=300)
def test_offsets_point_at_what_a_piece_was_made_of(tokenizer, text):
    encoding = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    last = 0
    for number, (start, end) in zip(encoding["input_ids"], encoding["offset_mapping"]):
        assert last <= start < end <= len(text)
        last = start
        piece = tokenizer.convert_ids_to_tokens(number)
        # What joins emoji or chooses their look is dropped, also from within a piece.
        surface = re.sub("[\u200d\ufe0f]", "", unicodedata.normalize("NFKC", text[start:end]).lower())
        assert piece == "[UNK]" or piece.removeprefix("##") in surface, (piece, text[start:end])


@given(st.text(alphabet=ALPHABET, max_size=24))
@settings(deadline=None, max_examples=100)
def test_no_character_is_lost(tokenizer, text):
    encoding = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    covered = {at for start, end in encoding["offset_mapping"] for at in range(start, end)}
    for at, char in enumerate(text):
        assert at in covered or char.isspace() or char in "\u200d\ufe0f", (text, at)


@given(st.text(alphabet="eﬁカ\u0301ﾞ棉", max_size=12))
@settings(deadline=None, max_examples=100)
def test_an_accent_of_its_own_is_at_most_left_out(tokenizer, text):
    encoding = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    starts = [start for start, _ in encoding["offset_mapping"]]
    covered = {at for start, end in encoding["offset_mapping"] for at in range(start, end)}
    assert starts == sorted(starts)
    assert covered >= {at for at, char in enumerate(text) if char in "eカ棉"}


_PROGRAM = """
import sys
from spacy_product_tags.pretraining.vocabulary import train_vocabulary
texts = [f"{a}{b} сеть{b} größe{a} かな{b}" for a in ("cotton", "shirt", "棉") for b in range(60)]
train_vocabulary(texts, 9000).save_pretrained(sys.argv[1])
"""


def test_the_same_texts_give_the_same_files(tmp_path):
    for seed in "12":
        env = {"PYTHONHASHSEED": seed, "RAYON_NUM_THREADS": seed, "HF_HUB_OFFLINE": "1", "PATH": ""}
        subprocess.run([sys.executable, "-c", _PROGRAM, str(tmp_path / seed)], check=True, env=env)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()
