"""Read platform profiles from TOML files, and check them: errors name file, line and field."""
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Dict, List, Mapping, NoReturn, Optional, Tuple, Union

from ..errors import ListingError
from .profile import ASSUMED, FIELDS, BannedWords, Profile, Source

SCHEMA = 1
PROFILES_PATH = Path(__file__).with_name("profiles")
WORDS_PATH = Path(__file__).with_name("banned_words.toml")
_TABLES = {place.partition(".")[0] for place in FIELDS}
_IS_FILE = re.compile(r"\w[\w .-]*\.toml")
_HEAD = ("schema", "name", "version", "title", "extends")


def profile_names() -> List[str]:
    """Give the names of the profiles that come with the package. RETURNS (List[str]): Sorted."""
    return sorted(path.stem for path in PROFILES_PATH.glob("*.toml"))


def load_profile(name: Union[str, Path]) -> Profile:
    """Read a profile.

    name (Union[str, Path]): One of `profile_names`, or a TOML file of your own. With ``extends = "amazon"`` a file
        holds what differs: its tables win key by key, its lists of banned words are added.
    RETURNS (Profile): The profile.
    RAISES (ListingError): On a file that is none, a wrong field or rules that contradict each other; it names file,
        line and field.
    """
    if isinstance(name, str) and Path(name).name == name and not name.endswith(".toml"):
        return _load_bundled(name)
    return _build(Path(name), _read(Path(name), ()))


@cache
def _load_bundled(name: str) -> Profile:
    path = _bundled_path(name)
    if path is None:
        known = ", ".join(profile_names())
        raise ListingError(name, 0, "name", f"no such profile; there are {known}, or give the path of a .toml file")
    return _build(path, _read(path, ()))


def _bundled_path(name: str) -> Optional[Path]:
    return PROFILES_PATH / f"{name}.toml" if name in profile_names() else None


def _read(path: Path, seen: Tuple[Path, ...]) -> Dict[str, Any]:
    """Read a file and what it extends. RETURNS (Dict[str, Any]): Its tables, each checked for itself."""
    if not path.is_file():
        raise ListingError(path, 0, "path", "no such file; give the name of a profile or the path of a .toml file")
    try:
        data = tomllib.loads(path.read_text(encoding="utf8"))
    except ValueError as err:
        line = re.search(r"at line (\d+)", str(err))
        raise ListingError(path, int(line[1]) if line else 0, "file", f"is no TOML in UTF-8 ({err})") from None
    if data.get("schema") != SCHEMA:
        _fail(path, "schema", f"must be {SCHEMA}, the version of the schema, not {data.get('schema')!r}")
    _check_tables(path, data)
    base = data.get("extends")
    if base is None:
        return data
    if not isinstance(base, str) or not base:
        _fail(path, "extends", f"must be the name of a profile or a file beside this one, not {base!r}")
    base_path = _bundled_path(base) or path.parent / base
    if not _bundled_path(base) and (not _IS_FILE.fullmatch(base) or base_path.is_symlink()):
        # A profile from a stranger must not make another file be read.
        problem = f"{base!r:.80} is neither a profile nor the name of a .toml file in the same folder"
        _fail(path, "extends", f"{problem}; there are {', '.join(profile_names())}")
    if base_path.resolve() in (*seen, path.resolve()):
        _fail(path, "extends", f"{base!r} extends this file in turn")
    if not base_path.is_file():
        _fail(path, "extends", f"no profile {base!r}; there are {', '.join(profile_names())}")
    merged = _read(base_path, (*seen, path.resolve()))
    for key, value in data.items():
        if key in _TABLES:
            merged[key] = {**merged.get(key, {}), **value}
        elif key == "banned":
            merged[key] = [*merged.get(key, []), *value]
        else:
            merged[key] = value
    return merged


