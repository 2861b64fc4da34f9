"""One pipeline with every component, called by several threads at once, in memory zones and in batches of any size."""
import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import pytest
import spacy
from thinc.api import fix_random_seed

from spacy_product_tags.encoders.process import return_freed_memory
from spacy_product_tags.listing import Listing
from spacy_product_tags.listings.corpus import to_example
from spacy_product_tags.tag import Tag
from spacy_product_tags.values.index import AliasIndex
from spacy_product_tags.values.table import Value

LISTENER = {"@architectures": "spacy-product-tags.WordpieceListener.v1"}
BRANDS = ("耐克", "华为", "苹果", "Nike", "Apple")
PRODUCTS = ("连衣裙", "手机壳", "T恤", "保温杯", "坚果礼盒", "shirt", "case pro")
WORDS = ("2024新款", "男士", "纯棉 短袖", "透明防摔", "500毫升*12瓶", "包邮", "red", "柔软 的 面料", "iPhone15Pro")


@pytest.fixture(scope="module")
def saved(tiny_bert, tmp_path_factory):
    """The folder of an untrained pipeline with all components, which finds many tags."""
    fix_random_seed(0)
    folder = tmp_path_factory.mktemp("threads") / "pipeline"
    lexicon = folder.parent / "lexicon.tsv"
    lexicon.write_text("柔软\ta\n面料\tn\n男\tn\n", encoding="utf8")
    nlp = make_nlp(tiny_bert, lexicon)
    nlp.to_disk(folder)
    return folder


@pytest.fixture()
def nlp(saved):
    return spacy.load(saved)


def make_nlp(tiny_bert, lexicon):
    tokenizer = {"@tokenizers": "spacy-product-tags.ProductTokenizer.v1", "segmenter": "char"}
    nlp = spacy.blank("zh", config={"nlp": {"tokenizer": tokenizer}})
    nlp.add_pipe("product_preprocessor")
    model = {"@architectures": "spacy-product-tags.TransformerModel.v1", "name": tiny_bert, "stride": 16}
    nlp.add_pipe("transformer", config={"model": model})
    heads = {
        "product_classifier": {"ProductClassifier.v1": {"buckets": 512}, "min_probability": 0.0},
        "product_tag_generator": {"TagGenerator.v1": {"hidden_width": 32}, "min_score": 0.3},
        "product_tag_classifier": {"TagClassifier.v1": {"rows": 512, "hidden_width": 32}, "min_score": 0.03},
    }
    for name, settings in heads.items():
        architecture, sizes = next(iter(settings.items()))
        own = {key: value for key, value in settings.items() if key != architecture}
        model = {"@architectures": f"spacy-product-tags.{architecture}", "tok2vec": LISTENER, **sizes}
        nlp.add_pipe(name, config={"model": model, **own})
    nlp.add_pipe("product_tag_normalizer")
    nlp.add_pipe("doc_cleaner", config={"silent": True})
    nlp.initialize(partial(make_examples, nlp))
    values = [Value("nike", "brand", {"en": "Nike", "zh-CN": "耐克"}), Value("red", "color", {"zh-CN": "红色", "en": "red"})]
    nlp.get_pipe("product_tag_normalizer").initialize(aliases=AliasIndex.build(values))
    nlp.get_pipe("product_preprocessor").initialize(lexicon=lexicon)
    return nlp


def make_examples(nlp):
    tags = (Tag("耐克", "brand", 1.0, 0, 2), Tag("T恤", "product", 1.0, 2, 4))
    other = (Tag("红色", "color", 1.0, 0, 2), Tag("裙", "product", 1.0, 2, 3))
    listings = [Listing("耐克T恤", tags=tags, category=("服饰", "T恤")), Listing("红色裙", tags=other, category=("服饰", "裙"))]
    return [to_example(nlp, listing) for listing in listings]


