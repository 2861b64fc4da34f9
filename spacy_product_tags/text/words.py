"""Read dictionaries of words: our own, and jieba's."""
import re
from pathlib import Path
from typing import BinaryIO, Iterator, Optional, Tuple, Union

from ..errors import ListingError

# jieba's parts of speech, which stand behind a word and its frequency.
_TAGS = (
    "a ad ag an b c d df dg e eng f g h i j k l m mg mq n ng nr nrfg nrt ns nt nz o p q r rg rr rz s t tg u ud ug uj "
    "ul un uv uz v vd vg vi vn vq x y yg z zg"
)
_TAG = "|".join(_TAGS.split())
_WHOLE = re.compile(rf"(\S+) \d+ ({_TAG})\s*$")
# With one of the two left out it's a word of jieba's, or one that ends so: 小米 14.
_HALF = re.compile(rf"(\S+) (?:\d+|({_TAG}))\s*$")
_HAN = re.compile("[\u3400-\u9fff]")


def read_words(path: Union[str, Path]) -> Iterator[Tuple[str, str]]:
    """Read a dictionary: one word a line, a tab and a tag behind it if wanted; or one of jieba's (word, count and tag).

    path (Union[str, Path]): The file, in UTF-8.
    YIELDS (Tuple[str, str]): Word and tag, "" = none; blank lines are passed over.
    RAISES (ListingError): With file and line, on a line with more than two fields, bytes that are no UTF-8, or words
        that may be jieba's, where no line of the file says for sure.
    """
    with Path(path).open("rb") as file:
        is_jieba = any(_WHOLE.match(line.decode("utf8", "replace")) for line in file)
        file.seek(0)
        yield from _read(file, path, is_jieba)


def _read(file: BinaryIO, path: Union[str, Path], is_jieba: bool) -> Iterator[Tuple[str, str]]:
    for number, data in enumerate(file, 1):
        try:
            line = data.decode("utf-8-sig").rstrip("\r\n")
        except UnicodeDecodeError:
            raise ListingError(path, number, "word", "is no UTF-8; save the file in UTF-8") from None
        pair = _of_jieba(line) if is_jieba else _of_ours(line)
        if pair is None:
            own = "'word count tag' as in the lines above or below" if is_jieba else "'word' or 'word<tab>tag'"
            raise ListingError(path, number, "word", f"must be {own}, not {data!r}")
        half = not is_jieba and "\t" not in line and _HALF.match(line)
        if half and _HAN.search(half[1]):
            problem = (
                f"{line!r} may be a word of jieba's with its count or tag; write {half[1]!r} alone, or a tab behind "
                "the whole if the blank and what follows belong to the word"
            )
            raise ListingError(path, number, "word", problem)
        if pair[0].strip():
            yield pair


def _of_ours(line: str) -> Optional[Tuple[str, str]]:
    fields = line.split("\t")
    if len(fields) > 2 or (len(fields) == 2 and not fields[0].strip()):
        return None
    return fields[0], fields[1] if len(fields) == 2 else ""


def _of_jieba(line: str) -> Optional[Tuple[str, str]]:
    match = _WHOLE.match(line) or _HALF.match(line)
    if match:
        return match[1], match[2] or ""
    # A word may stand alone there, too.
    return (line.strip(), "") if len(line.split()) < 2 else None
