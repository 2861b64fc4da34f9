"""The last component of a pipeline with a transformer: drops the vectors, which travel in bytes and between processes.

spaCy's `doc_cleaner` does so, too, but sets ``doc.tensor`` to None as well, and then `span.as_doc`, `doc.vector` and
`doc.similarity` raise.
"""
from spacy.language import Language
from spacy.tokens import Doc


@Language.factory("product_vector_cleaner")
def make_vector_cleaner(nlp: Language, name: str) -> "VectorCleaner":
    """Make the component. RETURNS (VectorCleaner): The component."""
    return VectorCleaner()


class VectorCleaner:
    """Set ``doc._.trf_data`` to None where a transformer has set it (about 14 KB a title)."""

    def __call__(self, doc: Doc) -> Doc:
        """Clean one doc. RETURNS (Doc): The same doc."""
        if Doc.has_extension("trf_data"):
            doc._.trf_data = None
        return doc
