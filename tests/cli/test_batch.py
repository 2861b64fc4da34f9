"""`tag_listings` and what resuming needs."""
import itertools
import json
import random
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st

import spacy_product_tags
from spacy_product_tags import Listing, ListingError, Tag, tag_listings
from spacy_product_tags.batch import read_records, to_line
from spacy_product_tags.runs import Run, digest_pipeline

TITLES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)
RECORDS = st.lists(
    st.one_of(
        st.builds(Listing, title=TITLES, id=TITLES),
        st.builds(ListingError, st.just("in.jsonl"), st.integers(1, 99), st.just("title"), TITLES),
    ),
    max_size=6,
)


def test_is_public():
    assert "tag_listings" in spacy_product_tags.__all__


def test_tags_replace_gold_and_keep_seller_tags(pipeline, gold):
    nlp = spacy.load(pipeline)
    wrong = Listing(
        title=gold[0].title, tags=(Tag("2024", "color", 1.0, 2, 6),), seller_tags=("全棉", " ", "\u200b"), id="7", category=("a",)
    )
    (tagged,) = tag_listings(nlp, [wrong])
    assert [(tag.text, tag.facet, tag.source) for tag in tagged.tags] == [
        *((tag.text, tag.facet, "span") for tag in gold[0].tags),
        ("全棉", "", "seller"),
    ]
    assert (tagged.seller_tags, tagged.id, tagged.category) == (wrong.seller_tags, "7", ("a",))
    # What we write we can read, and tagging it again changes nothing.
    assert Listing.from_dict(tagged.to_dict()).tags[0].text == "耐克"
    assert list(tag_listings(nlp, [tagged])) == [tagged]


def test_offsets_count_the_description(pipeline, gold):
    nlp = spacy.load(pipeline)
    listing = Listing(title="T恤", description=gold[0].title)
    (tagged,) = tag_listings(nlp, [listing])
    assert any(tag.start is not None and tag.start > 2 for tag in tagged.tags)
    for tag in tagged.tags:
        assert listing.text[tag.start : tag.end] == tag.text


@settings(deadline=None, max_examples=50)
@given(records=RECORDS, batch_size=st.integers(1, 4))
def test_everything_comes_out_in_its_place(records, batch_size):
    nlp = spacy.blank("en")
    assert list(tag_listings(nlp, iter(records), batch_size=batch_size)) == records


def test_is_lazy():
    read = []
    listings = (read.append(number) or Listing(title=str(number)) for number in range(100))
    next(tag_listings(spacy.blank("en"), listings, batch_size=4))
    assert len(read) <= 8


@pytest.mark.parametrize("setting", [{"batch_size": 0}, {"n_process": 0}, {"n_process": -2}])
def test_bad_settings(setting):
    with pytest.raises(ValueError, match=next(iter(setting))):
        list(tag_listings(spacy.blank("en"), [Listing(title="x")], **setting))


DYING = """
import os
import spacy
from spacy.language import Language
from spacy_product_tags import Listing, tag_listings

@Language.component("fragile")
def fragile(doc):
    if doc.text.startswith("poison"):
        {act}
    return doc

if __name__ != "__main__":
    {start}
else:
    nlp = spacy.blank("en")
    nlp.meta["notes"] = "x" * 10**6
    nlp.add_pipe("fragile")
    # Far more than fits in a pipe between processes.
    listings = [Listing(title=("poison " if n == 5 else f"n{{n}} ") + "x" * 5000) for n in range(400)]
    done = []
    try:
        for listing in tag_listings(nlp, iter(listings), batch_size=10, n_process=2):
            done.append(listing)
    except Exception as err:
        print(type(err).__name__, len(done), err)
    else:
        print("tagged", len(done), done == listings)
"""


@pytest.mark.parametrize(
    ("start", "act", "expected"),
    [
        ("pass", "pass", "tagged 400 True"),
        ("pass", "raise KeyError('bad text')", "tagged 400 False"),
        # The worker dies before it reads the pipeline, which is more than fits in the pipe.
        ("os._exit(3)", "pass", "ChildProcessError 0 a worker process died (exit code 3)"),
        ("pass", "os.kill(os.getpid(), 9)", "ChildProcessError 0 a worker process died (exit code -9)"),
        # A fault of the pipeline, not of a text.
        ("pass", "pass\n    raise KeyError('bad component')", "RuntimeError 0 a worker process failed"),
    ],
)
def test_processes_never_hang(tmp_path, start, act, expected):
    script = tmp_path / "dying.py"
    script.write_text(DYING.format(start=start, act=act), encoding="utf8")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(expected), done.stdout + done.stderr


