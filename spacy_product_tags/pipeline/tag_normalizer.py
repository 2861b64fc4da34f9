"""`product_tag_normalizer`: one value, one id, one way to write it."""
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple, Union

from spacy.language import Language
from spacy.pipeline import Pipe
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab

from ..graphemes import clean
from ..quantities.context import words_near
from ..quantities.quantity import (
    convert,
    counts_in_other_words,
    format_quantity,
    parse_exactly,
    parse_quantity,
    parse_quantity_id,
    quantity_id,
)
from ..quantities.units import Quantity
from ..rules.rules import ValueRules
from ..saving import Part, SavedInParts
from ..tag import TRACE, USER_DATA_KEY, Tag, get_category, get_tags, register_extensions, store_tags
from ..values.index import AliasIndex, Candidate
from ..values.linking import Link, choose, find_candidates
from ..values.surroundings import Surroundings
from ..values.table import Value
from .tag_merging import as_written, merge_tags

_CACHED_LINKS = 20000
# The alias table, and what was looked up in it, by text and facet.
Linked = Tuple[AliasIndex, Dict[Tuple[str, str], Tuple[List[Candidate], Link]]]


@Language.factory(
    "product_tag_normalizer",
    assigns=["doc._.tags"],
    requires=["doc._.tags"],
    default_config={
        "locale": "",
        "min_probability": 0.8,
        "fuzzy": True,
        "dense": True,
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
    dense: bool,
    rename: bool,
    quantities: bool,
    not_quantities: List[str],
) -> "TagNormalizer":
    """Make the component.

    locale (str): Language to show tags in, such as zh, ja or zh-TW; "" = that of the pipeline.
    min_probability (float): A tag that means a value with less probability means none.
    fuzzy (bool): Whether tags that are nearly an alias may mean its value.
    dense (bool): Whether tags may mean a value that is called so in a language that the table lacks.
    rename (bool): Whether a tag's text becomes the value's label; the surface stays in `raw`.
    quantities (bool): Whether 500毫升*12瓶 and the like become quantities.
    not_quantities (List[str]): Facets in which they don't: 361° is a brand.
    RETURNS (TagNormalizer): The component, with an empty alias table.
    """
    register_extensions()
    return TagNormalizer(
        nlp.vocab,
        name,
        locale=locale,
        min_probability=min_probability,
        fuzzy=fuzzy,
        dense=dense,
        rename=rename,
        quantities=quantities,
        not_quantities=not_quantities,
    )


class TagNormalizer(SavedInParts, Pipe):
    """Give each tag the id of the value that it means, and the value's name as text; then merge what is the same.

    What a tag means is looked up exactly, then nearly, then by vectors, against a learned "none of these"
    (`values.linking.link`). What a name of several values means is told by ``doc._.category`` and the other tags,
    where the table knows which categories use which values. What is not in the table is read as a quantity, with one
    id for equal amounts (500g, 1斤), and else stays as it is, without an id. `trace` tells what was done.

    vocab (Vocab): The vocabulary.
    name (str): Name in the pipeline.
    locale (str): Language to show tags in; "" = that of the doc.
    min_probability (float): A tag that means a value with less probability means none.
    fuzzy (bool): Whether tags that are nearly an alias may mean its value.
    dense (bool): Whether tags may mean a value that is called so in a language that the table lacks.
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
        dense: bool = True,
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
        self.dense = dense
        self.rename = rename
        self.quantities = quantities
        self.not_quantities = frozenset(not_quantities)
        self.aliases = AliasIndex.build(())
        # How a shop writes values, learnt from pairs (`product-tags rules fit`).
        self.rules = ValueRules()

    @property
    def aliases(self) -> AliasIndex:
        """The alias table."""
        return self._linked[0]

    @aliases.setter
    def aliases(self, index: AliasIndex) -> None:
        # The same words come again and again, and those that the table lacks cost the most. Together with the table:
        # what another thread has begun ends with the one before.
        self._linked: Linked = (index, {})

    def __call__(self, doc: Doc) -> Doc:
        """Normalize a doc's tags. RETURNS (Doc): The same doc."""
        tags = get_tags(doc)
        if tags:
            locale = self.locale or doc.lang_
            linked = self._linked
            listing = Surroundings(linked[0], get_category(doc), as_written(tags, trace(doc)))
            # Once: a doc puts its text together from the tokens.
            text = doc.text
            ruled = [self._apply_rules(tag, doc, text) for tag in tags]
            normalized = [self._normalize(linked, tag, locale, listing, doc, text) for tag in ruled]
            for number, (tag, new) in enumerate(zip(ruled, normalized)):
                if new[1] == "none" and tag is not tags[number]:
                    normalized[number] = (new[0], "rule", new[2])
            pairs = [(tag, *new) for tag, new in zip(tags, normalized)]
            merged, steps = merge_tags(pairs, trace(doc))
            store_tags(doc, merged)
            doc.user_data[USER_DATA_KEY][TRACE] = steps
        return doc

    def _apply_rules(self, tag: Tag, doc: Doc, text: str) -> Tag:
        # What was changed before has gone through the rules: 6In became 15.2, which is no 15.2 inches.
        if not len(self.rules) or (tag.raw and tag.text != clean(tag.raw)):
            return tag
        title = text.partition("\n")[0]
        wanted = self.rules.apply(tag.text, tag.facet, get_category(doc), title) or ""
        if not wanted.strip() or wanted == tag.text:
            return tag
        return replace(tag, text=wanted, raw=tag.raw or tag.text)

    def normalize(
        self,
        tag: Tag,
        locale: str,
        listing: Optional[Surroundings] = None,
        doc: Optional[Doc] = None,
        text: Optional[str] = None,
    ) -> Tuple[Tag, str, float]:
        """Normalize one tag.

        tag (Tag): The tag; an id that it has stays, unless the table says that the value was merged or retired.
        locale (str): Language to show it in.
        listing (Optional[Surroundings]): What tells the meaning of a name of several values; None = nothing.
        doc (Optional[Doc]): Whose category, language and words tell what an ambiguous unit means; None = nothing does.
        text (Optional[str]): The doc's text, where it's at hand.
        RETURNS (Tuple[Tag, str, float]): The tag; how it was found: "id", "exact", "variant", "fuzzy", "dense",
            "quantity" or "none"; and the probability.
        """
        return self._normalize(self._linked, tag, locale, listing, doc, text)

    def _normalize(
        self,
        linked: Linked,
        tag: Tag,
        locale: str,
        listing: Optional[Surroundings],
        doc: Optional[Doc],
        text: Optional[str],
    ) -> Tuple[Tag, str, float]:
        """As `normalize`, with one table for all tags of a doc, also where `aliases` is set meanwhile."""
        aliases = linked[0]
        if tag.canonical_id in aliases:
            return self._name(tag, aliases[tag.canonical_id], locale), "id", 1.0
        if tag.canonical_id and aliases.resolve(tag.canonical_id):
            # A quantity's, or that of another table.
            return tag, "id", 1.0
        candidate, probability = self._link(linked, tag.text, tag.facet, listing)
        named = None
        if candidate is not None and probability >= self.min_probability:
            named = self._name(tag, aliases[candidate.id], locale), candidate.how, probability
            if _is_vouched_for(aliases, candidate, tag, listing):
                return named
        none = replace(tag, canonical_id=""), "none", 1 - probability
        return self._read_quantity(linked, tag, locale, listing, doc, text) or named or none

    def _link(self, linked: Linked, text: str, facet: str, listing: Optional[Surroundings]) -> Link:
        index, links = linked
        known = links.get((text, facet))
        if known is None:
            found = find_candidates(index, text, facet, fuzzy=self.fuzzy, dense=self.dense)
            if len(links) >= _CACHED_LINKS:
                links.clear()
            known = links[text, facet] = found, choose(index, text, facet, found)
        found, alone = known
        if not found or listing is None or not listing.tells:
            return alone
        return choose(index, text, facet, found, listing)

    def _read_quantity(
        self,
        linked: Linked,
        tag: Tag,
        locale: str,
        listing: Optional[Surroundings],
        doc: Optional[Doc],
        text: Optional[str],
    ) -> Optional[Tuple[Tag, str, float]]:
        if not self.quantities or tag.facet in self.not_quantities:
            return None
        known: Dict[str, Any] = {}
        if doc is not None:
            near = words_near(doc.text if text is None else text, tag.start, tag.end)
            known = {"category": get_category(doc), "context": near, "lang": doc.lang_}
        quantity = parse_exactly(tag.text, facet=tag.facet, **known)
        # Without a facet a bare number or letter may be anything: 361, S, A4.
        if quantity is None or not (tag.facet or quantity.unit):
            return None
        plain, name = format_quantity(quantity), quantity_id(quantity)
        if not name:
            return None
        written = self._write(quantity, tag.text, locale.partition("-")[0], doc) if self.rename else tag.text
        named = replace(tag, text=written, raw=tag.raw or (tag.text if written != tag.text else ""))
        # The table may have it in the base unit, in this one, or as it is written here.
        in_base = parse_quantity_id(name)
        for spelt in (plain if in_base is None else format_quantity(in_base), plain, written):
            candidate, probability = self._link(linked, spelt, tag.facet, listing)
            if candidate is None or candidate.how != "exact" or probability < self.min_probability:
                continue
            if _is_vouched_for(linked[0], candidate, tag, listing):
                return self._name(named, linked[0][candidate.id], locale), "exact", probability
        return replace(named, canonical_id=name), "quantity", 1.0

    def _write(self, quantity: Quantity, text: str, language: str, doc: Optional[Doc]) -> str:
        # A seller's counters are words, and those that stand for one of ours read strange in its place: 10片, 10件.
        same = doc is not None and doc.lang_ == language
        return text if same and counts_in_other_words(quantity, text, language) else format_quantity(quantity, language)

    def _name(self, tag: Tag, value: Value, locale: str) -> Tag:
        text = (find_label(value, locale) if self.rename else "") or tag.text
        raw = tag.raw or (tag.text if text != tag.text else "")
        return replace(tag, text=text, facet=tag.facet or value.facet, canonical_id=value.id, raw=raw)

    def localize(self, tag: Tag, locale: str) -> str:
        """Give a tag's text in another language.

        tag (Tag): A normalized tag.
        locale (str): The language, such as ja or zh-TW.
        RETURNS (str): The value's label there; or the id's quantity as it is written there, in the unit that the tag
            was written in (else the base unit); the tag's own text where its value is not known or has no label in that
            language.
        """
        aliases = self.aliases
        if tag.canonical_id in aliases:
            return find_label(aliases[tag.canonical_id], locale) or tag.text
        quantity = parse_quantity_id(tag.canonical_id)
        if quantity is None:
            return tag.text
        # What was read with its surroundings is written so that it needs none.
        written = parse_quantity(tag.raw, facet=tag.facet) or parse_quantity(tag.text, facet=tag.facet)
        try:
            quantity = convert(quantity, written.unit) if written and written.unit != quantity.unit else quantity
        except ValueError:
            pass  # What the tag says is no such amount: the id decides.
        return format_quantity(quantity, locale.partition("-")[0])

    def initialize(
        self,
        get_examples: Optional[Callable[[], Iterable[Example]]] = None,
        *,
        nlp: Optional[Language] = None,
        aliases: Optional[AliasIndex] = None,
        rules: Union[ValueRules, str, Path, None] = None,
    ) -> None:
        """Take over an alias table and rules, which the component keeps from then on.

        get_examples (Optional[Callable[[], Iterable[Example]]]): Not used.
        nlp (Optional[Language]): Not used.
        aliases (Optional[AliasIndex]): The table; None = the one there is.
        rules (Union[ValueRules, str, Path, None]): How values are written, or the file that `product-tags rules fit`
            wrote; they come before the table. None = those there are.
        """
        if aliases is not None:
            self.aliases = aliases
        if rules is not None:
            self.rules = rules if isinstance(rules, ValueRules) else ValueRules.from_disk(rules)

    def _parts(self) -> Dict[str, Part]:
        aliases = (self._aliases_to_bytes, self._aliases_from_bytes, self._write_aliases, self._read_aliases)
        return {
            "aliases": Part(*aliases, own_checksums=True),
            "rules": Part(self._rules_to_bytes, self._rules_from_bytes, file="rules.json"),
        }

    def _rules_to_bytes(self) -> bytes:
        return self.rules.to_bytes()

    def _rules_from_bytes(self, data: bytes) -> None:
        self.rules = ValueRules.from_bytes(data)

    def _aliases_to_bytes(self) -> bytes:
        return self.aliases.to_bytes()

    def _aliases_from_bytes(self, data: bytes) -> None:
        self.aliases = AliasIndex.from_bytes(data)

    def _write_aliases(self, folder: Path) -> None:
        self.aliases.to_disk(folder)

    def _read_aliases(self, folder: Path) -> None:
        self.aliases = AliasIndex.from_disk(folder)


def _is_vouched_for(aliases: AliasIndex, candidate: Candidate, tag: Tag, listing: Optional[Surroundings]) -> bool:
    # 12V are the volts of anything before they are a battery's size; values that no category is known to use are
    # the shop's own.
    if tag.facet or aliases.categories_of(candidate.id) is None:
        return True
    return listing is not None and listing.allows(candidate.id) is True


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
    RETURNS (Tuple[Dict[str, Any], ...]): For each tag its `text`, `start`, `end` and `source` as they were, and the
        facet that was `given`; `how` it was found ("exact", "variant", "fuzzy", "dense", "quantity", "id", "rule", or
        "none" = not in the table) and with which `probability`; the text (`became`), `facet` and `canonical_id` of the
        tag in ``doc._.tags`` that speaks for it.
    """
    return tuple(doc.user_data.get(USER_DATA_KEY, {}).get(TRACE, ()))
