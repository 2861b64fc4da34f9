"""Phrases that a corpus annotates now one way, now another."""
import pytest

from spacy_product_tags.listings.check import check_corpus

FIVE = "\n\n".join(f"zh-{n} p{n}\n[耐克|brand][透气|function][T恤|product]{n}" for n in range(5))


def check(tmp_path, *titles, lang="zh"):
    blocks = "\n\n".join(f"{lang}-x{n} x{n}\n{title}" for n, title in enumerate(titles))
    path = tmp_path / f"{lang}.txt"
    path.write_text(f"== A > B\n\n{FIVE.replace('zh-', lang + '-')}\n\n{blocks}\n", encoding="utf8")
    report = check_corpus([path], phrases=True)
    assert report.errors == []
    return [(warning.line, warning.problem) for warning in report.warnings]


def test_another_facet(tmp_path):
    assert check(tmp_path, "[透气|design][鞋|product]") == [
        (18, "'透气' is 'design' here, and 'function' in 5 of 6 places")
    ]


def test_no_tag(tmp_path):
    assert check(tmp_path, "很透气的[鞋|product]") == [(18, "'透气' is no tag here, and 'function' in 5 of 6 places")]


def test_within_another_tag_it_is_no_phrase(tmp_path):
    assert check(tmp_path, "[透气T恤|product]", "[不透气|function][鞋|product]") == []


def test_as_often_one_way_as_the_other_it_is_no_slip(tmp_path):
    assert check(tmp_path, "[透气|design][鞋|product]", "[鞋|product][透气|design]蓝") == []


def test_words_of_latin_script_are_whole(tmp_path):
    four = [f"[red|color] [shirt|product] {n}" for n in range(4)]
    found = check(tmp_path, *four, "[Shirt|product] tailored, Red", "[shirt|product] colored", lang="en")
    assert found == [(30, "'red' is no tag here, and 'color' in 4 of 5 places")]


def test_a_thai_letter_is_not_cut_from_its_mark(tmp_path):
    four = [f"[ใส|color] [แก้ว|product] {n}" for n in range(4)]
    assert check(tmp_path, *four, "[แก้ว|product] ใส่", lang="th") == []


def test_languages_are_apart(tmp_path):
    (tmp_path / "ja.txt").write_text("== A > B\n\nja-1 p\n[透气|design]\n", encoding="utf8")
    (tmp_path / "zh.txt").write_text(f"== A > B\n\n{FIVE}\n", encoding="utf8")
    assert check_corpus([tmp_path], phrases=True).warnings == []


def test_only_on_request(tmp_path):
    path = tmp_path / "zh.txt"
    path.write_text(f"== A > B\n\n{FIVE}\n\nzh-9 p9\n很透气\n", encoding="utf8")
    assert check_corpus([path]).warnings == []


@pytest.mark.parametrize(
    ("name", "lang"),
    [
        ("zh.txt", "zh"),
        ("zh-shoes.txt", "zh"),
        ("zh/shoes.txt", "zh"),
        ("zh/toy.txt", "zh"),
        ("x/zh-shoes.txt", "zh"),
        ("x/th.txt", "th"),
        ("x/fil.txt", "fil"),
    ],
)
def test_a_file_or_its_folder_is_called_by_its_language(tmp_path, name, lang):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"== A > B\n\n{FIVE}\n", encoding="utf8")
    report = check_corpus([tmp_path])
    assert report.languages == {lang: 5} and report.errors == []