def test_read_records_names_what_is_bad():
    lines = [
        "\ufeff" + '{"title": "a"}\n',
        "\n",
        "{broken\n",
        '{"title": 3}\n',
        '{"title": "\\ud800"}\n',
        '{"title": "b\udcff"}\n',
        "[" * 100_000 + "\n",
        '{"title": "b", "tags": [{"text": "c", "start": 0, "end": 1}]}\n',
        '{"title": "' + "x" * 21 + '"}\n',
        "{\0\"\0t\0",
        '{"title": "b"}',
    ]
    records = list(read_records(lines, "in.jsonl", max_length=20))
    assert [record.title for record in records if isinstance(record, Listing)] == ["a", "\ufffd", "b"]
    errors = [record for record in records if isinstance(record, ListingError)]
    assert [(error.line, error.field) for error in errors] == [
        (3, "line"), (4, "title"), (6, "line"), (7, "line"), (8, "tags[0].start"), (9, "title"), (10, "line")
    ]  # fmt: skip
    assert all(error.path == "in.jsonl" for error in errors)


def test_read_plain_titles():
    lines = ["\ufeff耐克 T恤 \r\n", " \n", '{"title": "not JSON here"}\n']
    records = list(read_records(lines, "in.txt", plain=True))
    assert records == [Listing(title="耐克 T恤"), Listing(title='{"title": "not JSON here"}')]


def write_records(run, rest, rng, saves=True):
    """Write records as `product-tags tag` does; now and then the record of the run is saved."""
    with run.output.open("ab") as file:
        for record in rest:
            run.write(file, to_line(record))
            if saves and rng.random() < 0.4:
                file.flush()
                run.save()


MADE_WITH = {"pipeline": {"config.cfg": "0" * 32, "tagger": "1" * 32}, "settings": {"max_tags": 250}}


@settings(deadline=None, max_examples=200)
@given(records=RECORDS, seed=st.integers(0, 2**32))
def test_resuming_after_any_cut_gives_the_whole(records, seed):
    whole, rng = b"".join(map(to_line, records)), random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder) / "out.jsonl", MADE_WITH)
        write_records(run, run.start(iter(records)), rng)
        left = whole[: rng.randint(0, len(whole))]
        run.output.write_bytes(left)
        again = Run(run.output, MADE_WITH)
        rest = again.resume(iter(records))
        there = records[: left.count(b"\n")]
        assert (again.before, again.bad) == (len(there), sum(isinstance(record, ListingError) for record in there))
        # Killed again, before anything was saved.
        write_records(again, itertools.islice(rest, rng.randint(0, 3)), rng, saves=False)
        last = Run(run.output, MADE_WITH)
        write_records(last, last.resume(iter(records)), rng)
        last.save(complete=True)
        assert run.output.read_bytes() == whole
        assert json.loads(run.path.read_text(encoding="utf8"))["complete"] and last.count == len(records)


def test_first_run_has_nothing_to_skip(tmp_path):
    run = Run(tmp_path / "new.jsonl", MADE_WITH)
    assert [record.title for record in run.resume(iter([Listing(title="a")]))] == ["a"]
    assert (run.count, run.before, run.bad) == (0, 0, 0)


def test_an_empty_output_is_a_new_one_whatever_stands_beside_it(tmp_path):
    """A run that begins anew and is killed at once leaves an empty output and the old record."""
    old = Run(tmp_path / "out.jsonl", MADE_WITH)
    write_records(old, old.start(iter([Listing(title="a")])), random.Random(0))
    old.save(complete=True)
    old.output.write_bytes(b"")
    new = Run(old.output, {"pipeline": {"config.cfg": "2" * 32}})
    assert list(new.resume(iter([Listing(title="b")]))) == [Listing(title="b")]


@pytest.mark.parametrize("content", [b"my notes\n", b"my notes", b'{"title": "a"}\n', b"[1]\n"])
def test_an_output_that_nothing_is_known_of_is_left_alone(tmp_path, content):
    path = tmp_path / "out.jsonl"
    path.write_bytes(content)
    with pytest.raises(ListingError, match=r"out.jsonl: --output: out.jsonl.run.json is not there.*--no-resume"):
        Run(path, MADE_WITH).resume(iter([Listing(title="a"), Listing(title="b")]))
    assert path.read_bytes() == content
    (tmp_path / "out.jsonl.run.json").write_text('{"count": 1', encoding="utf8")
    with pytest.raises(ListingError, match="out.jsonl.run.json is damaged"):
        Run(path, MADE_WITH).resume(iter([Listing(title="a")]))


INPUT = [
    Listing(title=f"title {number}", id=str(number), description=f"text {number}", category=("a",), seller_tags=("红",))
    for number in range(8)
]
INPUT[5] = ListingError("in.jsonl", 6, "title", "missing")


def changed(place, **fields):
    return [replace(record, **fields) if number == place else record for number, record in enumerate(INPUT)]


