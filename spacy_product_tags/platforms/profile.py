"""Platform profiles: what a platform wants of tags. `platform_reader` reads them from files."""
from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, Optional, Tuple

ASSUMED = "assumed"
UNITS = ("characters", "bytes", "gb18030")
# Kinds of characters, see `platforms.characters.is_kind`.
KINDS = frozenset(("digit", "emoji", "symbol", "nonletter"))


@dataclass(frozen=True, slots=True)
class Source:
    """Where a rule was read.

    url (str): The public document; "" = none, the rule is assumed.
    date (str): The document's own date; "" = it has none.
    read (str): The day on which it, or a stored copy of it, was read, such as 2026-11-23.
    note (str): What a reader should know, such as that it is a third party's document.
    """

    url: str = ""
    date: str = ""
    read: str = ""
    note: str = ""

    def __str__(self) -> str:
        if not self.url:
            return ASSUMED
        dates = f"{self.date or 'undated'}, read {self.read}"
        return f"{self.url} ({dates}; {self.note})" if self.note else f"{self.url} ({dates})"


@dataclass(frozen=True, slots=True)
class BannedWords:
    """Words that a platform does not want to see.

    code (str): Short name, the reason code of a tag dropped for it.
    reason (str): The same in words that a person understands.
    words (Tuple[str, ...]): The words.
    patterns (Tuple[str, ...]): Regular expressions on the folded text (`text.folding.fold_words`).
    exceptions (Tuple[str, ...]): Longer words in which they are no offence.
    source (Source): Where this was read.
    """

    code: str
    reason: str
    words: Tuple[str, ...] = ()
    patterns: Tuple[str, ...] = ()
    exceptions: Tuple[str, ...] = ()
    source: Source = field(default_factory=Source)


@dataclass(frozen=True, slots=True)
class Profile:
    """What a platform wants of tags; see `platforms.reader.load_profile`. None, "" and () = no such rule.

    name (str): Its name.
    version (str): Its version; a changed rule is a new one.
    title (str): What it is for, in words.
    max_tags (Optional[int]): Most tags.
    min_tags (int): Where there are fewer, there must be none.
    max_tag_length (Optional[int]), tag_unit (str): Longest tag, in "characters", "bytes" (UTF-8) or "gb18030" (bytes).
    min_tag_length (int): Shortest tag in characters, but for one with a Chinese, Japanese or Korean character.
    max_length (Optional[int]), unit (str): The same for all tags, joined.
    separator (str): What stands between two tags.
    case (str): "keep" or "lower".
    max_capitals (Optional[int]): Longest word, in letters, that may be in capitals: a longer one shouts.
    script (str): "" or what Chinese is written in, as `text.scripts.to_script` takes it: Hans, Hant, Hant-HK …
    allowed_facets, denied_facets (Tuple[str, ...]): Facets that may and may not be there; () = any, none.
    required_facets (Tuple[str, ...]): Facets that must be there; what is missing is reported.
    duplicates (str): "none" = allowed; "text" = no text twice, case aside; "tag" = no tag twice, whatever its writing;
        "word" = no word of letters twice.
    max_word (Optional[int]): How often a word of letters may be there in all.
    free_words (Tuple[str, ...]): Words that may be there more often.
    forbidden (str), forbidden_kinds (Tuple[str, ...]): Characters, and kinds of them, that are not allowed: they go.
    refused_kinds (Tuple[str, ...]): Kinds of characters for which a tag is dropped.
    split (str): Characters at which a tag is several.
    stop_words (Tuple[str, ...]): Words that are left out of tags.
    promotions (bool): Promotion words (`text.promotions`) are banned.
    competitors (Tuple[str, ...]): Brands that must not be named.
    exceptions (Tuple[str, ...]): Words that are no offence, whatever they hold: your brand 第一坊.
    banned (Tuple[BannedWords, ...]): Lists of banned words.
    sources (Tuple[Tuple[str, Source], ...]): Where each table of the file was read.
    """

    name: str
    version: str
    title: str = ""
    max_tags: Optional[int] = None
    min_tags: int = 0
    max_tag_length: Optional[int] = None
    tag_unit: str = "characters"
    min_tag_length: int = 0
    max_length: Optional[int] = None
    unit: str = "characters"
    separator: str = " "
    case: str = "keep"
    max_capitals: Optional[int] = None
    script: str = ""
    allowed_facets: Tuple[str, ...] = ()
    denied_facets: Tuple[str, ...] = ()
    required_facets: Tuple[str, ...] = ()
    duplicates: str = "none"
    max_word: Optional[int] = None
    free_words: Tuple[str, ...] = ()
    forbidden: str = ""
    forbidden_kinds: Tuple[str, ...] = ()
    refused_kinds: Tuple[str, ...] = ()
    split: str = ""
    stop_words: Tuple[str, ...] = ()
    promotions: bool = False
    competitors: Tuple[str, ...] = ()
    exceptions: Tuple[str, ...] = ()
    banned: Tuple[BannedWords, ...] = ()
    sources: Tuple[Tuple[str, Source], ...] = ()

    def rules(self) -> Iterator[Tuple[str, Any, Source]]:
        """Give the rules. YIELDS (Tuple[str, Any, Source]): Each rule's place in the file, its value, its source."""
        sources = dict(self.sources)
        for place, (name, _) in FIELDS.items():
            table = place.partition(".")[0]
            if table in sources and getattr(self, name):
                yield place, getattr(self, name), sources[table]
        for words in self.banned:
            yield f"banned.{words.code}", (*words.words, *words.patterns), words.source


# A rule's place in a file: the field of `Profile` and what it must be.
FIELDS: Dict[str, Tuple[str, Any]] = {
    "count.max": ("max_tags", 1),
    "count.min": ("min_tags", 0),
    "tag_length.max": ("max_tag_length", 1),
    "tag_length.unit": ("tag_unit", UNITS),
    "tag_length.min": ("min_tag_length", 0),
    "total_length.max": ("max_length", 1),
    "total_length.unit": ("unit", UNITS),
    "separator.text": ("separator", str),
    "case.form": ("case", ("keep", "lower")),
    "case.max_capitals": ("max_capitals", 1),
    "script.form": ("script", ("", "Hans", "Hant", "Hant-TW", "Hant-HK")),
    "facets.allowed": ("allowed_facets", list),
    "facets.denied": ("denied_facets", list),
    "facets.required": ("required_facets", list),
    "duplicates.scope": ("duplicates", ("none", "text", "tag", "word")),
    "duplicates.max_word": ("max_word", 1),
    "duplicates.free_words": ("free_words", list),
    "characters.forbidden": ("forbidden", str),
    "characters.kinds": ("forbidden_kinds", KINDS),
    "characters.refused": ("refused_kinds", KINDS),
    "characters.split": ("split", str),
    "stop_words.words": ("stop_words", list),
    "promotions.banned": ("promotions", bool),
    "competitors.words": ("competitors", list),
    "exceptions.words": ("exceptions", list),
}
