"""A closed set of classes for the values of a facet: TONER CARTRIDGE is Printing, Copying, Laminating.

A linear model over n-grams, kept as a table of words and weights that a person can read; applying it needs no library.
"""
import math
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Dict, List, Mapping, Tuple

from .programs import Answer, check_table

_WORD = re.compile(r"[a-z]+|\d+|[^\W\da-z_]")


def value_features(text: str, category: str = "", title: str = "") -> Dict[str, float]:
    """Give what a class is told by.

    text (str): The raw value.
    category (str): The product's category.
    title (str): The product's title.
    RETURNS (Dict[str, float]): Features by name with their weights: v: words and pairs of words of the value, its last
        word (which is its head in English), g: its character n-grams, c: category, t: words of the title.
    """
    words = _WORD.findall(text.casefold())
    value = [*words, *(f"{one}_{two}" for one, two in zip(words, words[1:]))]
    if words:
        value.append(f"{words[-1]}$")
    padded = f" {' '.join(words)} "
    grams = [padded[at : at + size] for size in (3, 4, 5) for at in range(len(padded) - size + 1)]
    found: Dict[str, float] = {}
    for kind, names in (("v", set(value)), ("g", set(grams)), ("t", set(_WORD.findall(title.casefold())))):
        found.update((f"{kind}:{name}", 1 / math.sqrt(len(names))) for name in sorted(names))
    if category:
        found[f"c:{category}"] = 1.0
    return found


@dataclass(frozen=True)
class ClassRule:
    """Decide for one of the classes, or for none of them.

    classes (Mapping[str, Mapping[str, float]]): What may be written, each with the features that speak for it (above 0)
        or against it; "" is what it starts from.
    min_probability (float): A class that is less likely is no answer.
    """

    classes: Mapping[str, Mapping[str, float]]
    min_probability: float = 0.5
    op: ClassVar[str] = "generalization"

    @cached_property
    def _table(self) -> Dict[str, List[Tuple[int, float]]]:
        table: Dict[str, List[Tuple[int, float]]] = {}
        for number, weights in enumerate(self.classes.values()):
            for name, weight in weights.items():
                table.setdefault(name, []).append((number, weight))
        return table

    def find(self, text: str, category: str = "", title: str = "") -> Answer:
        """Decide. RETURNS (Answer): The class and its probability; None where none is likely enough."""
        probabilities = self.probabilities(text, category, title)
        best = max(probabilities, key=probabilities.__getitem__)
        return ((best,), probabilities[best]) if probabilities[best] >= self.min_probability else None

    def probabilities(self, text: str, category: str = "", title: str = "") -> Dict[str, float]:
        """Give how likely each class is. RETURNS (Dict[str, float]): By class; their sum is 1."""
        scores = [0.0] * len(self.classes)
        for name, value in (("", 1.0), *value_features(text, category, title).items()):
            for number, weight in self._table.get(name, ()):
                scores[number] += value * weight
        top = max(scores)
        powers = [math.exp(score - top) for score in scores]
        total = sum(powers)
        return {name: power / total for name, power in zip(self.classes, powers)}

    def to_dict(self) -> Dict[str, Any]:
        """Give JSON types. RETURNS (Dict[str, Any]): All fields."""
        classes = {name: dict(weights) for name, weights in self.classes.items()}
        return {"min_probability": self.min_probability, "classes": classes}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "ClassRule":
        """Make a checked rule. RAISES (ValueError): Naming the field."""
        limit = data.get("min_probability", 0.5)
        if isinstance(limit, bool) or not isinstance(limit, (int, float)) or not 0 <= limit <= 1:
            raise ValueError(f"min_probability: must be a number from 0 to 1, not {limit!r}")
        classes = check_table(data, "classes")
        if not classes:
            raise ValueError('classes: is empty; needed are classes such as {"Drinks": {"v:juice": 2.5}}')
        for name in classes:
            for feature, weight in check_table(classes, name).items():
                if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not math.isfinite(weight):
                    raise ValueError(f"classes.{name}.{feature}: must be a number, not {weight!r}")
        return cls({name: dict(weights) for name, weights in classes.items()}, float(limit))
