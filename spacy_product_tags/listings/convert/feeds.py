"""Read product feeds in XML, RSS 2.0 and Atom with Google's elements, item by item."""
import gzip
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Union
from xml.sax import SAXException, SAXParseException
from xml.sax.handler import ContentHandler, feature_namespaces

from ...errors import ListingError
from ...io import OnError, bad, raise_error
from ...listing import Listing
from ...tables.rows import MAX_CELL
from .layouts import Layout, fit_layout, shipped_layouts
from .rows import Reading, Row, make_listings
from .tables import OnNotice, never_known, say_nothing

_GOOGLE = "http://base.google.com/ns/1.0"
_ITEMS = ("item", "entry")
# Atom's names of what RSS calls otherwise.
_NAMES = {"summary": "description", "content": "description"}
_CHUNK = 2**16


def is_feed(path: Union[str, Path]) -> bool:
    """Tell a file in XML by its name or beginning. RETURNS (bool): True = it is one."""
    if str(path).lower().removesuffix(".gz").endswith((".xml", ".rss", ".atom")):
        return True
    with _open(path) as file:
        return file.read(200).lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"<?xml", b"<rss", b"<feed"))


def convert_feed(
    path: Union[str, Path],
    *,
    layouts: Optional[Sequence[Layout]] = None,
    strip_html: bool = True,
    is_known: Callable[[str], bool] = never_known,
    on_error: OnError = raise_error,
    on_notice: OnNotice = say_nothing,
) -> Iterator[Listing]:
    """Stream the listings of a feed in XML. Entities and document types are refused, so nothing is fetched or blown up.

    path (Union[str, Path]): The file, gzipped or not; it is read item by item.
    layouts (Optional[Sequence[Layout]]): Formats; the one named google is read. None = those of the package.
    strip_html, is_known, on_error, on_notice: As in `convert_table`.
    YIELDS (Listing): One listing an `item` or `entry`.
    RAISES (ListingError): Where `on_error` raises; the error of a broken file comes behind the items before it.
    """
    layout = next((one for one in layouts or shipped_layouts() if one.name == "google"), None)
    if layout is None:
        raise ListingError(path, 0, "path", "no layout named google, which feeds in XML are read with")
    on_notice(f"read as {layout.name} ({layout.about}); XML")
    columns = [*layout.header, *layout.title, *layout.description, *layout.id, *layout.product, *layout.category]
    columns += [name for names in (*layout.attributes.values(), *layout.pairs) for name in names]
    reading = Reading(fit_layout(layout, list(dict.fromkeys(columns))), strip_html, is_known)
    yield from make_listings(_items(path), reading, path, on_error)
    for notice, count in reading.notices.items():
        on_notice(f"{count} listings {notice}")


def _items(path: Union[str, Path]) -> Iterator[Row]:
    from defusedxml.common import DefusedXmlException
    from defusedxml.expatreader import create_parser

    parser = create_parser(forbid_dtd=True)
    parser.setFeature(feature_namespaces, 1)
    handler = _Handler(parser)
    parser.setContentHandler(handler)
    with _open(path) as file:
        try:
            while chunk := file.read(_CHUNK):
                parser.feed(chunk)
                yield from handler.take()
            parser.close()
        except DefusedXmlException as err:
            problem = f"{type(err).__name__}: a feed needs no document type and no entities of its own; remove them"
        except SAXParseException as err:
            problem = f"no well-formed XML from here on ({err.getMessage()}); mend the file"
        except (SAXException, ValueError, LookupError) as err:
            problem = f"no XML that can be read ({err})"
        else:
            found = handler.count > 0
            first = f"its first element is <{handler.root}>" if handler.root else "it is empty"
            problem = "" if found else f"no <item> and no <entry> in the file; {first}"
        yield from handler.take()
        if problem:
            yield parser.getLineNumber() or 1, bad("line", problem)


def _open(path: Union[str, Path]) -> Any:
    return gzip.open(path, "rb") if str(path).endswith(".gz") else open(path, "rb")


class _Handler(ContentHandler):
    """Collect items; of each element the text, by its name without the namespace.

    locator (Any): Knows the line that is read.
    """

    def __init__(self, locator: Any) -> None:
        super().__init__()
        self._locator = locator
        self.root = ""
        self.count = 0
        self._done: List[Row] = []
        self._item: Optional[Dict[str, Any]] = None
        self._google: Dict[str, bool] = {}
        self._path: List[str] = []
        self._text: List[str] = []
        self._size = 0
        self._line = 0

    def take(self) -> List[Row]:
        """Give the items that are whole. RETURNS (List[Row]): The items since the last call."""
        done, self._done = self._done, []
        return done

    def startElementNS(self, name: Any, qname: Any, attrs: Any) -> None:
        """Start an item, or an element of one."""
        self.root = self.root or name[1]
        if self._item is None:
            if name[1] in _ITEMS:
                self._item, self._google, self._path, self._line = {}, {}, [], self._locator.getLineNumber()
            return
        self._path.append(name[1])
        self._text, self._size = [], 0
        # Atom's links stand in an attribute.
        if name[1] == "link" and (None, "href") in attrs.getNames():
            self._text.append(attrs.getValue((None, "href")))

    def characters(self, content: str) -> None:
        """Add text."""
        if self._item is not None and self._path:
            self._size += len(content)
            # The rest of an element that is too large is not kept.
            if self._size <= MAX_CELL:
                self._text.append(content)

    def endElementNS(self, name: Any, qname: Any) -> None:
        """End an element, or an item."""
        if self._item is None:
            return
        if not self._path:
            self.count += 1
            self._done.append((self._line, self._item))
            self._item = None
            return
        self._path.pop()
        if self._size > MAX_CELL:
            problem = f"has more than {MAX_CELL} characters"
            self._done.append((self._locator.getLineNumber(), bad(name[1], problem + "; it is left out")))
        else:
            self._add(self._item, name, "".join(self._text).strip())
        self._text, self._size = [], 0

    def _add(self, item: Dict[str, Any], name: Any, text: str) -> None:
        if not text:
            return
        key, google = _NAMES.get(name[1], name[1]), name[0] == _GOOGLE
        if key in item and google != self._google[key]:
            # Where both <title> and <g:title> stand, Google's is meant for it.
            if google:
                item[key], self._google[key] = text, True
            return
        self._google[key] = google
        if key in item:
            earlier = item[key]
            item[key] = [*(earlier if isinstance(earlier, list) else [earlier]), text]
        else:
            item[key] = text
