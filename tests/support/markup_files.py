"""Reads the corpus as it was written."""
from pathlib import Path
from typing import Iterator

from spacy_product_tags.errors import ListingError
from spacy_product_tags.listing import Listing
from spacy_product_tags.listings.markup import iter_markup


def read_markup(path: Path) -> Iterator[Listing]:
    """Read the listings of one markup file; the file or its folder is called by their language.

    path (Path): A markup file, such as ``corpus/listings/ja.txt``, ``corpus/listings/zh/food.txt``.
    YIELDS (Listing): One listing per block.
    RAISES (ListingError): With file, line and what to do, on any block that does not follow the format.
    """
    for _, found in iter_markup(path):
        if isinstance(found, ListingError):
            raise found
        yield found
