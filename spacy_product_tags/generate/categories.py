"""Generate made-up listings with their category, from a taxonomy alone, for a classifier to learn from."""
import random
from pathlib import Path
from typing import Callable, Iterable, Iterator, Sequence, Set, Tuple, Union

from ..errors import ListingError
from ..io import raise_error
from ..listing import Listing
from .compose import Composer
from .taxonomy import read_taxonomy
from .words import SHARES, base_language

_GIVE_UP = 20_000
# As titles are: the name alone of a category says too little of how sellers write.
_MIN_LENGTH, _MAX_LENGTH = 4, 120


def generate_listings(
    values: Sequence[Union[str, Path]],
    count: int,
    seed: int,
    *,
    without: Iterable[Sequence[str]] = (),
    on_error: Callable[[ListingError], None] = raise_error,
) -> Iterator[Listing]:
    """Stream listings with titles composed from a taxonomy, in its languages; the same ones for the same seed.

    values (Sequence[Union[str, Path]]): Files of a taxonomy; see `read_taxonomy`.
    count (int): How many listings.
    seed (int): Of all chance.
    without (Iterable[Sequence[str]]): Category paths, in English, of which no listing is made, nor of what is below.
    on_error (Callable[[ListingError], None]): Called with each bad line's error.
    YIELDS (Listing): Title, language and category path in English.
    RAISES (ValueError): Where no category has a name, or `count` is negative.
    """
    if count < 0:
        raise ValueError(f"count: must not be negative, not {count}")
    rng = random.Random(seed)
    composer = Composer(read_taxonomy(values, on_error=on_error), {}, rng)
    if not composer.languages:
        raise ValueError("nothing to generate from: no category with attributes has a name; see --values")
    unwanted = {tuple(path) for path in without}
    shares = [SHARES.get(lang, 0.7) for lang in composer.languages]
    made = failed = 0
    while made < count and failed < _GIVE_UP:
        lang = rng.choices(composer.languages, shares)[0]
        title, path = composer.title_and_path(lang)
        title = " ".join(title.split())
        category = tuple(labels["en"] for labels in path)
        if _MIN_LENGTH <= len(title) <= _MAX_LENGTH and not _is_below(category, unwanted):
            made, failed = made + 1, 0
            yield Listing(id=f"made-{made}", title=title, lang=base_language(lang), category=category)
        else:
            failed += 1


def _is_below(path: Sequence[str], categories: Set[Tuple[str, ...]]) -> bool:
    return any(tuple(path[:level]) in categories for level in range(1, len(path) + 1))
