"""The Shopify Standard Product Taxonomy that ships with the package, by the name `shopify`."""
from pathlib import Path
from typing import Dict

# Stands wherever the file of a taxonomy, or the files of values, can stand.
SHOPIFY = "shopify"
_FOLDER = Path(__file__).parents[1] / "shopify"


def shopify_files() -> Dict[str, Path]:
    """RETURNS (Dict[str, Path]): The files of ``categories``, ``attributes`` and ``values``."""
    return {name: _FOLDER / f"{name}.jsonl.gz" for name in ("categories", "attributes", "values")}
