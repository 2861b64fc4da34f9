"""`ListingCorpus`: streams examples from JSONL files of listings."""
from dataclasses import replace
from pathlib import Path
from typing import Callable, Iterable, Iterator, Optional, Union

from spacy.language import Language
from spacy.training import Example, dont_augment

from ..listing import Listing, read_listings
from ..tag import get_tags, set_category, set_tags, text_length


def create_listing_corpus(
    path: Union[str, Path, None],
    gold_tags: bool = False,
    limit: int = 0,
    augmenter: Optional[Callable] = None,
    hide_facets: bool = False,
) -> "ListingCorpus":
    """Make the reader `spacy-product-tags.ListingCorpus.v1`.

    path (Union[str, Path, None]): A JSONL file of listings (``.gz`` too), a folder of them, or several with commas.
    gold_tags (bool): Whether the predicted docs carry the gold tags too, for heads that work on tags.
    limit (int): Listings to read at most; 0 = all.
    augmenter (Optional[Callable]): A spaCy augmenter.
    hide_facets (bool): Whether the predicted docs carry the gold tags without their facets, for what gives facets.
    RETURNS (ListingCorpus): The reader.
    RAISES (ValueError): Where no path is given, or both gold_tags and hide_facets.
    """
    if not path:
        raise ValueError("the corpus has no path; set it, such as --paths.train corpus/compiled/train.jsonl")
    return ListingCorpus(path, gold_tags=gold_tags, limit=limit, augmenter=augmenter, hide_facets=hide_facets)


class ListingCorpus:
    """Stream examples; called with a pipeline, as spaCy's readers are.

    path (Union[str, Path]): A JSONL file, a folder of them, or several separated by commas.
    gold_tags (bool): Whether the predicted docs carry the gold tags too.
    limit (int): Listings to read at most; 0 = all.
    augmenter (Optional[Callable]): A spaCy augmenter.
    hide_facets (bool): Whether the predicted docs carry the gold tags without their facets.
    """

    def __init__(
        self,
        path: Union[str, Path],
        *,
        gold_tags: bool = False,
        limit: int = 0,
        augmenter: Optional[Callable] = None,
        hide_facets: bool = False,
    ) -> None:
        if gold_tags and hide_facets:
            raise ValueError("gold_tags and hide_facets: give one, the predicted docs' tags are with facets or without")
        self.files = list(_find_files(str(path)))
        self.gold_tags = gold_tags
        self.hide_facets = hide_facets
        self.limit = limit
        self.augmenter = augmenter if augmenter is not None else dont_augment

    def __call__(self, nlp: Language) -> Iterator[Example]:
        """Stream the examples. YIELDS (Example): Gold tags are in ``example.reference._.tags``.

        RAISES (ListingError): At the first bad line: a training run should not learn from half a file.
        """
        count = 0
        for file in self.files:
            for listing in read_listings(file):
                if self.limit and count >= self.limit:
                    return
                count += 1
                for example in self.augmenter(nlp, to_example(nlp, listing)):
                    if self.hide_facets:
                        hide_facets(example)
                    elif self.gold_tags:
                        set_tags(example.predicted, get_tags(example.reference))
                    yield example


def hide_facets(example: Example) -> None:
    """Give the predicted doc the gold tags without their facets; one text and place with two facets is one tag."""
    hidden = (replace(tag, facet="", canonical_id="") for tag in get_tags(example.reference))
    set_tags(example.predicted, list(dict.fromkeys(hidden)))


def to_example(nlp: Language, listing: Listing) -> Example:
    """Make an example of a listing.

    nlp (Language): The pipeline whose tokenizer to use.
    listing (Listing): The listing.
    RETURNS (Example): The reference has the tags and the category path.
    RAISES (ValueError): Where the tokenizer changes the text, so that offsets would point elsewhere.
    """
    predicted = nlp.make_doc(listing.text)
    if text_length(predicted) != len(listing.text):
        raise ValueError(
            f"listing {listing.id!r}: the pipeline's tokenizer turns {listing.text!r} into {predicted.text!r}, so "
            "offsets would point elsewhere; take one that keeps the text, such as ProductTokenizer"
        )
    reference = predicted.copy()
    set_tags(reference, listing.tags)
    if listing.category:
        set_category(reference, listing.category)
    return Example(predicted, reference)


def _find_files(path: str) -> Iterable[Path]:
    for part in path.split(","):
        place = Path(part.strip())
        if place.is_dir():
            files = sorted(file for file in place.iterdir() if file.name.endswith((".jsonl", ".jsonl.gz")))
            if not files:
                raise ValueError(f"{place}: the folder holds no .jsonl or .jsonl.gz file")
            yield from files
        elif place.exists():
            yield place
        else:
            raise ValueError(f"{place}: no such file; 'product-tags convert' and 'product-tags compile' make corpora")