@pytest.mark.parametrize(
    "other, problem",
    {
        "an early line": (changed(0, title="new"), r"out.jsonl:1: title: is 'title 0', and 'new' in the input"),
        "the last line": (changed(7, title="new"), "out.jsonl:8: title"),
        "a block reversed": ([*INPUT[:1], *INPUT[4:0:-1], *INPUT[5:]], "out.jsonl:2: title"),
        "a block of equal titles reversed": (
            [replace(record, title="same") if isinstance(record, Listing) else record for record in INPUT[::-1]],
            "out.jsonl:1",
        ),
        "another id": (changed(3, id="33"), "out.jsonl:4: id: is '3', and '33'"),
        "another description": (changed(2, description="new"), "out.jsonl:3: description"),
        "no description": (changed(2, description=""), "out.jsonl:3: description: is 'text 2', and None"),
        "another language": (changed(4, lang="de"), "out.jsonl:5: lang"),
        "other seller tags": (changed(1, seller_tags=("红", "蓝")), "out.jsonl:2: seller_tags"),
        "another category": (changed(1, category=("b",)), "something in the first 6 listings is not as it was"),
        "gold tags": (changed(0, tags=(Tag("title", start=0, end=5),)), "something in the first 6 listings"),
        "a line left out": (INPUT[:3] + INPUT[4:], "out.jsonl:4: title"),
        "a line more in front": ([Listing(title="new"), *INPUT], "out.jsonl:1: title"),
        "a shorter input": (INPUT[:7], "out.jsonl:8: line: the input ends after 7 listings"),
        "a bad line that is good": ([*INPUT[:5], Listing(title="good"), *INPUT[6:]], "something in the first 6 listings"),
        "a good line that is bad": ([ListingError("x", 1, "title", "missing"), *INPUT[1:]], "is not of the input's line 1"),
        "another bad line": ([*INPUT[:5], ListingError("x", 7, "title", "missing"), *INPUT[6:]], "line 7"),
    }.values(),
)
def test_another_input_is_refused(tmp_path, other, problem):
    run = Run(tmp_path / "out.jsonl", MADE_WITH)
    with run.output.open("ab") as file:
        for number, record in enumerate(run.start(iter(INPUT)), 1):
            run.write(file, to_line(record))
            if number == 6:
                # What comes then is known by its line alone, as after a kill.
                file.flush()
                run.save()
    before = run.output.read_bytes(), run.path.read_bytes()
    with pytest.raises(ListingError, match=problem) as refused:
        Run(run.output, MADE_WITH).resume(iter(other))
    assert "--no-resume" in str(refused.value)
    assert (run.output.read_bytes(), run.path.read_bytes()) == before
    # The same with more behind it is what was begun.
    assert list(Run(run.output, MADE_WITH).resume(iter([*INPUT, Listing(title="more")]))) == [Listing(title="more")]


@pytest.mark.parametrize(
    "made_with, problem",
    [
        ({**MADE_WITH, "pipeline": {"config.cfg": "0" * 32, "tagger": "2" * 32}}, "pipeline: tagger;"),
        ({**MADE_WITH, "pipeline": {"config.cfg": "3" * 32, "tagger": "1" * 32}}, "pipeline: config.cfg;"),
        ({**MADE_WITH, "pipeline": {**MADE_WITH["pipeline"], "more": "1" * 32}}, "pipeline: more;"),
        ({**MADE_WITH, "settings": {"max_tags": 10}}, r"settings: max_tags \(250 then, 10 now\)"),
        ({**MADE_WITH, "settings": {}}, r"settings: max_tags \(250 then, None now\)"),
    ],
)
def test_another_pipeline_and_other_settings_are_refused(tmp_path, made_with, problem):
    run = Run(tmp_path / "out.jsonl", MADE_WITH)
    write_records(run, run.start(iter(INPUT[:3])), random.Random(0))
    with pytest.raises(ListingError, match=problem):
        Run(run.output, made_with).resume(iter(INPUT))


def test_the_digest_of_a_pipeline(tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.to_disk(tmp_path / "a")
    nlp.meta["description"] = "says nothing of what it does"
    nlp.to_disk(tmp_path / "b")
    nlp.get_pipe("sentencizer").punct_chars.add("~")
    nlp.to_disk(tmp_path / "c")
    a, b, c = (digest_pipeline(spacy.load(tmp_path / name)) for name in "abc")
    assert a == b and set(a) == {"config.cfg", "sentencizer", "tokenizer", "vocab"}
    assert {name for name in a if a[name] != c[name]} == {"sentencizer"}
    # In memory.
    same, other = spacy.blank("en"), spacy.blank("en")
    for made in (same, other):
        made.add_pipe("sentencizer")
    assert digest_pipeline(same) == digest_pipeline(other)
    other.get_pipe("sentencizer").punct_chars.add("~")
    assert {name for name, value in digest_pipeline(same).items() if digest_pipeline(other)[name] != value} == {"sentencizer"}
