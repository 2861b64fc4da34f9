"""Run many texts through a pipeline in batches of several sizes and in threads, check what comes out, compare it."""
import json
import traceback
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Sequence

import regex
from spacy.language import Language
from spacy.tokens import Doc

from spacy_product_tags.graphemes import clean, cluster_starts, fit_span
from spacy_product_tags.listing import Listing

# Ways to run a pipeline: batch sizes, and single calls in so many threads (1 = none but the caller's).
BATCHES = (128, 16, 1)
THREADS = (1, 4)
# Scores of the same text in other batches may differ in the last digits; tags may not.
_SCORES = 1e-3


class Failure(NamedTuple):
    """What went wrong with a text.

    text (str): The text.
    seller (Sequence[str]): The seller tags that came with it.
    way (str): How the pipeline was run.
    problem (str): What was found.
    """

    text: str
    seller: Sequence[str]
    way: str
    problem: str


def seller_tags(text: str, number: int) -> List[str]:
    """Give some texts tags that a seller may have typed. RETURNS (List[str]): None for two of three texts."""
    if number % 3:
        return []
    return [tag for tag in ("红\u200b色 ", text[:4], text[number % 7 : number % 7 + 9], "24H", "❤") if clean(tag)]


def try_texts(
    nlp: Language, texts: Sequence[str], *, first: int = 0, batches: Iterable[int] = BATCHES, threads: Iterable[int] = THREADS
) -> List[Failure]:
    """Run texts in every way and check them.

    nlp (Language): The pipeline.
    texts (Sequence[str]): The texts.
    first (int): The number of the first text, which its seller tags depend on.
    batches (Iterable[int]): Batch sizes.
    threads (Iterable[int]): Numbers of threads that make single calls.
    RETURNS (List[Failure]): What went wrong.
    """
    inputs = [(text, seller_tags(text, number)) for number, text in enumerate(texts, first)]
    runs: Dict[str, List[Any]] = {}
    failures: List[Failure] = []
    for size in batches:
        runs[f"batches of {size}"] = _in_batches(nlp, inputs, size)
    for count in threads:
        if count == 1:
            runs["single calls"] = [_run(nlp, one) for one in inputs]
        else:
            with ThreadPoolExecutor(count) as pool:
                runs[f"{count} threads"] = list(pool.map(partial(_run, nlp), inputs))
    reference = None
    for way, outcomes in runs.items():
        for number, outcome in enumerate(outcomes):
            text, seller = inputs[number]
            if isinstance(outcome, str):
                problem = outcome
            elif reference is None or isinstance(runs[reference][number], str):
                problem = "; ".join(check_doc(outcome, text, seller))
            else:
                problem = _differs(runs[reference][number], outcome)
                problem = problem and f"other tags than in {reference}: {problem}"
            if problem:
                failures.append(Failure(text, seller, way, problem))
        reference = reference or way
    return failures


def _make(nlp: Language, given: Any) -> Doc:
    text, seller = given
    doc = nlp.make_doc(text)
    if seller:
        doc._.tags = seller
    return doc


def _run(nlp: Language, given: Any) -> Any:
    try:
        return nlp(_make(nlp, given))
    except Exception:  # Whatever it is, it's the finding.
        return traceback.format_exc(limit=-3)


def _in_batches(nlp: Language, inputs: Sequence[Any], size: int) -> List[Any]:
    try:
        return list(nlp.pipe([_make(nlp, given) for given in inputs], batch_size=size))
    except Exception:
        # One by one, to tell whose fault it is; where none fails alone, all are suspect.
        alone = [_run(nlp, given) for given in inputs]
        problem = traceback.format_exc(limit=-3)
        return alone if any(isinstance(outcome, str) for outcome in alone) else [problem for _ in alone]


def check_doc(doc: Doc, text: str, seller: Sequence[str]) -> Iterator[str]:
    """Check a tagged doc. YIELDS (str): What is wrong."""
    if len(doc.text) != len(text):
        yield f"the doc has {len(doc.text)} characters, the text {len(text)}"
    text = doc.text
    breaks = {match.start() for match in regex.finditer(r"\X", text)} | {len(text)}
    if not breaks.issuperset([token.idx for token in doc] + [token.idx + len(token) for token in doc]):
        yield "a token cuts a character"
    starts = cluster_starts(text)
    for tag in doc._.tags:
        if not clean(tag.text) or not 0 <= tag.score <= 1:
            yield f"{tag}: no text, or no score"
        if tag.start is None:
            continue
        if not 0 <= tag.start < tag.end <= len(text) or not {tag.start, tag.end} <= breaks:
            yield f"{tag}: cuts a character"
        elif text[tag.start : tag.end] != (tag.raw or tag.text):
            yield f"{tag}: neither text nor raw stands there"
        elif fit_span(text, tag.start, tag.end, starts) != (tag.start, tag.end):
            yield f"{tag}: has a blank or decoration at its ends"
        elif not tag.raw and tag.text != clean(tag.text):
            yield f"{tag}: shows what nobody sees"
    spans = [tag for tag in doc._.tags if tag.source == "span"]
    if len({(tag.start, tag.end, tag.facet, tag.canonical_id) for tag in spans}) < len(spans):
        yield "a tag is there twice"
    if seller and not any(tag.source == "seller" for tag in doc._.tags) and not spans:
        yield "the seller's tags are lost"
    listing = Listing(title=text, tags=doc._.tags)
    if Listing.from_dict(json.loads(json.dumps(listing.to_dict()))) != listing:
        yield "the listing reads back as another"
    if Doc(doc.vocab).from_bytes(doc.to_bytes())._.tags != doc._.tags:
        yield "the doc reads back with other tags"


def _differs(one: Doc, other: Doc) -> str:
    first, second = ([_named(tag) for tag in doc._.tags] for doc in (one, other))
    if first != second:
        return f"{[tag for tag in first if tag not in second]} and {[tag for tag in second if tag not in first]}"
    if any(abs(a.score - b.score) > _SCORES for a, b in zip(one._.tags, other._.tags)):
        return "the scores differ"
    if one._.category != other._.category:
        return f"{one._.category} and {other._.category}"
    return "" if [token.text for token in one] == [token.text for token in other] else "the tokens differ"


def _named(tag: Any) -> Any:
    return tag.text, tag.facet, tag.start, tag.end, tag.source, tag.canonical_id, tag.raw


def write_failures(path: Path, failures: Iterable[Failure]) -> None:
    """Add failures to a JSONL file, whose texts the fast suite tries again."""
    with path.open("a", encoding="utf8") as file:
        for failure in failures:
            file.write(json.dumps(failure._asdict()) + "\n")


def read_failures(folder: Path) -> List[str]:
    """Read the texts that failed once. RETURNS (List[str]): Each once."""
    lines = [line for path in sorted(folder.glob("*.jsonl")) for line in path.read_text(encoding="utf8").splitlines()]
    return list(dict.fromkeys(json.loads(line)["text"] for line in lines))
