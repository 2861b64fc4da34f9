"""What a cell looks like: its kind, and what a spreadsheet did to it."""
import re

_NUMBER = re.compile(r"[+-]?[$€£¥￥]?\s?\d[\d.,]*\s?%?$")
_URL = re.compile(r"https?://|www\.", re.IGNORECASE)
_CODE = re.compile(r"(?=.*\d)[\w./#:-]+$", re.ASCII)
_LONGEST_CODE = 40
_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_SHORTENED = re.compile(r"\d(?:[.,]\d+)?E\+\d+$")
_DATE = re.compile(
    rf"\d{{1,2}}-{_MONTH}(?:-\d{{2,4}})?$|{_MONTH}-\d{{2}}$|\d{{1,2}}月\d{{1,2}}日$"
    r"|\d{4}[/-]\d{1,2}[/-]\d{1,2}(?: \d{1,2}:\d{2}(?::\d{2})?)?$|\d{1,2}/\d{1,2}/\d{4}$"
)
_ERRORS = frozenset("#N/A #REF! #NAME? #VALUE! #DIV/0! #NULL! #NUM! #SPILL! #CALC!".split())


def kind_of(cell: str) -> str:
    """Tell a cell's kind. RETURNS (str): "" for a blank one, number, url, code (letters with digits) or text."""
    cell = cell.strip()
    if not cell:
        return ""
    if _NUMBER.match(cell):
        return "number"
    if _URL.match(cell):
        return "url"
    return "code" if len(cell) <= _LONGEST_CODE and _CODE.match(cell) else "text"


def spreadsheet_damage(cell: str) -> str:
    """Tell what a spreadsheet made of an id. RETURNS (str): What is wrong and what to do; "" = nothing."""
    cell = cell.strip()
    if _SHORTENED.match(cell):
        problem = "is a number that a spreadsheet has shortened, so that different ids become one"
    elif _DATE.match(cell):
        problem = "is a date, which spreadsheets make of ids such as 1-5"
    elif cell in _ERRORS:
        problem = "is a spreadsheet's error"
    else:
        return ""
    return f"{cell!r} {problem}; format the column as text and export again"


def is_spreadsheet_error(cell: str) -> bool:
    """Tell whether a cell is an error such as ``#N/A``. RETURNS (bool): True = it is."""
    return cell.strip() in _ERRORS
