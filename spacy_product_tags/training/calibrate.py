"""Calibrate a pipeline's classifier, of categories or of facets, on held-out listings."""
from typing import Dict, List, NamedTuple, Sequence, Tuple

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from ..calibration import ece
from ..pipeline.category_tree import CATEGORY, gold_rows, softmax
from ..pipeline.facets import gold_facets
from ..pipeline.product_classifier import ProductClassifier
from ..pipeline.tag_classifier import TagClassifier
from .corpus import hide_facets


class Report(NamedTuple):
    """What calibration did.

    temperatures (Dict[str, float]): By tree; of a classifier of facets, ``facet``.
    shares (Dict[str, Dict[str, float]]): By tree, how much each part of the classifier counts; their mean is 1. Of
        facets nothing.
    before (float): Expected calibration error of the likeliest leaf, or facet, before.
    after (float): And now.
    probabilities (np.ndarray): Of each listing's likeliest leaf, or each tag's likeliest facet, now, (B,); of listings
        whose category is a known leaf, and tags with a known facet.
    right (np.ndarray): Whether it was the right one, (B,).
    """

    temperatures: Dict[str, float]
    shares: Dict[str, Dict[str, float]]
    before: float
    after: float
    probabilities: np.ndarray
    right: np.ndarray


def calibrate_pipeline(nlp: Language, examples: Sequence[Example], name: str = "product_classifier") -> Report:
    """Fit the temperatures of a pipeline's classifier, and how much each of its parts counts.

    nlp (Language): The pipeline.
    examples (Sequence[Example]): Listings that it was not trained on; a classifier of facets is given their gold tags
        without their facets.
    name (str): The component, a product classifier or a tag classifier.
    RETURNS (Report): What came of it.
    RAISES (ValueError): Where there is no such component, or nothing to fit on.
    """
    component = nlp.get_pipe(name) if name in nlp.pipe_names else None
    if isinstance(component, ProductClassifier):
        return _calibrate_categories(nlp, examples, component, name)
    if isinstance(component, TagClassifier):
        return _calibrate_facets(nlp, examples, component, name)
    raise ValueError(
        f"the pipeline has no product classifier or tag classifier {name!r}; it has {', '.join(nlp.pipe_names)}"
    )


def _calibrate_categories(
    nlp: Language, examples: Sequence[Example], classifier: ProductClassifier, name: str
) -> Report:
    classifier.require_trees()
    # Of what is no leaf nobody can tell whether the leaf is right.
    tree = classifier.trees[CATEGORY]
    rows = gold_rows([example.reference for example in examples], CATEGORY, tree)
    examples = [
        example
        for example, row in zip(examples, rows)
        if tree.column_of(row) >= 0 and not example.predicted.text.isspace() and len(example.predicted)
    ]
    if not examples:
        raise ValueError(f"{name}: no listing has a category that is a leaf; there is nothing to fit on")
    examples = _annotate(nlp, examples, name)
    before = ece(*_judge_categories(classifier, examples))
    temperatures = classifier.calibrate(examples)
    probabilities, right = _judge_categories(classifier, examples)
    return Report(temperatures, classifier.shares, before, ece(probabilities, right), probabilities, right)


def _calibrate_facets(nlp: Language, examples: Sequence[Example], classifier: TagClassifier, name: str) -> Report:
    # The caller's docs keep their tags.
    examples = [Example(example.predicted.copy(), example.reference) for example in examples]
    for example in examples:
        hide_facets(example)
    examples = _annotate(nlp, examples, name)
    if not any(gold_facets(example, classifier.labels, classifier.cfg["other"]).any() for example in examples):
        raise ValueError(f"{name}: no listing has a tag of a facet that it knows; there is nothing to fit on")
    before = ece(*_judge_facets(classifier, examples))
    temperatures = classifier.calibrate(examples)
    probabilities, right = _judge_facets(classifier, examples)
    return Report(temperatures, {}, before, ece(probabilities, right), probabilities, right)


def _annotate(nlp: Language, examples: Sequence[Example], name: str) -> List[Example]:
    """Run what comes before a component. RETURNS (List[Example]): With the predicted docs that came out."""
    docs: List[Doc] = [example.predicted for example in examples]
    for other, component in nlp.pipeline[: nlp.pipe_names.index(name)]:
        # It would put tags of its own where the given ones stand.
        if nlp.get_pipe_meta(other).factory == "product_tag_generator":
            continue
        stream = component.pipe(docs, batch_size=nlp.batch_size) if hasattr(component, "pipe") else map(component, docs)
        docs = list(stream)
    return [Example(doc, example.reference) for doc, example in zip(docs, examples)]


def _judge_categories(classifier: ProductClassifier, examples: Sequence[Example]) -> Tuple[np.ndarray, np.ndarray]:
    """RETURNS (Tuple[np.ndarray, np.ndarray]): Probability of each likeliest leaf, and whether it is right."""
    tree = classifier.trees[CATEGORY]
    logits = classifier.logits([example.predicted for example in examples])[CATEGORY]  # (B, T)
    # Of what is not read, such as a number that is compared with names, nothing is said.
    read = classifier.find_read(logits)  # (B,)
    if not read.any():
        raise ValueError(f"{classifier.name}: no listing's title has anything to read; there is nothing to fit on")
    shares = softmax(logits[read] / classifier.temperatures.get(CATEGORY, 1.0))  # (R, T)
    gold = np.array(gold_rows([example.reference for example in examples], CATEGORY, tree))[read]  # (R,)
    return shares.max(axis=1), np.array(tree.leaves)[shares.argmax(axis=1)] == gold


def _judge_facets(classifier: TagClassifier, examples: Sequence[Example]) -> Tuple[np.ndarray, np.ndarray]:
    """RETURNS (Tuple[np.ndarray, np.ndarray]): Probability of each tag's likeliest facet, and whether it is right."""
    other = classifier.cfg["other"]
    gold = np.concatenate([gold_facets(example, classifier.labels, other) for example in examples])  # (N, F)
    chances = np.concatenate(classifier.predict(example.predicted for example in examples))  # (N, F)
    known = gold.any(axis=1)  # (N,)
    gold, chances = gold[known], chances[known]
    return chances.max(axis=1), gold[np.arange(len(gold)), chances.argmax(axis=1)]
