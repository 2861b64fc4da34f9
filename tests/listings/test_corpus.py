import pytest
import spacy
from spacy.training import dont_augment

from spacy_product_tags import Listing, ListingError
from spacy_product_tags.listing import write_listings
from spacy_product_tags.listings.corpus import ListingCorpus, create_listing_corpus, to_example


@pytest.fixture()
def nlp():
    return spacy.blank("zh")


@pytest.fixture()
def file(tmp_path, listings):
    write_listings(tmp_path / "a.jsonl", listings)
    return tmp_path / "a.jsonl"


def test_examples(nlp, file, listings):
    examples = list(ListingCorpus(file)(nlp))
    assert [example.reference._.tags for example in examples] == [listing.tags for listing in listings]
    for example, listing in zip(examples, listings):
        assert example.predicted.text == example.reference.text == listing.text
        assert example.predicted._.tags == ()


def test_the_predicted_docs_carry_gold_tags_on_request(nlp, file, listings):
    for example, listing in zip(ListingCorpus(file, gold_tags=True)(nlp), listings):
        assert example.predicted._.tags == listing.tags
        example.predicted._.tags = []
        assert example.reference._.tags == listing.tags


def test_facets_are_hidden_on_request(nlp, file, listings):
    for example, listing in zip(ListingCorpus(file, hide_facets=True)(nlp), listings):
        assert example.reference._.tags == listing.tags and any(tag.facet for tag in listing.tags)
        assert [tag.text for tag in example.predicted._.tags] == [tag.text for tag in listing.tags]
        assert not any(tag.facet for tag in example.predicted._.tags)


def test_category_and_description(nlp):
    example = to_example(nlp, Listing("T恤", description="柔软", category=("服饰", "T恤")))
    assert example.reference.text == "T恤\n柔软"
    assert example.reference._.category == ("服饰", "T恤")
    assert example.predicted._.category == ()


def test_limit_counts_listings_over_all_files(nlp, tmp_path, file, listings):
    write_listings(tmp_path / "b.jsonl.gz", listings)
    (tmp_path / "notes.txt").write_text("not a corpus", encoding="utf8")
    assert len(list(ListingCorpus(tmp_path)(nlp))) == 6
    assert len(list(ListingCorpus(f"{file}, {tmp_path / 'b.jsonl.gz'}")(nlp))) == 6
    assert len(list(ListingCorpus(tmp_path, limit=4)(nlp))) == 4
    corpus = ListingCorpus(file, limit=2)
    assert len(list(corpus(nlp))) == len(list(corpus(nlp))) == 2


def test_the_augmenter_runs_before_gold_tags_are_given(nlp, file, listings):
    def twice(nlp, example):
        yield example
        yield to_example(nlp, listings[0])

    examples = list(ListingCorpus(file, augmenter=twice, gold_tags=True)(nlp))
    assert len(examples) == 6
    assert all(example.predicted._.tags == example.reference._.tags for example in examples)


def test_a_bad_line_stops_training_and_is_named(nlp, file):
    file.write_text('{"title": "a"}\n{"title": "ab", "tags": [{"text": "b", "start": 0, "end": 1}]}\n', encoding="utf8")
    with pytest.raises(ListingError, match=r"a\.jsonl:2: tags\[0\]\.start: .*stands at 1"):
        list(ListingCorpus(file)(nlp))


def test_missing_paths_are_named(tmp_path):
    with pytest.raises(ValueError, match="--paths.train"):
        create_listing_corpus(None)
    with pytest.raises(ValueError, match="nowhere.jsonl: no such file"):
        create_listing_corpus(tmp_path / "nowhere.jsonl")
    with pytest.raises(ValueError, match="holds no .jsonl"):
        create_listing_corpus(tmp_path)


def test_it_resolves_from_a_config(nlp, file):
    reader = spacy.registry.resolve(
        {"corpus": {"@readers": "spacy-product-tags.ListingCorpus.v1", "path": str(file), "limit": 1}}
    )["corpus"]
    assert len(list(reader(nlp))) == 1
    assert reader.augmenter is dont_augment
