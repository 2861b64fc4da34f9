"""Train a Chinese segmenter for product text, offline.

`silver_segmentation` makes training data from tagged listings: jieba's dictionary splits the Chinese runs, and every
tag begins and ends a word, so that the trained segmenter keeps to the words of the products.
"""
import contextlib
import io
import random
import re
import shutil
import tempfile
import warnings
from collections import Counter
from pathlib import Path
from typing import Any, Iterable, Iterator, List, Union

from ..listing import Listing
from .tokenizer import HAN

_HAN_RUN = re.compile(f"[{HAN}]+")
# pkuseg updates its learning rates ten times an iteration and divides by zero on fewer lines.
_MIN_RUNS = 20


def silver_segmentation(listings: Iterable[Listing]) -> Iterator[List[str]]:
    """Segment listings with jieba's dictionary and the listings' tags.

    listings (Iterable[Listing]): Listings, tagged or not.
    YIELDS (List[str]): The words of each listing; what is not Chinese comes unsplit, ``"".join(words) == text``.
    RAISES (ImportError): Without jieba.
    """
    jieba = load_jieba()
    for listing in listings:
        text = listing.text
        edges = {0, len(text)}
        for tag in listing.tags:
            if tag.start is not None:
                edges.update(tag.span)
        for match in _HAN_RUN.finditer(text):
            edges.update(match.span())
        cuts = sorted(edges)
        words: List[str] = []
        for start, end in zip(cuts, cuts[1:]):
            piece = text[start:end]
            words.extend(jieba.cut(piece) if _HAN_RUN.fullmatch(piece) else (piece,))
        yield words


def train_segmenter(
    texts: Iterable[List[str]], out_dir: Union[str, Path], *, iterations: int = 10, seed: int = 0
) -> Path:
    """Train a pkuseg model for `ProductTokenizer.initialize` on segmented texts.

    Only neighbouring Chinese words are learnt from: the tokenizer hands nothing else to the model. pkuseg keeps its
    settings in a global object, so don't train in two threads at once.

    texts (Iterable[List[str]]): The words of each text, blanks and other scripts among them.
    out_dir (Union[str, Path]): The folder to write ``features.msgpack`` and ``weights.npz`` to.
    iterations (int): How often to go through the texts.
    seed (int): Seed of the order; the same texts and seed give the same model.
    RETURNS (Path): The folder.
    RAISES (ValueError): On too few texts.
    """
    if iterations < 1:
        raise ValueError(f"iterations: must be 1 or more, not {iterations}")
    runs = [" ".join(run) for words in texts for run in _chinese_runs(words)]
    if len(runs) < _MIN_RUNS:
        raise ValueError(f"texts: {len(runs)} runs of Chinese words are too few to train on, {_MIN_RUNS} is the least")
    import spacy_pkuseg

    out_dir = Path(out_dir)
    out_dir.mkdir(parents=True, exist_ok=True)
    config = spacy_pkuseg.config
    settings = dict(vars(config))
    state = random.getstate()
    with tempfile.TemporaryDirectory() as folder:
        train_path, test_path = Path(folder) / "train.txt", Path(folder) / "test.txt"
        train_path.write_text("\n".join(runs) + "\n", encoding="utf8")
        # pkuseg wants a file to report on after each iteration; what it reports is thrown away.
        test_path.write_text(runs[0] + "\n", encoding="utf8")
        try:
            random.seed(seed)
            with contextlib.redirect_stdout(io.StringIO()):
                spacy_pkuseg.train(str(train_path), str(test_path), str(out_dir), train_iter=iterations)
        finally:
            random.setstate(state)
            shutil.rmtree(config.tempFile, ignore_errors=True)
            for name in vars(config).keys() - settings.keys() - {"_tmp_dir"}:
                delattr(config, name)
            vars(config).update({name: settings[name] for name in settings if name != "_tmp_dir"})
    return out_dir


def collect_words(listings: Iterable[Listing], *, min_count: int = 2) -> List[str]:
    """Collect the words of tagged listings that have Chinese in them (纯棉, T恤, U盘), as a domain dictionary.

    listings (Iterable[Listing]): The listings.
    min_count (int): Times that a word must have been tagged.
    RETURNS (List[str]): Words of two to eight characters, the commonest first.
    """
    counts = Counter(
        tag.text
        for listing in listings
        for tag in listing.tags
        if tag.start is not None and 2 <= len(tag.text) <= 8 and _HAN_RUN.search(tag.text)
    )
    return [word for word, count in counts.most_common() if count >= min_count]


def _chinese_runs(words: Iterable[str]) -> Iterator[List[str]]:
    run: List[str] = []
    for word in (*words, ""):
        if _HAN_RUN.fullmatch(word):
            run.append(word)
        elif run:
            yield run
            run = []


def load_jieba() -> Any:
    """Import jieba without its noise. RETURNS (module): jieba. RAISES (ImportError): Where it is not installed."""
    try:
        with warnings.catch_warnings():
            # jieba imports pkg_resources, which warns that it is old.
            warnings.simplefilter("ignore")
            import jieba
    except ImportError:
        raise ImportError("silver segmentation needs jieba: pip install jieba") from None
    jieba.setLogLevel("WARNING")
    return jieba.Tokenizer()
