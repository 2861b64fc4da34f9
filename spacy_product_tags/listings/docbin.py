"""Listings as spaCy's own binary format, which its commands read."""
from typing import Iterable

from spacy.language import Language
from spacy.tokens import DocBin

from ..listing import Listing
from ..spans import tags_to_spans
from .corpus import to_example


def make_docbin(nlp: Language, listings: Iterable[Listing], key: str = "tags") -> DocBin:
    """Make gold docs of listings.

    nlp (Language): The pipeline whose tokenizer to use.
    listings (Iterable[Listing]): The listings.
    key (str): Where in ``doc.spans`` the tags stand, too, as spans of whole tokens.
    RETURNS (DocBin): Docs with tags and category, which are user data: a `DocBin` drops it unless told to keep it.
    """
    docbin = DocBin(store_user_data=True)
    for listing in listings:
        reference = to_example(nlp, listing).reference
        tags_to_spans(reference, key)
        docbin.add(reference)
    return docbin
