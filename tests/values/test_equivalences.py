"""GAIIC 2022 track 1's official classes of equal values: told apart before they are known, and one value afterwards."""
import gzip
import json
from itertools import combinations
from pathlib import Path

import pytest

from spacy_product_tags.values.index import AliasIndex
from spacy_product_tags.values.linking import link
from spacy_product_tags.values.table import Value

PATH = Path(__file__).parents[3] / "shared" / "datasets" / "zh_attr_gaiic2022_track1" / "attribute_values.jsonl.gz"


@pytest.fixture(scope="module")
def rows():
    if not PATH.exists():
        pytest.skip(f"{PATH} is not here")
    with gzip.open(PATH, "rt", encoding="utf8") as file:
        return [json.loads(line) for line in file]


def accuracy(index, rows):
    """Share of the pairs within an attribute that are rightly said to be the same or not. RETURNS (Tuple): Both kinds."""
    right = {True: [], False: []}
    for row in rows:
        values = [(text, number) for number, group in enumerate(row["values"]) for text in group]
        means = {}
        for text, _ in values:
            candidate, probability = link(index, text, row["attribute"])
            means[text] = candidate.id if candidate is not None and probability >= 0.8 else text
        for (one, a), (other, b) in combinations(values, 2):
            right[a == b].append((means[one] == means[other]) == (a == b))
    return tuple(sum(right[same]) / len(right[same]) for same in (True, False))


def test_pairs_before_and_after_the_classes_are_aliases(rows):
    single = [Value(f"{row['attribute']}/{text}", row["attribute"], {"zh": text}) for row in rows for group in row["values"] for text in group]
    same, different = accuracy(AliasIndex.build(single), rows)
    assert (same, different) == (0.0, 1.0), "nobody has said that 五分袖 counts as 短袖"
    classes = [Value(f"{row['attribute']}/{group[0]}", row["attribute"], {"zh": group[0]}, tuple(group[1:])) for row in rows for group in row["values"]]
    assert accuracy(AliasIndex.build(classes), rows) == (1.0, 1.0)


def test_one_value_of_each_class_alone_is_not_taken_for_its_neighbours(rows):
    # The others of each class are not in the table: near in writing (高领, 半高领), and they must mean none of these.
    classes = [Value(f"{row['attribute']}/{group[0]}", row["attribute"], {"zh": group[0]}) for row in rows for group in row["values"]]
    index = AliasIndex.build(classes)
    wrong = []
    for row in rows:
        for group in row["values"]:
            for text in group[1:]:
                candidate, probability = link(index, text, row["attribute"])
                if candidate is not None and probability >= 0.8 and candidate.alias != group[0]:
                    wrong.append((text, candidate.alias))
    assert not wrong
