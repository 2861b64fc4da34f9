"""`product-tags compile` and `product-tags convert`."""
import json
from pathlib import Path

import pytest
from markup_files import read_markup

from spacy_product_tags.listing import read_listings
from spacy_product_tags.listings.check import SPLITS, check_corpus
from spacy_product_tags.listings.convert import split_of

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "corpus" / "listings"


def read_splits(folder: Path) -> dict:
    return {name: list(read_listings(folder / f"{name}.jsonl")) for name in SPLITS}


def test_compile_our_corpus(run, tmp_path):
    result = run("compile", SOURCE, tmp_path, "--facets", ROOT / "corpus" / "facets.toml")
    assert result.exit_code == 0, result.stderr
    splits = read_splits(tmp_path)
    written = [listing for listings in splits.values() for listing in listings]
    source = [listing for path in sorted(SOURCE.rglob("*.txt")) for listing in read_markup(path)]
    key = "{0.id}".format
    assert sorted(written, key=key) == sorted(source, key=key)
    products = [{listing.product for listing in listings} for listings in splits.values()]
    assert not (products[0] & products[1] or products[0] & products[2] or products[1] & products[2])
    assert 0.7 < len(splits["train"]) / len(source) < 0.9
    assert check_corpus([tmp_path]).errors == []


def test_compile_keeps_what_is_good(run, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    text = "== A\n\n1 p\n[耐克|brand]T恤\n\n2 q\n[broken\n\n3 r\n[Nike|brand] [shirt|thing]\n"
    (source / "zh.txt").write_text(text, encoding="utf8")
    (tmp_path / "facets.toml").write_text('[facets]\nbrand = "x"\n', encoding="utf8")
    result = run("compile", source, tmp_path / "out", "--facets", tmp_path / "facets.toml", "--fractions", 0, 0, 1)
    assert result.exit_code == 1
    assert f"{source / 'zh.txt'}:7: markup: " in result.stderr
    assert f"{source / 'zh.txt'}:9: tags[1].facet: " in result.stderr
    assert [listing.id for listing in read_listings(tmp_path / "out" / "test.jsonl")] == ["1"]
    assert (tmp_path / "out" / "train.jsonl").read_text(encoding="utf8") == ""


@pytest.mark.parametrize("fractions", [(0.8, 0.1, 0.2), (2, -1, 0)])
def test_bad_fractions(run, tmp_path, fractions):
    result = run("compile", SOURCE, tmp_path / "out", "--fractions", *fractions)
    assert result.exit_code == 1
    assert "--fractions" in result.stderr
    assert not (tmp_path / "out").exists()


def test_compile_without_markup(run, tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        result = run("compile", folder, tmp_path / "out")
        assert result.exit_code == 1
        assert str(folder) in result.stderr


ROWS = [
    {"title": "耐克T恤", "spans": [[0, 2, "brand"], [2, 4, "product"]]},
    {"title": "bad", "spans": [[0, 99, "brand"]]},
    {"nothing": 1},
    {"title": "Nike shirt", "lang": "en", "spans": [[0, 4, "brand"]]},
]


def write_rows(path: Path) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in ROWS) + "\n", encoding="utf8")
    return path


def test_convert_dataset(run, tmp_path):
    source, output = write_rows(tmp_path / "data.jsonl"), tmp_path / "new" / "out.jsonl.gz"
    result = run("convert", source, output, "--lang", "zh")
    assert result.exit_code == 1
    assert f"{source}:2: spans[0]: " in result.stderr and f"{source}:3: line: " in result.stderr
    assert [(x.title, x.lang, len(x.tags)) for x in read_listings(output)] == [
        ("耐克T恤", "zh", 2), ("bad", "zh", 0), ("Nike shirt", "en", 1)
    ]  # fmt: skip
    assert f"{output}: 3 listings, 3 tags" in result.stdout


def test_convert_split(run, tmp_path):
    source, output = tmp_path / "data.jsonl", tmp_path / "out"
    rows = [json.dumps({"title": f"t{n}", "product": f"p{n % 40}"}) for n in range(120)]
    source.write_text("\n".join(rows), encoding="utf8")
    result = run("convert", source, output, "--split", "--fractions", 0.5, 0.25, 0.25)
    assert result.exit_code == 0, result.stderr
    splits = read_splits(output)
    assert sum(map(len, splits.values())) == 120 and all(splits.values())
    for name, listings in splits.items():
        assert {split_of(listing, (0.5, 0.25, 0.25)) for listing in listings} == {name}
    assert check_corpus([output]).errors == []


def test_convert_table(run, tmp_path):
    source, output = tmp_path / "data.csv", tmp_path / "out.jsonl"
    text = "名称,品牌,类目,标签\n耐克T恤,耐克,服饰/T恤,纯棉;红色\n,耐克,a,b\n"
    source.write_bytes(text.encode("gb18030"))
    args = ["--title-column", "名称", "--attribute-column", "品牌", "--category-column", "类目", "--category-separator", "/"]
    args += ["--seller-tags-column", "标签", "--tag-separator", ";", "--encoding", "gb18030", "--lang", "zh"]
    result = run("convert", source, output, *args)
    assert result.exit_code == 1
    assert f"{source}:3: 名称: " in result.stderr
    (listing,) = read_listings(output)
    assert [(tag.text, tag.facet, tag.start) for tag in listing.tags] == [("耐克", "品牌", 0)]
    assert (listing.category, listing.seller_tags, listing.lang) == (("服饰", "T恤"), ("纯棉", "红色"), "zh")


