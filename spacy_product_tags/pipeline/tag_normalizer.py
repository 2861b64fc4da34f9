"""`product_tag_normalizer`: one value, one id, one way to write it."""
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Set, Tuple, Union

from spacy import util
from spacy.language import Language
from spacy.pipeline import Pipe
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab

from ..kb.alias_index import AliasIndex
from ..kb.aliases import Value
from ..kb.forms import key
from ..kb.linking import Link, link
from ..kb.quantities import format_quantity, parse_quantity
from ..tag import TRACE, USER_DATA_KEY, Tag, get_tags, store_tags

QUANTITY = "quantity/"
_CACHED_LINKS = 20000


@Language.factory(
    "product_tag_normalizer",
    assigns=["doc._.tags"],
    requires=["doc._.tags"],
    default_config={
        "locale": "",
        "min_probability": 0.8,
        "fuzzy": True,
        "rename": True,
        "quantities": True,
        "not_quantities": ["brand", "model", "series", "product"],
    },
)
def make_tag_normalizer(
    nlp: Language,
    name: str,
    locale: str,
    min_probability: float,
    fuzzy: bool,
    rename: bool,
    quantities: bool,
    not_quantities: List[str],
) -> "TagNormalizer":
    """Make the component.

    locale (str): Language to show tags in, such as zh, ja or zh-TW; "" = that of the pipeline.
    min_probability (float): A tag that means a value with less probability means none.
    fuzzy (bool): Whether tags that are nearly an alias may mean its value.
    rename (bool): Whether a tag's text becomes the value's label; the surface stays in `raw`.
    quantities (bool): Whether 500毫升*12瓶 and the like become quantities.
    not_quantities (List[str]): Facets in which they don't: 361° is a brand.
    RETURNS (TagNormalizer): The component, with an empty alias table.
    """
    return TagNormalizer(
        nlp.vocab,
        name,
        locale=locale,
        min_probability=min_probability,
        fuzzy=fuzzy,
        rename=rename,
        quantities=quantities,
        not_quantities=not_quantities,
    )


