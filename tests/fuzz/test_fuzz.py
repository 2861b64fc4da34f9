"""Any text through the whole pipeline: no crash, no character cut, the same tags in batches of any size and in threads.

    pytest -s -m slow tests/fuzz                   # 100,000 texts, about an hour of one core
    FUZZ_TEXTS=5000 FUZZ_SEED=7 pytest -m slow tests/fuzz

What fails is added to ``failures/found.jsonl`` beside this file; commit it with the mend: the fast suite tries its texts.
"""
import os
import time
from pathlib import Path

import pytest
from fuzzing import read_failures, try_texts, write_failures
from hypothesis import HealthCheck, given, settings
from strategies import clusters, random_texts, texts
from whole_pipeline import make_whole

FAILURES = Path(__file__).parent / "failures"
TEXTS = int(os.environ.get("FUZZ_TEXTS", "100000"))
SEED = int(os.environ.get("FUZZ_SEED", "15"))
_AT_ONCE = 512
_ALONE = 8 * _AT_ONCE
_MOST_FAILURES = 200


@pytest.fixture(scope="module")
def nlp(tiny_bert, tmp_path_factory):
    return make_whole(tiny_bert, tmp_path_factory.mktemp("whole"))


def test_the_pipeline_finds_much_to_check(nlp):
    docs = list(nlp.pipe(random_texts(200, seed=SEED)))
    tags = [tag for doc in docs for tag in doc._.tags]
    assert len(tags) > 3 * len(docs)
    assert sum(tag.canonical_id != "" for tag in tags) > 10 and len({tag.facet for tag in tags}) > 5
    assert any(tag.raw for tag in tags) and any(doc._.category for doc in docs)


def test_what_failed_once_is_mended(nlp):
    kept = read_failures(FAILURES)
    assert len(kept) > 10
    assert try_texts(nlp, kept, batches=(128, 1), threads=(4,)) == []


def test_some_texts(nlp):
    assert try_texts(nlp, list(random_texts(48, seed=SEED + 1, surrogates=True)), threads=(4,)) == []


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(texts(surrogates=True) | clusters())
def test_texts_that_hypothesis_draws(nlp, text):
    assert try_texts(nlp, [text], batches=(1,), threads=()) == []


@pytest.mark.slow
def test_a_hundred_thousand_texts(nlp):
    drawn = list(random_texts(TEXTS, seed=SEED, surrogates=True))
    failures, started = [], time.monotonic()
    for first in range(0, len(drawn), _AT_ONCE):
        # What threads make are single calls, too; one thread alone makes them for a part.
        threads = (1, 4) if first % _ALONE == 0 else (4,)
        failures += try_texts(nlp, drawn[first : first + _AT_ONCE], first=first, threads=threads)
        if first // _AT_ONCE % 10 == 0:
            print(f"{first + _AT_ONCE} texts, {len(failures)} failures, {time.monotonic() - started:.0f} s", flush=True)
        if len(failures) > _MOST_FAILURES:
            break
    write_failures(FAILURES / "found.jsonl", failures[:_MOST_FAILURES])
    assert failures == []
