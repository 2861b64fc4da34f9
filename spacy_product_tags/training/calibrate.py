"""Calibrate the classifier of a pipeline on held-out listings."""
from typing import Dict, List, NamedTuple, Sequence, Tuple

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from ..calibration import ece
from ..pipeline.category_tree import CATEGORY, gold_rows, softmax
from ..pipeline.product_classifier import ProductClassifier


class Report(NamedTuple):
    """What calibration did.

    temperatures (Dict[str, float]): By tree.
    shares (Dict[str, Dict[str, float]]): By tree, how much each part of the classifier counts; their mean is 1.
    before (float): Expected calibration error of the likeliest leaf before.
    after (float): And now.
    probabilities (np.ndarray): Of each listing's likeliest leaf now, (B,).
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
    examples (Sequence[Example]): Listings that it was not trained on.
    name (str): The component.
    RETURNS (Report): What came of it.
    RAISES (ValueError): Where there is no such component, or no listing with a category.
    """
    if name not in nlp.pipe_names or not isinstance(nlp.get_pipe(name), ProductClassifier):
        raise ValueError(f"the pipeline has no product classifier {name!r}; it has {', '.join(nlp.pipe_names)}")
    classifier = nlp.get_pipe(name)
    # Of what is no leaf nobody can tell whether the leaf is right.
    tree = classifier.trees[CATEGORY]
    rows = gold_rows([example.reference for example in examples], CATEGORY, tree)
    examples = [
        example for example, row in zip(examples, rows) if tree.column_of(row) >= 0 and len(example.predicted)
    ]
    if not examples:
        raise ValueError(f"{name}: no listing has a category that is a leaf; there is nothing to fit on")
    docs: List[Doc] = [example.predicted for example in examples]
    for _, component in nlp.pipeline[: nlp.pipe_names.index(name)]:
        stream = component.pipe(docs, batch_size=nlp.batch_size) if hasattr(component, "pipe") else map(component, docs)
        docs = list(stream)
    examples = [Example(doc, example.reference) for doc, example in zip(docs, examples)]
    before = ece(*_judge(classifier, examples))
    temperatures = classifier.calibrate(examples)
    probabilities, right = _judge(classifier, examples)
    return Report(temperatures, classifier.shares, before, ece(probabilities, right), probabilities, right)


def _judge(classifier: ProductClassifier, examples: Sequence[Example]) -> Tuple[np.ndarray, np.ndarray]:
    """RETURNS (Tuple[np.ndarray, np.ndarray]): Probability of each likeliest leaf, and whether it is right."""
    tree = classifier.trees[CATEGORY]
    logits = classifier.logits([example.predicted for example in examples])[CATEGORY]  # (B, T)
    shares = softmax(logits / classifier.temperatures.get(CATEGORY, 1.0))  # (B, T)
    gold = gold_rows([example.reference for example in examples], CATEGORY, tree)
    right = [tree.leaves[column] == row for column, row in zip(shares.argmax(axis=1), gold)]
    return shares.max(axis=1), np.array(right)