def _check_tables(path: Path, data: Mapping[str, Any]) -> None:
    for name in ("name", "version"):
        if not isinstance(data.get(name), str) or not data[name].strip():
            _fail(path, name, "missing; needed is a string that is not blank")
    if not isinstance(data.get("title", ""), str):
        _fail(path, "title", f"must be a string, not {data['title']!r}")
    for table, value in data.items():
        if table == "banned":
            if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
                _fail(path, "banned", "must be tables that begin with [[banned]]")
            for number, entry in enumerate(value):
                entry["_words"] = _make_words(path, f"banned[{number}]", entry)
        elif table in _TABLES:
            if not isinstance(value, dict):
                _fail(path, table, f"must be a table that begins with [{table}], not {value!r}")
            for key in value:
                if key != "source":
                    _check_value(path, f"{table}.{key}", value[key])
            value["source"] = _make_source(path, f"{table}.source", value.get("source"))
        elif table not in _HEAD:
            known = ", ".join((*_HEAD, *sorted(_TABLES), "banned"))
            _fail(path, table, f"not known; a profile has {known}")


def _check_value(path: Path, place: str, value: Any) -> None:
    table = place.partition(".")[0]
    if place not in FIELDS:
        known = [name.partition(".")[2] for name in FIELDS if name.startswith(f"{table}.")]
        _fail(path, place, f"not known; [{table}] has {', '.join(known)} and source")
    kind = FIELDS[place][1]
    if isinstance(kind, tuple):
        if value not in kind:
            _fail(path, place, f"must be one of {', '.join(map(repr, kind))}, not {value!r}")
    elif isinstance(kind, int):
        if isinstance(value, bool) or not isinstance(value, int) or value < kind:
            _fail(path, place, f"must be a whole number from {kind}, not {value!r}")
    elif kind is list:
        _strings(path, place, value)
    elif isinstance(kind, frozenset):
        for name in _strings(path, place, value):
            if name not in kind:
                _fail(path, place, f"must be some of {', '.join(sorted(kind))}, not {name!r}")
    elif not isinstance(value, kind):
        _fail(path, place, f"must be a {'string' if kind is str else 'true or false'}, not {value!r}")


def _strings(path: Path, place: str, value: Any) -> Tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(text, str) and text.strip() for text in value):
        _fail(path, place, f"must be a list of strings that are not blank, not {value!r:.80}")
    return tuple(value)


def _make_source(path: Path, place: str, value: Any) -> Source:
    if value == ASSUMED:
        return Source()
    needed = 'needed is source = "assumed" or source = { url = "https://…", date = "2018-08-03", read = "2026-11-23" }'
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        _fail(path, place, f"{'missing' if value is None else repr(value)}; {needed}")
    if set(value) - set(Source.__slots__) or not re.match(r"https?://\S+$", value.get("url", "")):
        _fail(path, place, f"{value!r} has another key, or no url; {needed}")
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", value.get("read", "")):
        _fail(path, place, f"read: {value.get('read')!r} is no day; {needed}")
    if not re.fullmatch(r"(\d{4}(-\d\d){0,2})?", value.get("date", "")):
        _fail(path, place, f"date: {value['date']!r} is no date; leave it empty where the document has none")
    return Source(**value)


@cache
def _word_lists() -> Dict[str, BannedWords]:
    data = tomllib.loads(WORDS_PATH.read_text(encoding="utf8"))
    return {name: _make_words(WORDS_PATH, name, {"code": name, **entry}) for name, entry in data.items()}


