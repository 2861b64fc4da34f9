"""Check corpora before anybody trains on them: every mistake with its file, line and field, and what to do."""
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Collection, Dict, Iterable, Iterator, List, Optional, Set, Tuple, Union

from ..errors import ListingError
from ..io import iter_lines, open_text, parse_json
from ..listing import Listing
from .markup import iter_markup
from .phrases import Phrases

SPLITS = ("train", "dev", "test")
# A line number, the listing there as far as it can be read, and what is wrong with it: (field, problem).
Entry = Tuple[int, Optional[Listing], List[Tuple[str, str]]]


@dataclass
class Report:
    """What `check_corpus` found.

    errors (List[ListingError]): Must be mended.
    warnings (List[ListingError]): May be meant.
    listings (int): Listings without an error.
    tags (int): Their tags.
    facets (Counter[str]): Tags by facet.
    languages (Counter[str]): Listings by language.
    """

    errors: List[ListingError] = field(default_factory=list)
    warnings: List[ListingError] = field(default_factory=list)
    listings: int = 0
    tags: int = 0
    facets: "Counter[str]" = field(default_factory=Counter)
    languages: "Counter[str]" = field(default_factory=Counter)


def check_corpus(
    paths: Iterable[Union[str, Path]], facets: Optional[Collection[str]] = None, *, phrases: bool = False
) -> Report:
    """Check JSONL corpora and markup files.

    paths (Iterable[Union[str, Path]]): Files (.jsonl, .jsonl.gz, .txt with markup) or folders of them. A product may
        not be in two files that are called train, dev and test.
    facets (Optional[Collection[str]]): The facets that tags may have; None = any.
    phrases (bool): Warn of phrases that few listings annotate otherwise than most.
    RETURNS (Report): Errors, warnings and counts.
    RAISES (ListingError): Where a path is missing or not such a file.
    """
    report = Report()
    seen = Phrases() if phrases else None
    for _ in check_listings(paths, facets, report, seen):
        pass
    if seen is not None:
        report.warnings.extend(seen.find_uneven())
    return report


def check_listings(
    paths: Iterable[Union[str, Path]],
    facets: Optional[Collection[str]],
    report: Report,
    phrases: Optional[Phrases] = None,
) -> Iterator[Listing]:
    """Check as `check_corpus` does and hand on what is good.

    paths (Iterable[Union[str, Path]]): Files or folders.
    facets (Optional[Collection[str]]): The facets that tags may have; None = any.
    report (Report): Is filled in on the way.
    phrases (Optional[Phrases]): Takes those of good listings.
    YIELDS (Listing): Each listing without an error.
    """
    ids: Dict[str, str] = {}
    texts: Dict[str, str] = {}
    products: Dict[str, Tuple[str, str]] = {}
    for path in find_corpora(paths):
        split = path.name.split(".")[0]
        for line, listing, problems in read_entries(path):
            place = f"{path}:{line}"
            if listing is not None:
                problems.extend(_check_listing(listing, facets))
                first = ids.setdefault(listing.id, place) if listing.id else place
                if first != place:
                    problems.append(("id", f"{listing.id!r} is the id at {first} too; give each listing its own"))
                if split in SPLITS and listing.product:
                    there, first = products.setdefault(listing.product, (split, place))
                    if there != split:
                        problem = f"{listing.product!r} is in {there} too ({first}); keep a product in one split"
                        problems.append(("product", problem))
                first = texts.setdefault(listing.text, place)
                if first != place:
                    problem = f"is the same as at {first}; keep one unless both are meant"
                    report.warnings.append(ListingError(path, line, "title", problem))
            report.errors.extend(ListingError(path, line, name, problem) for name, problem in problems)
            if listing is not None and not problems:
                report.listings += 1
                report.tags += len(listing.tags)
                report.facets.update(tag.facet for tag in listing.tags)
                report.languages[listing.lang] += 1
                if phrases is not None:
                    phrases.add(path, line, listing)
                yield listing


def load_facets(path: Union[str, Path]) -> Dict[str, str]:
    """Read a facet file: TOML with a table ``[facets]`` of names and what each means.

    path (Union[str, Path]): The file.
    RETURNS (Dict[str, str]): Meaning by name.
    RAISES (ListingError): Where it is no such file.
    """
    try:
        facets = tomllib.loads(Path(path).read_text(encoding="utf8")).get("facets")
    except ValueError as err:
        raise ListingError(path, 0, "file", f"is no TOML in UTF-8 ({err})") from None
    if not isinstance(facets, dict) or not facets or not all(isinstance(text, str) for text in facets.values()):
        raise ListingError(path, 0, "facets", 'needs a table [facets] with lines such as color = "Colour of the thing"')
    return facets