def test_convert_tells_the_dialect(run, tmp_path):
    source, output = tmp_path / "data.csv", tmp_path / "out.jsonl"
    source.write_bytes("报表\n名称;品牌\n耐克T恤;耐克/Nike\n".encode("gb18030"))
    args = ["--title-column", "名称", "--attribute-column", "品牌"]
    result = run("convert", source, output, *args)
    assert result.exit_code == 0, result.stderr
    assert f"{source}: read as gb18030, semicolons between the cells, the header is line 2" in result.stderr
    assert [tag.text for tag in next(read_listings(output)).tags] == ["耐克/Nike"]
    given = ["--encoding", "gb18030", "--delimiter", ";", "--skip-rows", 1, "--attribute-separator", "/"]
    assert run("convert", source, output, *args, *given).exit_code == 0
    assert [tag.text for tag in next(read_listings(output)).tags] == ["耐克", "Nike"]
    # What is given wrong is told, and nothing is guessed.
    assert run("convert", source, output, *args, "--skip-rows", 0).exit_code == 1
    assert run("convert", source, output, *args, "--encoding", "utf-8").exit_code == 1
    source.write_text("title;color\nx;Red/Navy\n", encoding="utf8")
    (tmp_path / "values.csv").write_text("facet,label_en\ncolor,Red\ncolor,Navy\n", encoding="utf8")
    result = run("convert", source, output, "--attribute-column", "Color", "--aliases", tmp_path / "values.csv")
    assert result.exit_code == 0, result.stderr
    assert [tag.text for tag in next(read_listings(output)).tags] == ["Red", "Navy"]


def test_convert_a_shop_with_separators_of_ones_own(run, tmp_path):
    output = tmp_path / "out.jsonl"
    source = ROOT / "tests" / "listings" / "shops" / "shopify.csv"
    result = run("convert", source, output, "--attribute-separator", " / ", "--format", "shopify", "--keep-html")
    assert result.exit_code == 0, result.stderr
    shirt = next(read_listings(output))
    assert ["Navy", "Ecru"] == [tag.text for tag in shirt.tags if tag.text in ("Navy", "Ecru", "Navy / Ecru")]
    assert shirt.description.startswith("<p>A <b>breathable</b> shirt")


def test_convert_keeps_what_a_listing_has(run, tmp_path):
    source, output = tmp_path / "data.jsonl", tmp_path / "out.jsonl"
    rows = [{"title": "耐克T恤", "price": 3, "stock": 1}, {"title": "b", "id": 7, "price": 2}]
    source.write_text("\n".join(map(json.dumps, rows)), encoding="utf8")
    result = run("convert", source, output)
    assert result.exit_code == 0, result.stderr
    assert [(x.title, x.id) for x in read_listings(output)] == [("耐克T恤", ""), ("b", "7")]
    assert result.stderr.count("price (2), stock (1)") == 1 and "--attribute-column" in result.stderr
    source.write_text('{"name": "x"}\n', encoding="utf8")
    result = run("convert", source, output)
    assert result.exit_code == 1 and "--title-column" in result.stderr


def test_convert_says_that_a_split_is_empty(run, tmp_path):
    source, output = tmp_path / "data.jsonl", tmp_path / "out"
    source.write_text("\n".join(json.dumps({"title": f"t{n}", "product": "p"}) for n in range(3)), encoding="utf8")
    result = run("convert", source, output, "--split")
    assert result.exit_code == 0
    empty = [name for name, listings in read_splits(output).items() if not listings]
    assert len(empty) == 2 and f"no listing in {' and '.join(empty)}: 3 listings are too few" in result.stderr
    # What nobody asked for is not missed.
    result = run("convert", source, output, "--split", "--fractions", 1, 0, 0)
    assert "no listing" not in result.stderr


def test_convert_jsonl_table(run, tmp_path):
    source, output = tmp_path / "data.jsonl", tmp_path / "out.jsonl"
    source.write_text('{"name": "Nike shirt", "brand": "Nike"}\n', encoding="utf8")
    result = run("convert", source, output, "--title-column", "name", "--attribute-column", "brand")
    assert result.exit_code == 0, result.stderr
    assert [tag.facet for tag in next(read_listings(output)).tags] == ["brand"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("nowhere.jsonl", "out.jsonl"), "no such file"),
        (("{csv}", "out.jsonl", "--title-column", "name"), "name"),
        (("{csv}", "out.jsonl", "--encoding", "klingon"), "klingon"),
        (("{csv}", "out.jsonl", "--delimiter", "ab"), "--delimiter"),
        (("{csv}", "out.jsonl", "--format", "klingon"), "shopify"),
        (("{csv}", "out.jsonl", "--format", "shopify"), "Handle"),
        (("{csv}", "out.jsonl", "--aliases", "nowhere.csv"), "--aliases"),
        (("{data}", "out.jsonl", "--format", "dataset", "--id-column", "id"), "--format"),
        (("{data}", "{data}"), "is the input"),
        (("{data}", "out.jsonl", "--fractions", "1", "1", "1"), "--fractions"),
    ],
)
def test_convert_refuses(run, tmp_path, monkeypatch, args, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out.jsonl").write_text("kept", encoding="utf8")
    (tmp_path / "data.csv").write_text("title\nx\n", encoding="utf8")
    before = write_rows(tmp_path / "data.jsonl").read_bytes()
    result = run("convert", *(arg.format(csv="data.csv", data="data.jsonl") for arg in args))
    assert result.exit_code == 1
    assert message in result.stderr
    assert (tmp_path / "out.jsonl").read_text(encoding="utf8") == "kept"
    assert (tmp_path / "data.jsonl").read_bytes() == before
