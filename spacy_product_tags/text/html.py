"""HTML in titles and descriptions: where it stands, and the text without it, with a way back to the source.

Parsers that are kept well give no places of their texts (lxml, selectolax), and Python's own ``html.parser`` takes
quadratic time on unclosed markup in the releases before 3.11.14, 3.12.12 and 3.13.6. So the places are found here, in
linear time; character references are Python's, and the tests compare the text with what ``html.parser`` reads.
"""
import html
import re
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

# Elements that end a line, those that stand like a blank, those whose content is no text, and all others.
_BLOCKS = frozenset(
    "address article aside blockquote br caption center dd details dialog dir div dl dt fieldset figcaption figure "
    "footer form frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html body legend li main menu nav ol optgroup option "
    "p pre section summary table tbody td tfoot th thead title tr ul".split()
)
_BLANKS = frozenset("area audio button canvas embed iframe img input object select svg textarea video".split())
_HIDDEN = frozenset(("script", "style"))
_INLINE = frozenset(
    "a abbr acronym applet b base basefont bdi bdo big cite code col colgroup data datalist del dfn em font frame i "
    "ins kbd label link map mark marquee math meta meter nobr noframes noscript output param picture progress q rp rt "
    "ruby s samp slot small source span strike strong sub sup template time track tt u var wbr".split()
)
_KNOWN = _BLOCKS | _BLANKS | _HIDDEN | _INLINE
# What people also write for sizes and the like: markup only where it is closed.
_LETTERS = frozenset("biqsu")
_OPEN = re.compile(r"<(?:(/?)([A-Za-z][A-Za-z0-9:-]*)(?![A-Za-z0-9:-])|(!--)|([!?])(?=[A-Za-z\[]))")
_REST = re.compile(r"""(?:[^<>"'=]++|=\s*+(?:"[^"]*"|'[^']*')|["'=])*+""")
_PLAIN_REST = re.compile(r"[^<>]*+")
_REFERENCE = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_PIECE = re.compile(r"(\s+)|\S+")
_END_OF = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in _HIDDEN}
_CLOSED = {letter: re.compile(rf"</{letter}\s*>", re.IGNORECASE) for letter in _LETTERS}

# Start and end of a piece of markup, what it reads as, and whether it is a character reference.
Token = Tuple[int, int, str, bool]


class PlainText(NamedTuple):
    """A text without its markup.

    text (str): The text.
    starts (Sequence[int]): Where each of its characters starts in the source.
    ends (Sequence[int]): Where it ends there.
    """

    text: str
    starts: Sequence[int]
    ends: Sequence[int]

    def span(self, start: int, end: int) -> Tuple[int, int]:
        """Find a span's place in the source. RETURNS (Tuple[int, int]): Start and end, markup within included."""
        return self.starts[start], self.ends[end - 1]


def has_markup(text: str) -> bool:
    """Tell whether a text holds HTML. RETURNS (bool): True for an element, a comment or a character reference."""
    return next(_tokens(text), None) is not None


def markup_spans(text: str) -> List[Tuple[int, int]]:
    """Find the markup of a text: tags, comments, scripts and style sheets, character references.

    text (str): Any text.
    RETURNS (List[Tuple[int, int]]): Start and end of each piece, from left to right.
    """
    return [(start, end) for start, end, _, _ in _tokens(text)]


def strip_html(text: str, *, one_line: bool = False) -> PlainText:
    """Take HTML out of a text; a text without any comes back as it is.

    Blocks, line breaks and table cells become line breaks, runs of blanks one blank. A `<` that opens no element of
    HTML stays: ``<M>`` and ``a < b`` are text. Time grows with the length alone, whatever is left unclosed.

    text (str): Any text.
    one_line (bool): Whether blanks stand for line breaks, too, as in a title.
    RETURNS (PlainText): The text, and where its characters come from.
    """
    tokens = list(_tokens(text))
    if not tokens:
        return PlainText(text, range(len(text)), range(1, len(text) + 1))
    # Only text that nobody laid out in blocks has line breaks of its own.
    blocks = any(value == "\n" and not reference for _, _, value, reference in tokens)
    writer = _Writer(line_break=" " if one_line else "\n", kept=not blocks)
    at = 0
    for start, end, value, reference in tokens:
        writer.add_text(text[at:start], at)
        if reference:
            writer.add_reference(value, start, end)
        else:
            writer.add_gap(value, start, end)
        at = end
    writer.add_text(text[at:], at)
    return PlainText("".join(writer.chars), writer.starts, writer.ends)