def make_texts(count):
    """Make titles, each another one."""
    texts = []
    for number in range(count):
        words = [WORDS[(number // step) % len(WORDS)] for step in (1, 3, 11)]
        texts.append(f"{BRANDS[number % 5]}{''.join(words)}{PRODUCTS[number % 7]} {number}" * (1 + number % 3))
    return texts


def read(nlp, text):
    """Run the pipeline on a listing with seller tags, and read all that it says."""
    doc = nlp.make_doc(text)
    doc._.tags = ["耐克", "柔软", text[:3]]
    return said(nlp(doc))


def said(doc):
    tags = [(tag.text, tag.facet, tag.start, tag.end, tag.source, tag.canonical_id) for tag in doc._.tags]
    spans = [(span.start_char, span.end_char) for span in doc.spans["promotions"]]
    scores = {id: round(share, 3) for id, share in doc.cats.items()}
    return tags, doc._.category, scores, spans, [token.tag_ for token in doc], [token.pos_ for token in doc]


def compare(nlp, count, rounds, zone=False):
    texts = make_texts(count)
    expected = [read(nlp, text) for text in texts]
    assert sum(len(found[0]) > 2 for found in expected) > count / 2, "there is something to compare"
    for _ in range(rounds):
        with nlp.memory_zone() if zone else nullcontext(), ThreadPoolExecutor(4) as threads:
            found = list(threads.map(partial(read, nlp), texts))
        assert sum(one != other for one, other in zip(expected, found)) == 0


@pytest.mark.parametrize("zone", [False, True])
def test_four_threads_find_what_one_finds(nlp, zone):
    compare(nlp, 24, 2, zone)


@pytest.mark.slow
@pytest.mark.parametrize("zone", [False, True])
def test_four_threads_find_what_one_finds_in_two_thousand_texts(nlp, zone):
    compare(nlp, 2000, 3, zone)


def test_the_first_calls_of_a_loaded_pipeline_may_come_at_once(nlp, saved):
    texts = make_texts(8)
    expected = [read(nlp, text) for text in texts]
    for _ in range(3):
        other = spacy.load(saved)
        with ThreadPoolExecutor(4) as threads:
            assert list(threads.map(partial(read, other), texts)) == expected


def test_the_first_calls_after_an_update_may_come_at_once(nlp):
    examples = make_examples(nlp)
    with nlp.select_pipes(disable="doc_cleaner"):
        nlp.update(examples, sgd=False, drop=0.5)
    texts = make_texts(8)
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(partial(read, nlp), texts))
    assert found == [read(nlp, text) for text in texts]


@pytest.mark.parametrize("size", [1, 7, 32])
def test_tags_are_the_same_whatever_the_batch(nlp, size):
    texts = make_texts(32)
    expected = [said(nlp(text)) for text in texts]
    assert [said(doc) for doc in nlp.pipe(texts, batch_size=size)] == expected


def test_nothing_of_a_memory_zone_is_missed_behind_it(nlp):
    text = "柔软 的 面料 Zebra9 包邮"
    with nlp.memory_zone():
        inside = read(nlp, text)
        strings = len(nlp.vocab.strings)
    assert len(nlp.vocab.strings) < strings, "the zone frees what is its own"
    assert read(nlp, text) == inside
    doc = nlp(text)
    assert said(type(doc)(nlp.vocab).from_bytes(doc.to_bytes())) == said(doc)


def test_a_memory_zone_leaves_the_strings_as_they_were(nlp):
    texts = make_texts(60)
    list(nlp.pipe(texts[:10]))
    sizes = []
    for start in range(0, 60, 20):
        with nlp.memory_zone():
            for _ in nlp.pipe(texts[start : start + 20]):
                pass
        sizes.append(len(nlp.vocab.strings))
    assert len(set(sizes)) == 1


def test_no_cache_keeps_more_than_its_most(nlp, monkeypatch):
    from spacy_product_tags.pipeline import preprocessor
    from spacy_product_tags.values import index, links

    monkeypatch.setattr(preprocessor, "_CACHED_WORDS", 50)
    monkeypatch.setattr(links, "_CACHED", 50)
    for name in ("_CACHED_TEXTS", "_CACHED_VALUES", "_CACHED_ROWS"):
        monkeypatch.setattr(index, name, 50)
    for text in make_texts(40):
        read(nlp, text)
    assert 0 < len(nlp.get_pipe("product_preprocessor")._tags) <= 50
    links = nlp.get_pipe("product_tag_normalizer")._links
    kept = (links._found, links._names, links.index._only, links.index._used, links.index._rows_of)
    assert all(len(each) <= 50 for each in kept) and kept[0] and kept[1]


def test_a_doc_is_normalized_with_one_table_while_another_is_put_in(monkeypatch):
    from spacy_product_tags.values import links

    first, second = (
        AliasIndex.build([Value(f"{name}/{word}", "color", labels={"zh": word}) for word in ("红色", "蓝色")])
        for name in ("first", "second")
    )
    nlp = spacy.blank("zh")
    normalizer = nlp.add_pipe("product_tag_normalizer")
    normalizer.aliases = first
    find = links.find_candidates

    def find_and_replace(*args, **kwargs):
        # As another thread may, at any moment.
        normalizer.aliases = second
        return find(*args, **kwargs)

    monkeypatch.setattr(links, "find_candidates", find_and_replace)
    doc = nlp.make_doc("x")
    doc._.tags = ["红色", "蓝色"]
    assert [tag.canonical_id for tag in nlp(doc)._.tags] == ["first/红色", "first/蓝色"]
    doc._.tags = ["红色"]
    assert [tag.canonical_id for tag in nlp(doc)._.tags] == ["second/红色"]


_FORKING = """
import multiprocessing, sys
import spacy, torch
torch.set_num_threads(2)
if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    nlp = spacy.load(sys.argv[1])
    texts = [f"耐克男士纯棉 短袖T恤{number}" * 9 for number in range(64)]
    expected = [doc._.tags for doc in nlp.pipe(texts)]
    torch.rand(2000, 2000) @ torch.rand(2000, 2000)  # all of OpenMP's threads have run
    found = [doc._.tags for doc in nlp.pipe(texts, n_process=2, batch_size=16)]
    assert [len(tags) for tags in found] == [len(tags) for tags in expected] and sum(map(len, found))
"""


@pytest.mark.slow
@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="nothing forks here")
def test_forked_processes_do_not_wait_for_threads_of_the_parent(saved, tmp_path):
    script = tmp_path / "forking.py"
    script.write_text(_FORKING, encoding="utf8")
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    run = [sys.executable, "-W", "ignore", str(script), str(saved)]
    done = subprocess.run(run, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
@pytest.mark.parametrize("zone", [False, True])
def test_memory_stays_within_bounds(nlp, zone):
    held, most = {}, 0
    for start in range(0, 100_000, 2000):
        with nlp.memory_zone() if zone else nullcontext():
            texts = (f"{number:x} {text}"[:40] for number, text in enumerate(make_texts(2000), start))
            for _ in nlp.pipe(texts):
                pass
        most = max(most, _resident())
        if start + 2000 in (10_000, 100_000):
            return_freed_memory()
            held[start + 2000] = _resident()
    print(f"{held} MB are in use; at most {most} MB were held")
    assert held[100_000] - held[10_000] < (25 if zone else 60), "what is free was returned: this is in use"
    assert most < 2 * held[100_000]


def _resident():
    """Give the memory in use. RETURNS (int): MB."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) // 1024
