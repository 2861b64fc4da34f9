"""`tag_noise`: the spaCy augmenter that adds noisy copies of listings to a training corpus."""
import random
from functools import partial
from pathlib import Path
from typing import Any, Callable, Collection, Dict, Iterator, List, Optional, Sequence, cast

from spacy.language import Language
from spacy.training import Example

from ..listing import Listing
from ..tag import get_category, get_tags, set_category, set_tags
from ..values.table import read_values
from .augment import PROTECTED, change_case, change_spacing, change_width, swap_values, typing_noise

# Values of a facet that are collected at most.
MAX_VALUES = 256


def create_tag_noise_augmenter(
    level: float,
    case: float = 0.2,
    width: float = 0.1,
    spacing: float = 0.3,
    noise: float = 0.3,
    swap: float = 0.5,
    values: Optional[Path] = None,
    protect: Sequence[str] = PROTECTED,
) -> Callable[[Language, Example], Iterator[Example]]:
    """Create an augmenter that adds noisy copies of product listings, for a corpus in a training config.

    level (float): Share of the examples that get a copy.
    case (float): Share of the copies with `change_case`.
    width (float): Share of the copies with `change_width`.
    spacing (float): Share of the copies with `change_spacing`.
    noise (float): Share of the copies with `typing_noise`.
    swap (float): Share of the copies with `swap_values`.
    values (Optional[Path]): Values to swap in, see `read_values`; None = those of the examples seen so far.
    protect (Sequence[str]): Facets whose spans get no typing noise.
    RETURNS (Callable[[Language, Example], Iterator[Example]]): The augmenter.
    RAISES (ValueError): On a share outside [0, 1].
    """
    shares: Dict[str, Any] = {
        "level": level, "case": case, "width": width, "spacing": spacing, "noise": noise, "swap": swap,
    }  # fmt: skip
    for name, share in shares.items():
        if not 0 <= share <= 1:
            raise ValueError(f"spacy-product-tags.tag_noise.v1: {name}: must be from 0 to 1, not {share}")
    table = {} if values is None else read_values(values)
    return partial(tag_noise_augmenter, **shares, values=table, collect=values is None, protect=frozenset(protect))


def tag_noise_augmenter(
    nlp: Language,
    example: Example,
    *,
    level: float,
    case: float,
    width: float,
    spacing: float,
    noise: float,
    swap: float,
    values: Dict[str, List[str]],
    collect: bool,
    protect: Collection[str],
) -> Iterator[Example]:
    """Yield an example and, at times, a noisy copy with its tags, `cats` and category; see the function above.

    Chance comes from the module `random`, as in spaCy's own augmenters, so `fix_random_seed` governs it.
    """
    yield example
    reference = example.reference
    tags, text = get_tags(reference), reference.text
    if collect:
        for tag in tags:
            known = values.setdefault(tag.facet, []) if tag.start is not None else []
            if tag.start is not None and len(known) < MAX_VALUES and text[tag.start : tag.end] not in known:
                known.append(text[tag.start : tag.end])
    if random.random() >= level:
        return
    given = get_tags(example.predicted)
    title, _, description = text.partition("\n")
    typed = tuple(tag.text for tag in given if tag.start is None)
    listing = Listing(title if description else text, description, tags=tags, seller_tags=typed)
    # The module `random` has the methods of a Random and, unlike one, the state that `fix_random_seed` sets.
    rng = cast(random.Random, random)
    if random.random() < swap:
        listing = swap_values(listing, rng, values)
    if random.random() < spacing:
        listing = change_spacing(listing, rng)
    if random.random() < case:
        listing = change_case(listing, rng)
    if random.random() < width:
        listing = change_width(listing, rng)
    if random.random() < noise:
        listing = typing_noise(listing, rng, protect=protect)
    if listing.text == text:
        return
    noisy = nlp.make_doc(listing.text)
    predicted = noisy.copy()
    set_tags(noisy, listing.tags)
    set_category(noisy, get_category(reference))
    noisy.cats = dict(reference.cats)
    # A reader may show gold tags or a seller's to the components that come after the generator.
    if given:
        set_tags(predicted, listing.tags if given == tags else [tag for tag in given if tag.start is None])
    yield Example(predicted, noisy)
