"""Calibrate a pipeline's classifier, of categories or of facets, on held-out listings."""
from typing import Dict, List, NamedTuple, Sequence, Tuple

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from ..listings.corpus import hide_facets
from ..pipeline.calibration import ece, fit_shares, fit_temperature
from ..pipeline.category.tree import CATEGORY, gold_rows, softmax
from ..pipeline.facets import gold_facets
from ..pipeline.product_classifier import ProductClassifier
from ..pipeline.tag_classifier import TagClassifier


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
    """Fit the temperatures of a pipeline's classifier (Guo et al. 2017), and how much each of its parts counts.

    What is fitted stays with the component. Of an axis that no listing has a value of, it stays as it was.

    nlp (Language): The pipeline.
    examples (Sequence[Example]): Listings that it was not trained on; a classifier of facets is given their gold tags
        without their facets.
    name (str): The component, a product classifier or a tag classifier.
    RETURNS (Report): What came of it.
    RAISES (ValueError): Where there is no such component, or nothing to fit on; the component stays as it is.
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
    # Of what is no leaf nobody can tell whether the leaf is right.
    classifier.require_trees()
    columns = _gold_columns(classifier, examples, CATEGORY)
    examples = [
        example
        for example, column in zip(examples, columns)
        if column >= 0 and len(example.predicted) and not example.predicted.text.isspace()
    ]
    if not examples:
        raise ValueError(f"{name}: no listing has a category that is a leaf; there is nothing to fit on")
    docs = _annotate(nlp, [example.predicted for example in examples], name)
    logits = classifier.logits(docs)
    # Of what is not read, such as a number that is compared with names, nothing is said.
    read = classifier.find_read(logits[CATEGORY])  # (B,)
    if not read.any():
        raise ValueError(f"{name}: no listing's title has anything to read; there is nothing to fit on")
    gold = {tree: _gold_columns(classifier, examples, tree) for tree in classifier.trees}

    def judge(logits: Dict[str, np.ndarray]) -> Tuple[np.ndarray, np.ndarray]:
        shares = softmax(logits[CATEGORY][read] / classifier.temperatures.get(CATEGORY, 1.0))  # (R, T)
        return shares.max(axis=1), shares.argmax(axis=1) == gold[CATEGORY][read]

    before = ece(*judge(logits))
    _fit_parts(classifier, docs, gold)
    logits = classifier.logits(docs)
    for tree, scores in logits.items():
        rows = (gold[tree] >= 0) & ~np.isnan(scores).any(axis=1)  # (B,)
        if rows.any():
            classifier.temperatures[tree] = fit_temperature(scores[rows], gold[tree][rows])
    probabilities, right = judge(logits)
    temperatures = dict(classifier.temperatures)
    return Report(temperatures, classifier.shares, before, ece(probabilities, right), probabilities, right)


def _gold_columns(classifier: ProductClassifier, examples: Sequence[Example], name: str) -> np.ndarray:
    """RETURNS (np.ndarray): Of each listing the column of its leaf in a tree, (B,); -1 = it has none."""
    tree = classifier.trees[name]
    rows = gold_rows([example.reference for example in examples], name, tree)
    return np.array([tree.column_of(row) for row in rows], dtype=np.int64)


def _fit_parts(classifier: ProductClassifier, docs: Sequence[Doc], gold: Dict[str, np.ndarray]) -> None:
    """Fit how much each part of the classifier counts, by what each says alone."""
    usual = classifier.shares
    alone = []
    try:
        for part in usual[CATEGORY]:
            classifier.shares = {tree: {other: float(other == part) for other in own} for tree, own in usual.items()}
            alone.append(classifier.logits(docs))
    finally:
        classifier.shares = usual
    fitted = {}
    for name, own in usual.items():
        # Ten thousand categories take some memory: one tree's scores at a time.
        parts = [logits.pop(name) for logits in alone]  # (B, T) each
        # A part that reads nothing of a text, such as names of a number, gives NaN.
        rows = (gold[name] >= 0) & ~np.any([np.isnan(part).any(axis=1) for part in parts], axis=0)  # (B,)
        found = fit_shares([part[rows] for part in parts], gold[name][rows]) if rows.any() else own.values()
        fitted[name] = dict(zip(own, found))
    classifier.shares = fitted


def _calibrate_facets(nlp: Language, examples: Sequence[Example], classifier: TagClassifier, name: str) -> Report:
    classifier.require_labels()
    # The caller's docs keep their tags.
    examples = [Example(example.predicted.copy(), example.reference) for example in examples]
    for example in examples:
        hide_facets(example)
    docs = _annotate(nlp, [example.predicted for example in examples], name)
    rows = [
        gold_facets(Example(doc, example.reference), classifier.labels, classifier.cfg["other"])
        for doc, example in zip(docs, examples)
    ]
    gold = np.concatenate([np.zeros((0, len(classifier.labels)), dtype=bool), *rows])  # (N, F)
    known = gold.any(axis=1)  # (N,)
    if not known.any():
        raise ValueError(f"{name}: no listing has a tag of a facet that it knows; there is nothing to fit on")
    logits, gold = np.concatenate(classifier.logits(docs))[known], gold[known]  # (K, F) each
    best = logits.argmax(axis=1)  # (K,)
    right = gold[np.arange(len(gold)), best]  # (K,)
    before = ece(classifier.to_chances(logits).max(axis=1), right)
    classifier.cfg["temperature"] = fit_temperature(logits, gold)
    probabilities = classifier.to_chances(logits).max(axis=1)  # (K,)
    temperatures = {"facet": classifier.cfg["temperature"]}
    return Report(temperatures, {}, before, ece(probabilities, right), probabilities, right)


def _annotate(nlp: Language, docs: Sequence[Doc], name: str) -> List[Doc]:
    """Run what comes before a component. RETURNS (List[Doc]): What came out."""
    for earlier, component in nlp.pipeline[: nlp.pipe_names.index(name)]:
        # It would put tags of its own where the given ones stand.
        if nlp.get_pipe_meta(earlier).factory == "product_tag_generator":
            continue
        stream = component.pipe(docs, batch_size=nlp.batch_size) if hasattr(component, "pipe") else map(component, docs)
        docs = list(stream)
    return list(docs)
