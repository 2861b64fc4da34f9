"""`product-tags segmenter`: train the Chinese segmenter and collect the domain dictionary."""
from pathlib import Path
from typing import Iterator, List

import typer

from ..listing import Listing, read_listings
from ._util import one_writer

# A word must recur to be forced on every text.
_MIN_COUNT = 2


@one_writer("output")
def segmenter_cli(
    # fmt: off
    corpus: List[Path] = typer.Argument(..., help="JSONL files of listings"),
    output: Path = typer.Option(..., "--output", "-o", help="Folder for the pkuseg model and dictionary.txt"),
    iterations: int = typer.Option(10, help="How often to go through the texts"),
    limit: int = typer.Option(5000, help="Listings to train on at most; 0 = all"),
    seed: int = typer.Option(0, help="Seed of the order"),
    # fmt: on
) -> None:
    """
    Train a pkuseg model on listings, segmented by jieba's dictionary and their tags; needs no network.
    """
    from ..text.segmenter import collect_words, silver_segmentation, train_segmenter

    listings = list(_read(corpus, limit))
    train_segmenter(silver_segmentation(listings), output, iterations=iterations, seed=seed)
    words = collect_words(listings, min_count=_MIN_COUNT)
    (output / "dictionary.txt").write_text("".join(f"{word}\n" for word in words), encoding="utf8")
    typer.echo(f"{output}: trained on {len(listings)} listings; {len(words)} words in dictionary.txt")


def _read(corpus: List[Path], limit: int) -> Iterator[Listing]:
    count = 0
    for path in corpus:
        for listing in read_listings(path):
            if limit and count >= limit:
                return
            count += 1
            yield listing
