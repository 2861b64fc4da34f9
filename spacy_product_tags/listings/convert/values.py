"""Values of cells: several in one, and where they stand in a text."""
import re
import unicodedata
from typing import Callable, List, Optional, Tuple

# Scripts that put no blanks between words (and Hangul, whose particles attach): a value may start and end anywhere.
_UNSPACED = re.compile(
    "[\u0e00-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff"
    "\uff66-\uffdc\U00020000-\U0003ffff]"
)


# What nobody writes within a value, and what stands between values only where the parts are known.
_SURE = re.compile(r"[，、;；|｜\n]")
_UNSURE = re.compile(r"(?<!\d)[,/]|[,/](?!\d)")
_QUOTED = re.compile(r'\s*"[^"]*"(?:\s*[,;]\s*"[^"]*")*\s*$')


def split_values(cell: str, separator: Optional[str] = None, is_known: Callable[[str], bool] = bool) -> List[str]:
    r"""Split a cell that holds several values.

    cell (str): What stands in the cell. Values that all have quotes are taken out of them.
    separator (Optional[str]): What stands between values, "" = nothing; a backslash before it keeps it. None = any of
        ``，、;|`` and a line break, and ``,`` or ``/`` (not between digits) where each part is a known value.
    is_known (Callable[[str], bool]): Tells whether a part is a value; by default, any is.
    RETURNS (List[str]): The values that are not blank, each once.
    """
    if separator is None and _QUOTED.match(cell):
        parts = re.findall(r'"([^"]*)"', cell)
    elif separator is None:
        parts = [part for sure in _SURE.split(cell) for part in _split_known(sure, is_known)]
    else:
        parts = split_escaped(cell, separator)
    return list(dict.fromkeys(part.strip() for part in parts if part.strip()))


def split_escaped(cell: str, separator: str) -> List[str]:
    r"""Split a cell at a separator that has no backslash before it. RETURNS (List[str]): The parts, unescaped."""
    if not separator:
        return [cell]
    if "\\" not in cell:
        return cell.split(separator)
    parts = re.split(rf"(?<!\\){re.escape(separator)}", cell)
    return [part.replace("\\" + separator[0], separator[0]) for part in parts]


def _split_known(text: str, is_known: Callable[[str], bool]) -> List[str]:
    parts = [part.strip() for part in _UNSURE.split(text)]
    return parts if len(parts) > 1 and all(part and is_known(part) for part in parts) else [text]


def find_value(text: str, value: str) -> List[Tuple[int, int]]:
    """Find every occurrence of a value, from left to right without overlap.

    A hit never starts or ends inside a run of letters and digits (``Men`` is not in ``Women``, ``5kg`` neither in
    ``15kg`` nor in ``2.5kg``). Chinese, Japanese, Korean and other scripts without blanks make no runs.

    text (str): Where to look.
    value (str): What to find, as it is written; a blank one is nowhere.
    RETURNS (List[Tuple[int, int]]): Start and end of each hit.
    """
    found = []
    start = text.find(value) if value.strip() else -1
    while start >= 0:
        end = start + len(value)
        if _inside_run(text, start) or _inside_run(text, end):
            start = text.find(value, start + 1)
        else:
            found.append((start, end))
            start = text.find(value, end)
    return found


def _inside_run(text: str, at: int) -> bool:
    if not 0 < at < len(text):
        return False
    left, right = text[at - 1], text[at]
    if unicodedata.category(right).startswith("M"):
        return True  # an accent or a vowel sign belongs to the letter before it
    if right == "." or left == ".":
        # A decimal point joins the digits on its two sides.
        point = at if right == "." else at - 1
        return point > 0 and text[point - 1].isdecimal() and text[point + 1 : point + 2].isdecimal()
    return _in_run(left) and _in_run(right)


def _in_run(char: str) -> bool:
    return (char.isalnum() or unicodedata.category(char).startswith("M")) and not _UNSPACED.match(char)
