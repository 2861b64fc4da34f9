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
from ..rules.rules import ValueRules
from ..saving import Part, SavedInParts
from ..tag import TRACE, USER_DATA_KEY, Tag, get_category, get_tags, register_extensions, store_tags
from ..values.index import AliasIndex
from ..values.linking import Link
from ..values.links import Links, Named
from ..values.surroundings import Surroundings
from .values.merging import as_written, merge_tags
from .values.quantities import localize_amount, read_amount, write_amount


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
        return self._links.index

    @aliases.setter
    def aliases(self, index: AliasIndex) -> None:
        self._links = Links(index)

    def __call__(self, doc: Doc) -> Doc:
        """Normalize a doc's tags. RETURNS (Doc): The same doc."""
        tags = get_tags(doc)
        if tags:
            locale = self.locale or doc.lang_
            links = self._links
            listing = Surroundings(links.index, get_category(doc), as_written(tags, trace(doc)))
            # Once: a doc puts its text together from the tokens.
            text = doc.text
            ruled = [self._apply_rules(tag, doc, text) for tag in tags]
            normalized = [self._normalize(links, tag, locale, listing, doc, text) for tag in ruled]
            for number, (tag, new) in enumerate(zip(ruled, normalized)):
                if new[1] == "none" and tag is not tags[number]:
                    normalized[number] = (new[0], "rule", new[2])
            merged, steps = merge_tags([(tag, *new) for tag, new in zip(tags, normalized)], trace(doc))
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
        if text is None:
            text = "" if doc is None else doc.text
        return self._normalize(self._links, tag, locale, listing, doc, text)

    def _normalize(
        self, links: Links, tag: Tag, locale: str, listing: Optional[Surroundings], doc: Optional[Doc], text: str
    ) -> Tuple[Tag, str, float]:
        """As `normalize`, with one table for all tags of a doc, also where `aliases` is set meanwhile."""
        aliases = links.index
        if tag.canonical_id in aliases:
            return self._name(tag, links.name(tag.canonical_id, locale)), "id", 1.0
        if tag.canonical_id and aliases.resolve(tag.canonical_id):
            # A quantity's, or that of another table.
            return tag, "id", 1.0
        candidate, probability = self._link(links, tag.text, tag.facet, listing)
        named = None
        if candidate is not None and probability >= self.min_probability:
            named = self._name(tag, links.name(candidate.id, locale)), candidate.how, probability
            if links.is_vouched_for(candidate, tag.facet, listing):
                return named
        found = self._read_quantity(links, tag, locale, listing, doc, text) or named
        return found or (replace(tag, canonical_id=""), "none", 1 - probability)

    def _link(self, links: Links, text: str, facet: str, listing: Optional[Surroundings]) -> Link:
        return links.link(text, facet, listing, fuzzy=self.fuzzy, dense=self.dense)

    def _read_quantity(
        self, links: Links, tag: Tag, locale: str, listing: Optional[Surroundings], doc: Optional[Doc], text: str
    ) -> Optional[Tuple[Tag, str, float]]:
        if not self.quantities or tag.facet in self.not_quantities:
            return None
        amount = read_amount(tag, doc, text)
        if amount is None:
            return None
        quantity, (name, in_base, plain) = amount
        written = write_amount(quantity, tag.text, locale.partition("-")[0], doc) if self.rename else tag.text
        named = replace(tag, text=written, raw=tag.raw or (tag.text if written != tag.text else ""))
        # The table may have it in the base unit, in this one, or as it is written here.
        for spelt in (in_base, plain, written):
            candidate, probability = self._link(links, spelt, tag.facet, listing)
            if candidate is None or candidate.how != "exact" or probability < self.min_probability:
                continue
            if links.is_vouched_for(candidate, tag.facet, listing):
                return self._name(named, links.name(candidate.id, locale)), "exact", probability
        return replace(named, canonical_id=name), "quantity", 1.0

    def _name(self, tag: Tag, value: Named) -> Tag:
        text = (value.label if self.rename else "") or tag.text
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
        links = self._links
        if tag.canonical_id in links.index:
            return links.name(tag.canonical_id, locale).label or tag.text
        return localize_amount(tag, locale.partition("-")[0])

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


def trace(doc: Doc) -> Tuple[Dict[str, Any], ...]:
    """Tell what the normalizer did to each tag that it found, in their order: also where those stand that are merged.

    doc (Doc): The doc.
    RETURNS (Tuple[Dict[str, Any], ...]): For each tag its `text`, `start`, `end` and `source` as they were, and the
        facet that was `given`; `how` it was found ("exact", "variant", "fuzzy", "dense", "quantity", "id", "rule", or
        "none" = not in the table) and with which `probability`; the text (`became`), `facet` and `canonical_id` of the
        tag in ``doc._.tags`` that speaks for it.
    """
    return tuple(doc.user_data.get(USER_DATA_KEY, {}).get(TRACE, ()))
