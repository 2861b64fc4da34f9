"""`names`, `calibrate`, `generate` of categories, `evaluate` and `tag` of a classifier, `aliases languages`, `rules`."""
import json

import pytest
import spacy
import torch
from thinc.api import Adam, fix_random_seed

from spacy_product_tags import Tag
from spacy_product_tags.encoders.name_encoder import NameEncoder
from spacy_product_tags.listing import Listing, read_listings, write_listings
from spacy_product_tags.listings.corpus import to_example
from spacy_product_tags.training.calibrate import calibrate_pipeline

COLORS = {"Red": "红", "Blue": "蓝", "Green": "绿", "Black": "黑", "White": "白", "Pink": "粉", "Grey": "灰"}
NOUNS = {"shirts": "衬衫", "shoes": "鞋", "bags": "包", "hats": "帽", "tables": "桌", "lamps": "灯", "cups": "杯", "cases": "壳"}
LISTINGS = [
    Listing(title="红色纯棉衬衫", category=("Clothing", "Shirts")),
    Listing(title="男士短袖衬衫", category=("Clothing", "Shirts")),
    Listing(title="不锈钢保温杯", category=("Kitchen", "Cups")),
    Listing(title="陶瓷咖啡杯", category=("Kitchen", "Cups")),
]


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    fix_random_seed(0)
    nlp = spacy.blank("zh")
    encoder = {"@architectures": "spacy-product-tags.CharEncoder.v1", "width": 32, "depth": 1, "rows": 2000, "features": 16}
    model = {"@architectures": "spacy-product-tags.ProductClassifier.v1", "tok2vec": encoder, "buckets": 512, "dropout": 0.0}
    nlp.add_pipe("product_classifier", config={"model": model, "min_probability": 0.3})
    nlp.config["initialize"]["components"]["product_classifier"] = {"names": None}
    nlp.initialize(lambda: [to_example(nlp, listing) for listing in LISTINGS])
    optimizer = Adam(0.005)
    for _ in range(30):
        nlp.update([to_example(nlp, listing) for listing in LISTINGS], sgd=optimizer)
    folder = tmp_path_factory.mktemp("classifier") / "model"
    nlp.to_disk(folder)
    return folder


@pytest.fixture()
def listings(tmp_path):
    write_listings(tmp_path / "listings.jsonl", LISTINGS)
    return tmp_path / "listings.jsonl"


@pytest.fixture()
def values(tmp_path):
    rows = [
        {"id": f"{color} {noun}", "facet": "product", "labels": {"en": f"{color} {noun}", "zh-CN": zh + name, "de": f"{noun} {color}"}}
        for color, zh in COLORS.items()
        for noun, name in NOUNS.items()
    ]
    path = tmp_path / "values.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf8")
    return path


def test_names_are_fitted_and_used_by_the_table(run, values, tmp_path):
    result = run("names", values, "--output", tmp_path / "names", "--steps", 40, "--buckets", 512, "--width", 16)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{tmp_path / 'names'}: fitted on {len(COLORS) * len(NOUNS)} values and categories\n"
    assert NameEncoder.from_disk(tmp_path / "names").width == 16
    built = run("aliases", "build", values, "--output", tmp_path / "index", "--names", tmp_path / "names")
    assert built.exit_code == 0, built.output
    lines = run("aliases", "find", tmp_path / "index", "红色的衬衫", "--facet", "product").stdout.splitlines()
    assert lines[1].split()[1] == "dense"
    bare = run("aliases", "build", values, "--output", tmp_path / "bare", "--names", "")
    assert bare.exit_code == 0
    assert len(run("aliases", "find", tmp_path / "bare", "红色的衬衫", "--facet", "product").stdout.splitlines()) == 1


def test_too_few_names_are_no_traceback(run, tmp_path):
    path = tmp_path / "values.jsonl"
    path.write_text('{"id": "a", "facet": "color", "labels": {"en": "red", "de": "rot"}}\n', encoding="utf8")
    result = run("names", path, "--output", tmp_path / "names", "--steps", 1)
    assert result.exit_code == 1 and "20 is the least" in result.stderr
    assert not (tmp_path / "names").exists()


def test_hidden_languages_are_measured_and_the_weights_logged(run, values, tmp_path):
    run("aliases", "build", values, "--output", tmp_path / "index", "--names", "")
    result = run("aliases", "languages", tmp_path / "index", "--steps", 30, "--share", 0.3, "--date", "2026-11-23")
    assert result.exit_code == 0, result.output
    assert result.stdout.count("first right") == 8 and "dense_cosine = " in result.stdout
    assert "version 1" in result.stdout
    again = run("aliases", "languages", tmp_path / "index", "--steps", 30, "--share", 0.3, "--dry-run")
    assert "version" not in again.stdout


