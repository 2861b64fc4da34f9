"""Dense look-up: values by the vectors of their names, also in languages that the table lacks."""
from typing import Dict, Iterable, List, Mapping, Optional, Tuple

import numpy as np

from ..encoders.name_encoder import NameEncoder, mean_by_owner
from .table import Value

PREFIX = "dense_"
NAMES = f"{PREFIX}names_"
# Names that are encoded before they are summed up: the vectors of all would take a gigabyte.
_BATCH = 20_000


class Dense:
    """Vectors of values, each the mean of those of its names, in arrays that an alias index keeps with its own.

    The name encoder is kept with them: vectors of another encoder mean nothing to it.

    arrays (Mapping[str, np.ndarray]): What `build` made; others among them are left alone.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self.arrays = {name: array for name, array in arrays.items() if name.startswith(PREFIX)}
        self.encoder = NameEncoder(
            {name.removeprefix(NAMES): array for name, array in self.arrays.items() if name.startswith(NAMES)}
        )
        self._vectors: np.ndarray = self.arrays[f"{PREFIX}vectors"]
        self._by_facet: Dict[int, Tuple[np.ndarray, np.ndarray]] = {}

    @classmethod
    def build(cls, values: Iterable[Value], encoder: NameEncoder) -> "Dense":
        """Encode values.

        values (Iterable[Value]): The values, in the order of their rows.
        encoder (NameEncoder): The encoder.
        RETURNS (Dense): The vectors.
        """
        parts: List[np.ndarray] = []
        names: List[str] = []
        owners: List[int] = []
        count = 0
        for value in values:
            # Once each: what is called so in many languages would outweigh the rest.
            for name in dict.fromkeys(value.surfaces):
                names.append(name)
                owners.append(count)
            count += 1
            if len(names) >= _BATCH:
                parts.append(mean_by_owner(encoder.encode(names), np.array(owners), count))
                names, owners, count = [], [], 0
        if count:
            parts.append(mean_by_owner(encoder.encode(names), np.array(owners, dtype=np.int64), count))
        vectors = np.concatenate(parts) if parts else np.zeros((0, encoder.width), dtype=np.float32)  # (V, E)
        weights = {f"{NAMES}{name}": array for name, array in encoder.weights.items()}
        return cls({f"{PREFIX}vectors": vectors, **weights})

    def search(self, text: str, facets: np.ndarray, facet: Optional[int], limit: int) -> List[Tuple[int, float]]:
        """Find the values nearest to a text.

        text (str): The text.
        facets (np.ndarray): (V,) codes of the values' facets.
        facet (Optional[int]): The code of the facet that is meant: only its values are looked at; None = all.
        limit (int): How many to give at most.
        RETURNS (List[Tuple[int, float]]): Rows and cosines, the nearest first.
        """
        rows, vectors = None, self._vectors
        if facet is not None:
            if facet not in self._by_facet:
                rows = np.flatnonzero(facets == facet)
                self._by_facet[facet] = rows, self._vectors[rows]
            rows, vectors = self._by_facet[facet]
        cosines = vectors @ self.encoder.encode([text])[0]  # (V,)
        best = np.argpartition(-cosines, limit - 1)[:limit] if limit < len(cosines) else np.arange(len(cosines))
        best = best[np.lexsort((best, -cosines[best]))]
        found = best if rows is None else rows[best]
        return list(zip(found.tolist(), cosines[best].tolist()))