def _make_words(path: Path, place: str, entry: Mapping[str, Any]) -> BannedWords:
    if "list" in entry:
        if set(entry) - {"list"}:
            _fail(path, place, "has other keys beside list; exceptions go to [exceptions], more words to another list")
        if not isinstance(entry["list"], str) or entry["list"] not in _word_lists():
            _fail(path, f"{place}.list", f"no list {entry['list']!r}; there are {', '.join(_word_lists())}")
        return _word_lists()[entry["list"]]
    for name in entry:
        if name not in ("code", "reason", "words", "patterns", "except", "source"):
            _fail(path, f"{place}.{name}", "not known; a list has code, reason, words, patterns, except, source")
    for name in ("code", "reason"):
        if not isinstance(entry.get(name), str) or not entry[name].strip():
            _fail(path, f"{place}.{name}", "missing; needed is a string that is not blank")
    words, patterns, exceptions = (
        _strings(path, f"{place}.{name}", entry.get(name, [])) for name in ("words", "patterns", "except")
    )
    for pattern in patterns:
        try:
            matches_nothing = re.compile(pattern).search("")
        except re.error as err:
            _fail(path, f"{place}.patterns", f"{pattern!r} is no regular expression ({err})")
        if matches_nothing:
            _fail(path, f"{place}.patterns", f"{pattern!r} matches the empty text, so it would ban every tag")
    if not words and not patterns:
        _fail(path, f"{place}.words", "missing; a list needs words or patterns")
    source = _make_source(path, f"{place}.source", entry.get("source"))
    return BannedWords(entry["code"], entry["reason"], words, patterns, exceptions, source)


def _build(path: Path, data: Mapping[str, Any]) -> Profile:
    values: Dict[str, Any] = {}
    for place, (name, _) in FIELDS.items():
        table, _, key = place.partition(".")
        if key in data.get(table, {}):
            value = data[table][key]
            values[name] = tuple(value) if isinstance(value, list) else value
    sources = tuple((table, data[table]["source"]) for table in data if table in _TABLES)
    banned = tuple(dict.fromkeys(entry["_words"] for entry in data.get("banned", [])))
    head = {name: data[name] for name in ("name", "version", "title") if name in data}
    profile = Profile(**head, **values, banned=banned, sources=sources)
    _check_rules(path, profile)
    return profile


def _check_rules(path: Path, profile: Profile) -> None:
    """Check that rules agree. RAISES (ListingError): Where they can't be kept together."""
    if profile.max_tags is not None and profile.min_tags > profile.max_tags:
        _fail(path, "count.min", f"{profile.min_tags} is more than count.max, {profile.max_tags}")
    if not profile.separator or any(not char.isprintable() for char in profile.separator):
        _fail(path, "separator.text", f"{profile.separator!r} is empty or holds a sign that can't be printed")
    if any(char.isalnum() for char in profile.separator):
        _fail(path, "separator.text", f"{profile.separator!r} holds letters or digits, so tags can't be told apart")
    for char in profile.separator.strip():
        if char not in profile.forbidden + profile.split:
            _fail(path, "characters.forbidden", f"must hold {char!r} of the separator, or tags can't be told apart")
    if " " in profile.split:
        _fail(path, "characters.split", "must not hold the blank: a tag may be of several words")
    if " " in profile.forbidden:
        _fail(path, "characters.forbidden", "must not hold the blank: it stands in for what is forbidden")
    for facet in profile.required_facets:
        if facet in profile.denied_facets or (profile.allowed_facets and facet not in profile.allowed_facets):
            _fail(path, "facets.required", f"{facet!r} is required but not allowed")


def _fail(path: Path, place: str, problem: str) -> NoReturn:
    raise ListingError(path, _line_of(path, place), place, problem)


def _line_of(path: Path, place: str) -> int:
    """Find the line of a field. RETURNS (int): The line of its key or else of its table; 0 = not found."""
    table, _, key = place.partition(".")
    name, _, number = table.rstrip("]").partition("[")
    header = re.compile(rf"\s*\[{{1,2}}\s*{re.escape(name)}\s*\]")
    skip, inside, found = int(number or 0), False, 0
    for line_number, line in enumerate(path.read_text(encoding="utf8", errors="replace").splitlines(), 1):
        if not found and not key and re.match(rf"\s*{re.escape(name)}\s*=", line):
            return line_number
        if re.match(r"\s*\[", line):
            inside = bool(header.match(line)) and skip == 0
            skip -= bool(header.match(line))
            found = line_number if inside else found
        elif inside and key and re.match(rf"\s*{re.escape(key)}\s*=", line):
            return line_number
    return found
