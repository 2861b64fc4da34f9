"""`tag_listings` and what resuming needs."""
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st

import spacy_product_tags
from spacy_product_tags import Listing, ListingError, Tag, tag_listings
from spacy_product_tags.batch import read_records, skip_written, to_line

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
        # The worker dies before it reads the pipeline, which is more than fits in the pipe.
        ("os._exit(3)", "pass", "ChildProcessError 0 a worker process died (exit code 3)"),
        ("pass", "os.kill(os.getpid(), 9)", "ChildProcessError 0 a worker process died (exit code -9)"),
        ("pass", "raise KeyError('bad component')", "RuntimeError 0 a worker process failed"),
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
        '{"title": "b"}',
    ]
    records = list(read_records(lines, "in.jsonl", max_length=20))
    assert [record.title for record in records if isinstance(record, Listing)] == ["a", "b"]
    errors = [record for record in records if isinstance(record, ListingError)]
    assert [(error.line, error.field) for error in errors] == [
        (3, "line"), (4, "title"), (5, "line"), (6, "line"), (7, "line"), (8, "tags[0].start"), (9, "title")
    ]  # fmt: skip
    assert all(error.path == "in.jsonl" for error in errors)


def test_read_plain_titles():
    lines = ["\ufeff耐克 T恤 \r\n", " \n", '{"title": "not JSON here"}\n']
    records = list(read_records(lines, "in.txt", plain=True))
    assert records == [Listing(title="耐克 T恤"), Listing(title='{"title": "not JSON here"}')]


@settings(deadline=None, max_examples=200)
@given(records=RECORDS, seed=st.integers(0, 2**32))
def test_resuming_after_any_cut_gives_the_whole(records, seed):
    whole = b"".join(map(to_line, records))
    cut = random.Random(seed).randint(0, len(whole))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "out.jsonl"
        path.write_bytes(whole[:cut])
        rest = iter(records)
        bad = skip_written(rest, path)
        assert bad == [record for record in records[: whole[:cut].count(b"\n")] if isinstance(record, ListingError)]
        with path.open("ab") as file:
            file.writelines(map(to_line, rest))
        assert path.read_bytes() == whole


def test_first_run_has_nothing_to_skip(tmp_path):
    records = iter([Listing(title="a")])
    assert skip_written(records, tmp_path / "new.jsonl") == []
    assert next(records).title == "a"


@pytest.mark.parametrize(
    "content",
    [
        b'{"title": "other"}\n',
        b'{"title": "a"}\n{"title": "b"}\n{"title": "c"}\n',
        b'{"error": "in:1: x", "line": 1}\n',
        b"my notes\n",
        b"my notes",
        b"[1]\n",
    ],
)
def test_other_files_are_left_alone(tmp_path, content):
    path = tmp_path / "out.jsonl"
    path.write_bytes(content)
    with pytest.raises(ListingError, match="--no-resume"):
        skip_written(iter([Listing(title="a"), Listing(title="b")]), path)
    assert path.read_bytes() == content
