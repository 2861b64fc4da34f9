"""Baseline of `product_tag_classifier` on converted listings (train, dev and test.jsonl in a folder), not run by pytest:

    python tests/baselines/facets.py corpus/converted/jd
    python tests/baselines/facets.py corpus/converted/jd --context
"""
import argparse
from collections import Counter
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

import spacy
from spacy.training import Example

from spacy_product_tags import Listing, Tag
from spacy_product_tags.listing import read_listings
from spacy_product_tags.listings.corpus import to_example
from spacy_product_tags.pipeline.facets import score_facets

SPLITS = ("train", "dev", "test")
# Tags of a facet in a split, from which on its F1 says something.
FREQUENT = 20
# Letters beside a tag that are its context.
WINDOW = 6


def features(listing: Listing, tag: Tag, context: bool) -> List[str]:
    """Give what the model reads of a tag: its n-grams of 1 to 4 letters, as fastText's subwords (Joulin et al. 2017).

    listing (Listing): Where the tag stands.
    tag (Tag): The tag.
    context (bool): Whether n-grams of what stands on its left and on its right, and of the title, are read, too.
    RETURNS (List[str]): The n-grams, by where they are from.
    """
    found = [f"tag {gram}" for gram in _ngrams(f"<{tag.text}>", 4)]
    if context and tag.start is not None:
        text = listing.text
        # From the tag outwards, so that what is next to it is told apart.
        left, right = text[max(tag.start - WINDOW, 0) : tag.start][::-1], text[tag.end : tag.end + WINDOW]
        found += [f"left {left[:size]}" for size in range(1, len(left) + 1)] + [f"near {gram}" for gram in _ngrams(left, 2)]
        found += [f"right {right[:size]}" for size in range(1, len(right) + 1)] + [f"next {gram}" for gram in _ngrams(right, 2)]
        found += [f"title {gram}" for gram in set(_ngrams(text, 2))]
    return found


def _ngrams(text: str, longest: int) -> Iterator[str]:
    for size in range(1, longest + 1):
        for start in range(len(text) - size + 1):
            yield text[start : start + size]


def main() -> None:
    """Fit the model, choose its regularization on dev, and show its scores on dev and test."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import SGDClassifier
    from sklearn.preprocessing import normalize

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--context", action="store_true", help="Read what stands around a tag, too")
    args = parser.parse_args()
    data: Dict[str, List[Tuple[Listing, Tag]]] = {
        split: [(listing, tag) for listing in read_listings(args.folder / f"{split}.jsonl") for tag in listing.tags if tag.facet]
        for split in SPLITS
    }
    vectorizer = CountVectorizer(analyzer=lambda pair: features(*pair, args.context), min_df=1, binary=True)
    x = {split: normalize((vectorizer.fit_transform if split == "train" else vectorizer.transform)(data[split])) for split in SPLITS}
    gold = [tag.facet for _, tag in data["train"]]
    nlp = spacy.blank("zh", config={"nlp": {"tokenizer": {"@tokenizers": "spacy-product-tags.ProductTokenizer.v1", "segmenter": "char"}}})

    def score(model: SGDClassifier, split: str) -> Dict[str, float]:
        guesses = iter(model.predict(x[split]))
        examples = []
        for listing in read_listings(args.folder / f"{split}.jsonl"):
            example: Example = to_example(nlp, listing)
            example.predicted._.tags = [
                Tag(tag.text, next(guesses), start=tag.start, end=tag.end, raw=tag.raw) for tag in listing.tags if tag.facet
            ]
            examples.append(example)
        found = score_facets(examples)
        support = Counter(tag.facet for _, tag in data[split])
        frequent = [scores["f"] for facet, scores in found["facet_per_facet"].items() if support[facet] >= FREQUENT]
        means = {"facet_macro_f": found["facet_macro_f"], "of frequent facets": sum(frequent) / len(frequent)}
        return {name: round(mean, 4) for name, mean in {**means, "facet_micro_f": found["facet_micro_f"]}.items()}

    models = [
        SGDClassifier(loss="log_loss", alpha=alpha, max_iter=50, random_state=0, n_jobs=1).fit(x["train"], gold)
        for alpha in (3e-7, 1e-6, 3e-6, 1e-5, 3e-5)
    ]
    best = max(models, key=lambda model: score(model, "dev")["facet_macro_f"])
    for split in SPLITS[1:]:
        print(split, f"alpha {best.alpha}", score(best, split))


if __name__ == "__main__":
    main()