def test_a_classifier_is_calibrated_and_scored(run, classifier, listings, tmp_path):
    plot = tmp_path / "plot.png"
    result = run("calibrate", classifier, listings, "--output", tmp_path / "calibrated", "--plot", plot)
    assert result.exit_code == 0, result.output
    assert "category: temperature " in result.stdout and "count" in result.stdout and "on 4 listings" in result.stdout
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert spacy.load(tmp_path / "calibrated").get_pipe("product_classifier").temperatures["category"] != 1.0
    scored = run("evaluate", tmp_path / "calibrated", listings, "--output", tmp_path / "scores.json")
    assert scored.exit_code == 0, scored.output
    assert "hierarchical F1" in scored.stdout and "precision" not in scored.stdout
    assert json.loads((tmp_path / "scores.json").read_text())["cats_path_acc"] == 1.0


def test_only_leaves_tell_how_well_calibrated_a_pipeline_is(classifier):
    def calibrate(listings):
        nlp = spacy.load(classifier)
        return calibrate_pipeline(nlp, [to_example(nlp, listing) for listing in listings])

    plain = calibrate(LISTINGS)
    inner = [Listing(title=listing.title, category=listing.category[:1]) for listing in LISTINGS]
    other = [Listing(title=listing.title, category=("Garden",)) for listing in LISTINGS]
    mixed = calibrate([*LISTINGS, *inner, *other])
    assert len(mixed.right) == 4 and (mixed.before, mixed.after) == pytest.approx((plain.before, plain.after))
    with pytest.raises(ValueError, match="no listing has a category that is a leaf"):
        calibrate(inner)


def test_calibrating_another_pipeline_says_what_it_has(run, pipeline, listings, tmp_path):
    result = run("calibrate", pipeline, listings, "--output", tmp_path / "out")
    assert result.exit_code == 1
    assert "no product classifier or tag classifier 'product_classifier'; it has product_tag_generator" in result.stderr


def test_an_untrained_pipeline_says_so(run, classifier, listings, tmp_path):
    nlp = spacy.blank("zh")
    nlp.add_pipe("product_classifier")
    nlp.to_disk(tmp_path / "raw")
    for command in (("calibrate", tmp_path / "raw", listings, "--output", tmp_path / "out"), ("evaluate", tmp_path / "raw", listings)):
        result = run(*command)
        assert result.exit_code == 1 and "[E109]" in result.stderr and "product_classifier" in result.stderr
    assert not (tmp_path / "out").exists()


def test_titles_without_a_word_do_not_keep_a_pipeline_from_being_calibrated():
    nlp = spacy.blank("xx")
    model = {"@architectures": "spacy-product-tags.ProductClassifier.v1", "tok2vec": None, "buckets": 0}
    nlp.add_pipe("product_classifier", config={"model": model})
    listings = [Listing(title=title, category=(title,)) for title in ("Shirts", "Cups", "Lamps")]
    more = [Listing(title="501", category=("Shirts",)), Listing(title=" ", category=("Cups",))]
    nlp.initialize(lambda: [to_example(nlp, listing) for listing in listings])
    report = calibrate_pipeline(nlp, [to_example(nlp, listing) for listing in (*listings, *more)])
    assert report.right.tolist() == [True] * 3 and report.temperatures["category"] < 1
    with pytest.raises(ValueError, match="anything to read"):
        calibrate_pipeline(nlp, [to_example(nlp, listing) for listing in more])


def test_diverged_weights_are_told_of_when_they_are_calibrated(classifier):
    nlp = spacy.load(classifier)
    with torch.no_grad():
        nlp.get_pipe("product_classifier").model.shims[0].module.scorers["grams"][0].added.fill_(float("nan"))
    with pytest.raises(ValueError, match="its scores are no numbers"):
        calibrate_pipeline(nlp, [to_example(nlp, listing) for listing in LISTINGS])


def test_facets_are_calibrated(run, tmp_path):
    nlp = spacy.blank("zh")
    encoder = {"@architectures": "spacy-product-tags.CharEncoder.v1", "width": 16, "depth": 1, "rows": 500, "features": 8}
    model = {"@architectures": "spacy-product-tags.TagClassifier.v1", "tok2vec": encoder, "hidden_width": 16, "rows": 500}
    nlp.add_pipe("product_tag_classifier", config={"model": model})
    tagged = [Listing(title=title, tags=(Tag(title, facet, 1.0, 0, 2),)) for title, facet in (("红色", "color"), ("纯棉", "material"))]
    nlp.initialize(lambda: [to_example(nlp, listing) for listing in tagged])
    nlp.to_disk(tmp_path / "model")
    write_listings(tmp_path / "tagged.jsonl", tagged)
    command = ("calibrate", tmp_path / "model", tmp_path / "tagged.jsonl", "--output", tmp_path / "out")
    result = run(*command, "--component", "product_tag_classifier")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("facet: temperature ") and "on 2 tags" in result.stdout
    assert spacy.load(tmp_path / "out").get_pipe("product_tag_classifier").cfg["temperature"] != 1.0


