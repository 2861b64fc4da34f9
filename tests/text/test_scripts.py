import gzip
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opencc import OpenCC

from spacy_product_tags.text import scripts
from spacy_product_tags.text.scripts import to_script

DATASETS = Path(__file__).parents[3] / "shared" / "datasets"
PHRASES = tomllib.loads(Path(scripts.__file__).with_suffix(".toml").read_text(encoding="utf8"))["traditional"]["phrases"]


def test_to_script():
    assert to_script("头发 navy", "Hant") == "頭髮 navy"
    assert to_script("裏面", "Hans") == to_script("裡面", "zh-CN") == "里面"
    assert to_script("里面", "Hant-TW") == "裡面"
    assert to_script("里面", "Hant-HK") == "裏面"
    with pytest.raises(ValueError, match="Cyrl.*Hans"):
        to_script("头发", "Cyrl")


@pytest.mark.parametrize(
    "plain, written",
    [
        ("速干", "速乾"), ("速干面料", "速乾面料"), ("高速干道", "高速幹道"), ("快速干燥", "快速乾燥"), ("辣椒干", "辣椒乾"), ("干发帽", "乾髮帽"),
        ("冲牙器", "沖牙器"), ("范思哲", "范思哲"), ("手冲咖啡壶", "手沖咖啡壺"), ("红薯干", "紅薯乾"), ("柠檬干", "檸檬乾"), ("甩干桶", "甩乾桶"),
        ("干发巾", "乾髮巾"), ("发膜", "髮膜"), ("硬面抄", "硬面抄"), ("烫斗", "燙斗"), ("三斗柜", "三斗櫃"), ("五只装", "五隻裝"), ("10只装", "10隻裝"),
        ("自制酸奶", "自製酸奶"), ("帆布防水包", "帆布防水包"), ("台历定制", "檯曆定製"), ("手撕历", "手撕曆"), ("系带", "繫帶"), ("梦系列", "夢系列"),
        ("树干", "樹幹"), ("干部", "幹部"), ("冲击钻", "衝擊鑽"), ("冲锋衣", "衝鋒衣"), ("面条", "麪條"), ("面膜", "面膜"), ("战斗", "戰鬥"),
    ],
)  # fmt: skip
def test_phrases_of_products(plain, written):
    assert to_script(plain, "Hant") == written
    assert to_script(written, "Hans") == plain


def test_regions_write_the_phrases_in_their_own_way():
    assert to_script("火锅面 台历 里脊", "Hant-TW") == "火鍋麵 檯曆 里脊"
    assert to_script("火锅面", "zh-HK") == "火鍋麪"


def test_each_phrase_is_needed_or_keeps_another_from_its_place():
    t2s, s2t = OpenCC("t2s"), OpenCC("s2t")
    for written in PHRASES:
        plain = t2s.convert(written)
        assert len(plain) == len(written) and to_script(plain, "Hant") == written
    assert len(PHRASES) == len(set(PHRASES)) == len(set(map(t2s.convert, PHRASES)))
    # In some surroundings OpenCC writes it otherwise; most are wrong even alone.
    assert sum(s2t.convert(t2s.convert(written)) != written for written in PHRASES) > len(PHRASES) / 2


@settings(deadline=None, max_examples=200)
@given(st.text(st.sampled_from("速干发冲面系列a 1\ud800\udfff台历高道"), max_size=12), st.sampled_from(["Hans", "Hant", "zh-TW"]))
def test_every_text_is_converted_and_nothing_is_lost(text, script):
    written = to_script(text, script)
    assert len(written) == len(text)
    assert [char for char in written if char < "\u2e80" or char > "\uffff" or "\ud800" <= char <= "\udfff"] == [
        char for char in text if char < "\u2e80" or char > "\uffff" or "\ud800" <= char <= "\udfff"
    ]


def test_opencc_and_numbers_are_not_loaded_by_the_import():
    code = "import sys, spacy_product_tags.text.scripts, spacy_product_tags.text.forms; sys.exit('opencc' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.skipif(not DATASETS.is_dir(), reason="needs ../shared/datasets")
def test_dry_is_dry_in_real_titles():
    wrong = []
    with gzip.open(DATASETS / "zh_ner_jd_gaiic2022" / "unlabeled.jsonl.gz", "rt", encoding="utf8") as file:
        for text in (json.loads(line)["text"] for line in file):
            if "速干" in text or "冲牙" in text or "干发" in text:
                written = to_script(text, "Hant")
                wrong += [text for bad in ("速幹", "衝牙", "幹發", "幹髮") if bad in written]
    assert not wrong
