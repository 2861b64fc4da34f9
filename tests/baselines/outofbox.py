"""Score a pipeline on real titles of whose annotation it has seen nothing, facets mapped by outofbox.toml; not run by pytest:

    python tests/baselines/outofbox.py training/whole/model-best jd corpus/converted/jd/dev.jsonl corpus/converted/jd/test.jsonl
    python tests/baselines/outofbox.py training/whole/model-best oamine corpus/converted/oamine/test.jsonl

Right is a tag whose start, end and group are. Tags of the text count as they stand there, before values are merged.
"""
import argparse
import tomllib
from pathlib import Path
from typing import Dict, Iterable, Set, Tuple

import spacy

from spacy_product_tags.listing import read_listings
from spacy_product_tags.pipeline.scorers import tag_spans

CORE = ("brand", "product", "color", "measure")
Spans = Set[Tuple[int, int, str]]


def read_mapping(name: str) -> Tuple[Dict[str, str], Dict[str, str]]:
    """Read the mapping of a data set. RETURNS (Tuple): The group of each of its labels, and of each of our facets."""
    data = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf8"))
    ours = {facet: group for group, facets in data["groups"].items() for facet in facets}
    return data[name], ours


def group_spans(spans: Iterable[Tuple[int, int, str]], groups: Dict[str, str]) -> Spans:
    """Put groups in the place of labels; what has none is left out. RETURNS (Spans): Start, end and group."""
    # JD's labels begin with whether the tag is of the thing, of an accessory or of something else.
    named = ((start, end, groups.get(label) or groups.get(label.rpartition("-")[2])) for start, end, label in spans)
    return {(start, end, group) for start, end, group in named if group}


def score(gold: Iterable[Spans], found: Iterable[Spans]) -> str:
    """Give precision, recall and F1. RETURNS (str): In words."""
    pairs = list(zip(gold, found))
    right, said, wanted = (sum(map(len, column)) for column in zip(*((g & p, p, g) for g, p in pairs)))
    precision, recall = right / max(said, 1), right / max(wanted, 1)
    f1 = 2 * precision * recall / max(precision + recall, 1e-9)
    return f"P {precision:.3f} R {recall:.3f} F {f1:.3f} ({wanted} gold)"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("data", choices=["jd", "oamine"])
    parser.add_argument("files", nargs="+")
    args = parser.parse_args()
    theirs, ours = read_mapping(args.data)
    nlp = spacy.load(args.model)
    for file in args.files:
        listings = list(read_listings(file))
        gold = [group_spans({(*tag.span, tag.facet) for tag in x.tags if tag.start is not None}, theirs) for x in listings]
        docs = nlp.pipe([listing.text for listing in listings], batch_size=64)
        found = [group_spans(tag_spans(doc), ours) for doc in docs]
        core = [[{span for span in spans if span[2] in CORE} for spans in side] for side in (gold, found)]
        bare = [[{(start, end, "") for start, end, _ in spans} for spans in side] for side in (gold, found)]
        print(file)
        for name, sides in (("all mapped", (gold, found)), (", ".join(CORE), core), ("spans alone", bare)):
            print(f"  {name}: {score(*sides)}")