def test_categories_come_out_in_another_taxonomy(run, classifier, tmp_path):
    mapping = tmp_path / "mapping.jsonl"
    mapping.write_text('{"shopify": "Clothing > Shirts", "google": "Apparel > Tops"}\n', encoding="utf8")
    result = run("tag", classifier, "红色纯棉衬衫", "不锈钢保温杯", "--taxonomy", mapping)
    assert result.exit_code == 0, result.output
    first, second = map(json.loads, result.stdout.splitlines())
    assert first["category"] == ["Apparel", "Tops"] and second["category"] == ["Kitchen", "Cups"]
    mapping.write_text('{"shopify": "Clothing > Shirts"}\n', encoding="utf8")
    bad = run("tag", classifier, "红色纯棉衬衫", "--taxonomy", mapping)
    assert bad.exit_code == 1 and "mapping.jsonl:1: google" in bad.stderr


def test_listings_with_categories_are_made_up(run, tmp_path):
    rows = [
        {"id": "a", "parent": None, "labels": {"en": "Clothing", "zh-CN": "服装", "de": "Kleidung"}},
        {"id": "b", "parent": "a", "attributes": ["color"], "labels": {"en": "Shirts", "zh-CN": "衬衫", "de": "Hemden"}},
        {"id": "d", "parent": "a", "attributes": ["color"], "labels": {"en": "Hats", "zh-CN": "帽子", "de": "Hüte"}},
        {"id": "color", "values": ["c"], "labels": {"en": "Color", "zh-CN": "颜色", "de": "Farbe"}},
        {"id": "c", "attribute": "color", "labels": {"en": "Navy", "zh-CN": "海军蓝", "de": "Marineblau"}},
    ]
    taxonomy = tmp_path / "taxonomy.jsonl"
    taxonomy.write_text("\n".join(map(json.dumps, rows)), encoding="utf8")
    known = tmp_path / "known.jsonl"
    write_listings(known, [Listing(title="Hat", category=("Clothing", "Hats"))])
    files = []
    for name in ("a.jsonl", "b.jsonl"):
        args = ("--values", taxonomy, "--count", 50, "--without-categories", known, "--output", tmp_path / name)
        result = run("generate", known, *args)
        assert result.exit_code == 0, result.output
        files.append((tmp_path / name).read_text(encoding="utf8"))
    assert files[0] == files[1]
    made = list(read_listings(tmp_path / "a.jsonl"))
    assert len(made) == 50 and {listing.category for listing in made} == {("Clothing", "Shirts")}
    assert {listing.lang for listing in made} == {"en", "zh", "de"}
    both = run("generate", known, "--values", taxonomy, "--count", 50, "--output", tmp_path / "c.jsonl")
    assert both.exit_code == 0
    assert len({listing.category for listing in read_listings(tmp_path / "c.jsonl")}) == 2


def test_long_descriptions_are_cut(run, tmp_path):
    row = {"id": "1", "lang": "en", "text": "Mug", "description": "A mug of clay", "site_category": "Shop > Mugs", "category_path": ["Kitchen"]}
    (tmp_path / "offers.jsonl").write_text(json.dumps(row), encoding="utf8")
    result = run("convert", tmp_path / "offers.jsonl", tmp_path / "out.jsonl", "--max-description", 17)
    assert result.exit_code == 0, result.output
    (listing,) = read_listings(tmp_path / "out.jsonl")
    assert (listing.title, listing.description, listing.category) == ("Mug", "Shop > Mugs\nA mug", ("Kitchen",))


def test_no_tag_stands_behind_a_description_that_was_cut(run, tmp_path):
    tags = [{"text": "soft", "facet": "f", "start": 2, "end": 6}, {"text": "cotton ", "facet": "m", "start": 7, "end": 14}]
    write_listings(tmp_path / "in.jsonl", [Listing.from_dict({"title": "T", "description": "soft cotton shirt", "tags": tags})])
    result = run("convert", tmp_path / "in.jsonl", tmp_path / "out.jsonl", "--max-description", 12)
    assert result.exit_code == 0, result.output
    (listing,) = read_listings(tmp_path / "out.jsonl")
    assert listing.description == "soft cotton" and [tag.text for tag in listing.tags] == ["soft"]


def test_rules_are_learnt_and_applied(run, tmp_path):
    rows = [{"facet": "width", "raw": f"{n} in", "wanted": f"{n * 2.54:.1f}"} for n in range(2, 30)]
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf8")
    fitted = run("rules", "fit", pairs, "--output", tmp_path / "rules.json")
    assert fitted.exit_code == 0, fitted.output
    applied = run("rules", "apply", tmp_path / "rules.json", "width", "40 in")
    assert applied.exit_code == 0 and "101.6 (conversion)" in applied.stdout