class _Writer:
    """Collect characters and their places.

    line_break (str): What a block becomes.
    kept (bool): Whether line breaks in the source are line breaks.
    """

    def __init__(self, line_break: str, kept: bool) -> None:
        self.line_break, self.kept = line_break, kept
        self.chars: List[str] = []
        self.starts: List[int] = []
        self.ends: List[int] = []
        self.gap: Optional[Tuple[str, int, int]] = None

    def add_text(self, text: str, at: int) -> None:
        for match in _PIECE.finditer(text):
            start, end = at + match.start(), at + match.end()
            blanks = match[1]
            if blanks:
                self.add_gap("\n" if self.kept and "\n" in blanks else " ", start, end)
            else:
                self._flush()
                self.chars += match[0]
                self.starts += range(start, end)
                self.ends += range(start + 1, end + 1)

    def add_reference(self, value: str, start: int, end: int) -> None:
        if value.isspace():
            self.add_gap(" ", start, end)
        else:
            self._flush()
            self.chars += value
            self.starts += [start] * len(value)
            self.ends += [end] * len(value)

    def add_gap(self, value: str, start: int, end: int) -> None:
        if not value:
            return
        value = self.line_break if value == "\n" else " "
        if self.gap:
            value, start = "\n" if "\n" in (value, self.gap[0]) else " ", self.gap[1]
        self.gap = value, start, end

    def _flush(self) -> None:
        if self.gap and self.chars:
            value, start, end = self.gap
            self.chars.append(value)
            self.starts.append(start)
            self.ends.append(end)
        self.gap = None


def _skip(rest: "re.Pattern[str]", text: str, at: int) -> int:
    match = rest.match(text, at)
    return match.end() if match else at


def _tokens(text: str) -> Iterator[Token]:
    """Find markup from left to right. YIELDS (Token): Each piece."""
    tags = _tags(text) if "<" in text else iter(())
    tag, covered = next(tags, None), 0
    for match in _REFERENCE.finditer(text) if "&" in text else ():
        while tag and tag[0] < match.start():
            yield tag
            covered = tag[1]
            tag = next(tags, None)
        # One within a tag stands in an attribute.
        value = html.unescape(match[0])
        if match.start() >= covered and value != match[0]:
            yield match.start(), match.end(), value, True
    while tag:
        yield tag
        tag = next(tags, None)


def _tags(text: str) -> Iterator[Token]:
    at = 0
    # A quote that nobody closed makes tags of all that follows: up to where such a reading failed, none is made again.
    unquoted = 0
    missing: Set[str] = set()
    closed: Dict[str, int] = {}
    while match := _OPEN.search(text, at):
        start, name = match.start(), (match[2] or "").lower()
        at = start + 1
        if match[3]:
            end = -1 if "-->" in missing else text.find("-->", start + 4)
            if end < 0:
                missing.add("-->")
            else:
                at = end + 3
                yield start, at, "", False
            continue
        if name and not _is_element(text, match, name, closed):
            continue
        rest = _PLAIN_REST if match[4] or start < unquoted else _REST
        end = _skip(rest, text, match.end())
        if text[end : end + 1] != ">" and rest is _REST:
            unquoted = end
            end = _skip(_PLAIN_REST, text, match.end())
        if text[end : end + 1] != ">":
            continue
        at = end + 1
        if name in _HIDDEN and not match[1] and name not in missing:
            close = _END_OF[name].search(text, at)
            if close is None:
                missing.add(name)
            else:
                at = close.start()
        yield start, at, "\n" if name in _BLOCKS else " " if name in _BLANKS or name in _HIDDEN else "", False


def _is_element(text: str, match: "re.Match[str]", name: str, closed: Dict[str, int]) -> bool:
    if name in _LETTERS and not match[1]:
        if name not in closed:
            closed[name] = max((found.start() for found in _CLOSED[name].finditer(text)), default=-1)
        return match.end() <= closed[name]
    # Word processors write <o:p>, shops elements of their own with a hyphen.
    return name in _KNOWN or ":" in name or "-" in name
