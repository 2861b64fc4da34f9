"""Product tags inside spaCy: ``nlp(text)._.tags``."""
from ._version import __version__
from .batch import tag_listings
from .errors import ListingError
from .listing import Listing
from .spans import spans_to_tags, tags_in_span, tags_to_spans
from .tag import Tag, register_extensions

__all__ = [
    "Listing",
    "ListingError",
    "Tag",
    "__version__",
    "register_extensions",
    "spans_to_tags",
    "tag_listings",
    "tags_in_span",
    "tags_to_spans",
]