class TagNormalizer(Pipe):
    """Give each tag the id of the value that it means, and the value's name as text; then merge what is the same.

    What a tag means is looked up exactly, then nearly, against a learned "none of these" (`kb.linking.link`). What is
    not in the table is read as a quantity, and else stays as it is, without an id. `trace` tells what was done.

    vocab (Vocab): The vocabulary.
    name (str): Name in the pipeline.
    locale (str): Language to show tags in; "" = that of the doc.
    min_probability (float): A tag that means a value with less probability means none.
    fuzzy (bool): Whether tags that are nearly an alias may mean its value.
    rename (bool): Whether a tag's text becomes the value's label.
    quantities (bool): Whether quantities are read.
    not_quantities (Iterable[str]): Facets in which they aren't.
    RAISES (ValueError): On a setting outside its range.
    """

    def __init__(
        self,
        vocab: Vocab,
        name: str = "product_tag_normalizer",
        *,
        locale: str = "",
        min_probability: float = 0.8,
        fuzzy: bool = True,
        rename: bool = True,
        quantities: bool = True,
        not_quantities: Iterable[str] = (),
    ) -> None:
        if not 0 <= min_probability <= 1:
            raise ValueError(f"[components.{name}] min_probability: must be from 0 to 1, not {min_probability}")
        self.vocab = vocab
        self.name = name
        self.locale = locale
        self.min_probability = min_probability
        self.fuzzy = fuzzy
        self.rename = rename
        self.quantities = quantities
        self.not_quantities = frozenset(not_quantities)
        self.aliases = AliasIndex.build(())

    @property
    def aliases(self) -> AliasIndex:
        """The alias table."""
        return self._aliases

    @aliases.setter
    def aliases(self, index: AliasIndex) -> None:
        self._aliases = index
        # The same words come again and again, and those that the table lacks cost the most.
        self._links: Dict[Tuple[str, str], Link] = {}

    def __call__(self, doc: Doc) -> Doc:
        """Normalize a doc's tags. RETURNS (Doc): The same doc."""
        tags = get_tags(doc)
        if tags:
            locale = self.locale or doc.lang_
            merged, steps = _merge([(tag, *self.normalize(tag, locale)) for tag in tags], trace(doc))
            store_tags(doc, merged)
            doc.user_data[USER_DATA_KEY][TRACE] = steps
        return doc

    def normalize(self, tag: Tag, locale: str) -> Tuple[Tag, str, float]:
        """Normalize one tag.

        tag (Tag): The tag; an id that it has stays, unless the table says that the value was merged or retired.
        locale (str): Language to show it in.
        RETURNS (Tuple[Tag, str, float]): The tag; how it was found: "id", "exact", "fuzzy", "quantity" or "none"; and
            the probability.
        """
        if tag.canonical_id in self.aliases:
            return self._name(tag, self.aliases[tag.canonical_id], locale), "id", 1.0
        if tag.canonical_id and self.aliases.resolve(tag.canonical_id):
            # A quantity's, or that of another table.
            return tag, "id", 1.0
        candidate, probability = self._link(tag.text, tag.facet)
        if candidate is not None and probability >= self.min_probability:
            return self._name(tag, self.aliases[candidate.id], locale), candidate.how, probability
        return self._read_quantity(tag, locale) or (replace(tag, canonical_id=""), "none", 1 - probability)

    def _link(self, text: str, facet: str) -> Link:
        found = self._links.get((text, facet))
        if found is None:
            if len(self._links) >= _CACHED_LINKS:
                self._links.clear()
            found = self._links[text, facet] = link(self.aliases, text, facet, fuzzy=self.fuzzy)
        return found

    def _read_quantity(self, tag: Tag, locale: str) -> Optional[Tuple[Tag, str, float]]:
        quantity = parse_quantity(tag.text) if self.quantities and tag.facet not in self.not_quantities else None
        # Without a facet a bare number or letter may be anything: 361, S, A4.
        if quantity is None or not (tag.facet or quantity.unit):
            return None
        plain = format_quantity(quantity, "en")
        if parse_quantity(plain) != quantity:
            return None
        written = format_quantity(quantity, locale.partition("-")[0]) if self.rename else tag.text
        named = replace(tag, text=written, raw=tag.raw or (tag.text if written != tag.text else ""))
        for text in (written, plain):
            candidate, probability = self._link(text, tag.facet)
            if candidate is not None and candidate.how == "exact" and probability >= self.min_probability:
                return self._name(named, self.aliases[candidate.id], locale), "exact", probability
        return replace(named, canonical_id=QUANTITY + plain), "quantity", 1.0

    def _name(self, tag: Tag, value: Value, locale: str) -> Tag:
        text = (find_label(value, locale) if self.rename else "") or tag.text
        raw = tag.raw or (tag.text if text != tag.text else "")
        return replace(tag, text=text, facet=tag.facet or value.facet, canonical_id=value.id, raw=raw)

    def localize(self, tag: Tag, locale: str) -> str:
        """Give a tag's text in another language.

        tag (Tag): A normalized tag.
        locale (str): The language, such as ja or zh-TW.
        RETURNS (str): The value's label there, or the quantity as it is written there; the tag's own text where its
            value is not known or has no label in that language.
        """
        if tag.canonical_id in self.aliases:
            return find_label(self.aliases[tag.canonical_id], locale) or tag.text
        if tag.canonical_id.startswith(QUANTITY):
            quantity = parse_quantity(tag.canonical_id.removeprefix(QUANTITY))
            if quantity is not None:
                return format_quantity(quantity, locale.partition("-")[0])
        return tag.text

    def initialize(
        self,
        get_examples: Optional[Callable[[], Iterable[Example]]] = None,
        *,
        nlp: Optional[Language] = None,
        aliases: Optional[AliasIndex] = None,
    ) -> None:
        """Take over an alias table, which the component keeps from then on.

        get_examples (Optional[Callable[[], Iterable[Example]]]): Not used.
        nlp (Optional[Language]): Not used.
        aliases (Optional[AliasIndex]): The table; None = the one there is.
        """
        if aliases is not None:
            self.aliases = aliases

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """Serialize the alias table. RETURNS (bytes): msgpack; nothing is pickled."""
        return util.to_bytes({"aliases": self.aliases.to_bytes}, exclude)

    def from_bytes(self, data: bytes, *, exclude: Iterable[str] = ()) -> "TagNormalizer":
        """Load what `to_bytes` gave. RETURNS (TagNormalizer): Itself."""
        util.from_bytes(data, {"aliases": self._aliases_from_bytes}, exclude)
        return self

    def _aliases_from_bytes(self, data: bytes) -> None:
        self.aliases = AliasIndex.from_bytes(data)

    def to_disk(self, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> None:
        """Save the alias table to a folder, as the folder ``aliases``."""
        path = util.ensure_path(path)
        path.mkdir(parents=True, exist_ok=True)
        if "aliases" not in exclude:
            self.aliases.to_disk(path / "aliases")

    def from_disk(self, path: Union[str, Path], *, exclude: Iterable[str] = ()) -> "TagNormalizer":
        """Open a folder that `to_disk` wrote: by memory map, so that it costs nothing until it is used.

        RETURNS (TagNormalizer): Itself.
        RAISES (ValueError): Where the folder is damaged.
        """
        if "aliases" not in exclude:
            self.aliases = AliasIndex.from_disk(util.ensure_path(path) / "aliases")
        return self


def find_label(value: Value, locale: str) -> str:
    """Find what a value is called in a language.

    value (Value): The value.
    locale (str): Such as ja, zh or zh-TW; a language without a region takes the label of any region, zh that of zh-CN
        first.
    RETURNS (str): The label; "" = there is none.
    """
    labels = value.labels
    language = locale.replace("_", "-").partition("-")[0]
    traditional = locale.replace("_", "-").partition("-")[2] in ("TW", "HK", "MO", "Hant", "Hant-TW", "Hant-HK")
    for name in (locale, *(["zh-TW", "zh-HK"] if language == "zh" and traditional else []), language, f"{language}-CN"):
        if name in labels:
            return labels[name]
    return next((text for name, text in sorted(labels.items()) if name.partition("-")[0] == language), "")


def trace(doc: Doc) -> Tuple[Dict[str, Any], ...]:
    """Tell what the normalizer did to each tag that it found, in their order: also where those stand that are merged.

    doc (Doc): The doc.
    RETURNS (Tuple[Dict[str, Any], ...]): For each tag its `text`, `start`, `end` and `source` as they were; `how` it
        was found ("exact", "fuzzy", "quantity", "id" or "none" = not in the table) and with which `probability`; the
        text (`became`), `facet` and `canonical_id` of the tag in ``doc._.tags`` that speaks for it.
    """
    return tuple(doc.user_data.get(USER_DATA_KEY, {}).get(TRACE, ()))


def _merge(
    pairs: Sequence[Tuple[Tag, Tag, str, float]], earlier: Sequence[Dict[str, Any]]
) -> Tuple[List[Tag], List[Dict[str, Any]]]:
    """Make one of tags that are the same.

    pairs (Sequence[Tuple[Tag, Tag, str, float]]): Each tag as it was and as it is; how it was found, how surely.
    earlier (Sequence[Dict[str, Any]]): The doc's trace; of a tag that went through here before, it says more.
    RETURNS (Tuple[List[Tag], List[Dict[str, Any]]]): The tags in order, and the trace.
    """
    facets: Dict[str, Set[str]] = {}
    for _, tag, _, _ in pairs:
        facets.setdefault(_name(tag), set()).update([tag.facet] if tag.facet else [])
    known: Dict[Tuple[str, str, str], List[Dict[str, Any]]] = {}
    for step in earlier:
        known.setdefault((step["became"], step["facet"], step["canonical_id"]), []).append(step)
    merged: Dict[Tuple[str, str], Tag] = {}
    found: List[Tuple[Tuple[str, str], Dict[str, Any]]] = []
    for before, tag, how, probability in pairs:
        own = facets[_name(tag)]
        # What a seller typed has no facet: it joins the tag of the text, if there is one of that name.
        same = (_name(tag), next(iter(own)) if not tag.facet and len(own) == 1 else tag.facet)
        if same not in merged or _rank(tag) > _rank(merged[same]):
            merged[same] = tag
        step = {name: getattr(before, name) for name in ("text", "start", "end", "source")}
        new = [{**step, "how": how, "probability": float(probability)}]
        found += [(same, step) for step in known.pop((before.text, before.facet, before.canonical_id), new)]
    steps = []
    for same, step in found:
        tag = merged[same]
        steps.append({**step, "became": tag.text, "facet": tag.facet, "canonical_id": tag.canonical_id})
    return list(merged.values()), steps


def _name(tag: Tag) -> str:
    # Ids and texts must not be taken for one another.
    return f"id {tag.canonical_id}" if tag.canonical_id else f"text {key(tag.text) or tag.text}"


def _rank(tag: Tag) -> Tuple[bool, bool, float]:
    # Words of the text speak louder than what a seller typed.
    return tag.start is not None, bool(tag.facet), tag.score
