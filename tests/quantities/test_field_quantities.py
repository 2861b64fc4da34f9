"""Quantities of real listings: the shared data sets are not part of the repository, so these tests may be skipped."""
import gzip
import json
import re
from pathlib import Path

import pytest

from spacy_product_tags.quantities.quantity import find_quantities, parse_exactly, parse_quantity, quantity_id
from spacy_product_tags.quantities.units import kind_of

SHARED = Path(__file__).parents[3] / "shared" / "datasets"
PACKS = "瓶袋盒箱包支片罐杯条粒只个卷桶听张枚"
UNITS = rf"(?:mg|ml|kg|g|l|毫升|克|斤|[{PACKS}])"
THREE_LEVELS = re.compile(
    rf"(?<![\d.a-z#])\d[\d.]*{UNITS}(?:[*x×/](?:\d[\d.]*{UNITS}?|[{PACKS}])){{2,}}|(?<![\d.])\d+[{PACKS}][*x×]\d+(?:g|ml|毫升|克)", re.IGNORECASE
)


def rows(name):
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"{path} is missing: the shared data sets are not part of the repository")
    with gzip.open(path, "rt", encoding="utf8") as file:
        return [json.loads(line) for line in file]


def chinese_titles():
    names = ["zh_ner_jd_gaiic2022/train", "zh_ner_jd_gaiic2022/dev", "zh_ner_jd_gaiic2022/unlabeled"]
    for name in [*names, "zh_ner_taobao/train", "zh_ner_taobao/dev", "zh_ner_taobao/test", "zh_cls_openbg/train"]:
        yield from (row["text"] for row in rows(f"{name}.jsonl.gz"))


def test_packs_of_three_levels_are_read_whole_or_left_alone():
    # Each with the characters behind it, as far as they may belong to it.
    matches = [(title, match) for title in chinese_titles() for match in THREE_LEVELS.finditer(title)]
    # 3L/4L/5L is a list of three.
    texts = {title[match.start() : match.end() + 4] for title, match in matches if re.search("[*x×]", match[0])}
    assert len(texts) > 40
    whole = 0
    for text in texts:
        match = THREE_LEVELS.match(text)
        for start, end, quantity in find_quantities(text):
            if start >= match.end():
                continue
            if start == 0 and end >= match.end():
                whole += 1
                numbers = sorted(float(n) for n in re.findall(r"\d[\d.]*", text[:end]) if float(n) != 1)
                said = [*quantity.values, quantity.count, *(count for count, _ in quantity.outer)]
                assert sorted(float(n) for n in said if n != 1) == pytest.approx(numbers), text
            else:
                # 70g/100张/包 is a list of two: what is read of it ends where an item of the list ends.
                assert text[end : end + 1] in "/" and text[max(start - 1, 0)] in f"/{text[0]}", (text, text[start:end])
    assert whole > 0.8 * len(texts)


def test_counts_of_oa_mine_are_no_carats():
    counts = [
        (value, facet, row)
        for split in ("train", "test")
        for row in rows(f"en_attr_oamine/{split}.jsonl.gz")
        for facet, value, *_ in row["attributes"]
        if value and facet in ("Net content", "Pack size") and re.search(r"\d\s?ct\b", value, re.IGNORECASE)
    ]
    assert len(counts) >= 29
    read = 0
    for value, facet, row in counts:
        # By the facet, by the category and the title, and by nothing.
        for known in ({"facet": facet}, {"category": row["category"], "context": row["title"]}, {}):
            quantity = parse_quantity(value, **known)
            assert quantity is None or kind_of(quantity.unit) == "count", (value, row["title"])
        read += parse_quantity(value, facet=facet) is not None
        for start, end, quantity in find_quantities(row["title"], category=row["category"]):
            assert quantity.unit != "ct" and row["title"][start:end]
    assert read > 0.8 * len(counts)


def test_most_size_tags_of_jd_are_read():
    tags = [
        (row["text"][start:end], row["text"])
        for row in rows("zh_ner_jd_gaiic2022/dev.jsonl.gz")
        for start, end, label in row["spans"]
        if label.endswith("尺寸") and any(char.isdecimal() for char in row["text"][start:end])
    ]
    read = [parse_quantity(tag, facet="尺寸", context=title) for tag, title in tags]
    assert sum(quantity is not None for quantity in read) > 0.85 * len(tags)
    # Those that the normalizer leaves alone, too, are few: 宽107厘米, 5.0.
    exact = [parse_exactly(tag, facet="尺寸", context=title) for tag, title in tags]
    assert sum(quantity is not None for quantity in exact) > 0.81 * len(tags)


def test_no_size_of_clothes_is_a_length_in_yards():
    wrong = []
    for title in chinese_titles():
        if not re.search(r"\d\s?[码碼]", title):
            continue
        for start, end, quantity in find_quantities(title):
            if quantity.unit == "yd" and re.search("[衣裤裙鞋童]", title):
                wrong.append((title, title[start:end], quantity_id(quantity)))
    assert not wrong