def find_corpora(paths: Iterable[Union[str, Path]]) -> Iterator[Path]:
    """Find the files of a corpus.

    paths (Iterable[Path]): Files, and folders, of which all files count that are a corpus, also in folders within.
    YIELDS (Path): Each file, those of a folder in the order of their names.
    RAISES (ListingError): Where there is none.
    """
    for path in map(Path, paths):
        if path.is_dir():
            files = sorted(file for file in path.rglob("*") if _is_corpus(file) and file.is_file())
            if not files:
                raise ListingError(path, 0, "path", "the folder holds no .jsonl, .jsonl.gz or .txt file")
            yield from files
        elif not path.exists():
            raise ListingError(path, 0, "path", "no such file or folder")
        elif not _is_corpus(path):
            raise ListingError(path, 0, "path", "the name must end in .jsonl, .jsonl.gz or .txt (markup)")
        else:
            yield path


def _is_corpus(path: Path) -> bool:
    return path.name.endswith((".jsonl", ".jsonl.gz", ".txt"))


def read_entries(path: Path) -> Iterator[Entry]:
    """Read a corpus listing by listing; a bad one stops nothing. YIELDS (Entry): Line, listing and its problems."""
    if path.suffix != ".txt":
        yield from _read_jsonl(path)
        return
    for line, found in iter_markup(path):
        if isinstance(found, ListingError):
            yield line, None, [(found.field, found.problem)]
        else:
            yield line, found, []


def _read_jsonl(path: Path) -> Iterator[Entry]:
    with open_text(path) as file:
        for number, line in iter_lines(file):
            problems: List[Tuple[str, str]] = []
            try:
                line.encode("utf8")
                listing = _salvage(dict(parse_json(line)), problems)
            except UnicodeEncodeError:
                yield number, None, [("line", "has bytes that are no UTF-8; save the file as UTF-8")]
            except ListingError as err:
                yield number, None, [*problems, (err.field, err.problem)]
            else:
                yield number, listing, problems


def _salvage(data: Dict[str, Any], problems: List[Tuple[str, str]]) -> Listing:
    """Make a listing, dropping bad tags and fields one by one, so that all that is wrong comes out at once.

    RAISES (ListingError): On what a listing can't do without; offsets mean nothing when the text is bad.
    """
    tags = data.get("tags")
    # Where the tags that are left stood.
    numbers = list(range(len(tags))) if isinstance(tags, list) else []
    while True:
        try:
            return Listing.from_dict(data)
        except ListingError as err:
            name, _, rest = err.field.partition("[")
            if name not in data or name in ("title", "text", "description"):
                raise
            where, at = err.field, rest.partition("]")[0]
            # A key may look like a place in the tags, and then is what is meant: keys are checked first.
            if name == "tags" and at and where not in data:
                where = f"tags[{numbers.pop(int(at))}]{rest.partition(']')[2]}"
                data["tags"] = [tag for number, tag in enumerate(data["tags"]) if number != int(at)]
            else:
                del data[where if where in data else name]
            problems.append((where, err.problem))


def _check_listing(listing: Listing, facets: Optional[Collection[str]]) -> Iterator[Tuple[str, str]]:
    if not listing.title.strip():
        yield "title", "is blank; a listing needs a title"
    for number, level in enumerate(listing.category):
        if not level.strip():
            yield f"category[{number}]", "is an empty level; leave it out"
    seen: Set[Any] = set()
    for number, tag in enumerate(listing.tags):
        if tag.text != tag.text.strip():
            yield f"tags[{number}].text", f"has blanks at its ends: {tag.text!r}; move start and end"
        if facets is not None and tag.facet not in facets:
            near = get_close_matches(tag.facet, facets, 1)
            hint = f"did you mean {near[0]!r}?" if near else "use one that is, or add it there"
            yield f"tags[{number}].facet", f"{tag.facet!r} is not in the facet file; {hint}"
        if tag in seen:
            yield f"tags[{number}]", f"{tag.text!r} as {tag.facet!r} is there twice; keep one"
        seen.add(tag)
    for name in ("seller_tags", "seller_answers"):
        for number, text in enumerate(getattr(listing, name)):
            if text is not None and not text.strip():
                hint = "leave it out" if name == "seller_tags" else "write null where the tag should go"
                yield f"{name}[{number}]", f"is blank; {hint}"
