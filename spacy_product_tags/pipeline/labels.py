"""The facets that a component gives: named before it is initialized, or read off the data then."""
from typing import Any, Dict, List, Tuple

from spacy.errors import Errors
from thinc.api import Model


class Labelled:
    """The labels of a component, as spaCy asks for them; they stand in its `cfg`."""

    name: str
    model: Model
    cfg: Dict[str, Any]

    @property
    def labels(self) -> Tuple[str, ...]:
        """RETURNS (Tuple[str, ...]): The facets."""
        return tuple(self.cfg["labels"])

    @property
    def label_data(self) -> List[str]:
        """RETURNS (List[str]): The facets, as `spacy init labels` stores them."""
        return list(self.cfg["labels"])

    def add_label(self, label: str) -> int:
        """Add a facet before the component is initialized.

        label (str): The facet.
        RETURNS (int): 0 where it was there, else 1.
        RAISES (ValueError): Once the network is built.
        """
        if label in self.cfg["labels"]:
            return 0
        if self.model.shims[0].is_built:
            raise ValueError(f"can't add the facet {label!r}: the network of {self.name!r} is built already")
        self.cfg["labels"].append(label)
        return 1

    def require_labels(self) -> None:
        """Check that there is something to give. RAISES (ValueError): Before the component is initialized."""
        if not self.model.shims[0].is_built:
            raise ValueError(Errors.E109.format(name=self.name))
