"""The backbone that ships with the package, by the name `product-tags-mini`."""
from pathlib import Path
from typing import Union

# Stands wherever the name on the hub of a pretrained transformer can stand.
SHIPPED = "product-tags-mini"
_FOLDER = Path(__file__).parents[1] / "backbone"


def find_backbone(name: Union[str, Path]) -> str:
    """Find where a backbone is loaded from.

    name (Union[str, Path]): `product-tags-mini`, a folder, or a name on the hub.
    RETURNS (str): The folder of the one that ships with the package; any other name as it is.
    """
    return str(_FOLDER) if str(name) == SHIPPED else str(name)
