"""Product tags inside spaCy: ``nlp(text)._.tags``."""
from ._version import __version__
from .batch import tag_listings
from .errors import ListingError
from .listing import Listing
from .tag import Tag, register_extensions

__all__ = ["Listing", "ListingError", "Tag", "__version__", "tag_listings"]

register_extensions()
