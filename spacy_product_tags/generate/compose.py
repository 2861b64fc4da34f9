"""Compose made-up titles and short texts about products from a taxonomy."""
import random
import re
from bisect import bisect_right
from itertools import accumulate
from typing import Any, Dict, FrozenSet, List, Mapping, NamedTuple, Sequence, Tuple

from ..listings.augment import runs_together
from .taxonomy import Attribute, Category, Labels, Products, clean_label
from .words import (
    CHINESE_UNITS,
    COUNTS,
    DEPARTMENTS,
    FITS,
    GENDERS,
    ORDERS,
    PATTERNED,
    RATES,
    SHOE_SIZES,
    SIZES,
    base_language,
)
from .write import fill, make_brand, make_model, make_promotion, write_product, write_value

# Values of a corpus: language and category path (from the top, as far as it goes) → facet → values.
Pools = Mapping[Tuple[str, Tuple[str, ...]], Mapping[str, Sequence[str]]]

_WORD = re.compile(r"(?<![\w'])[a-z](?=[a-z]{3})")
# Facets whose values in the corpus go with many products, and how often they are drawn from there.
_FROM_CORPUS = {
    "color": 0.4, "style": 0.3, "season": 0.3, "occasion": 0.25, "function": 0.25, "origin": 0.15, "audience": 0.2,
}  # fmt: skip
_ACCESSORY = re.compile("Accessor|Case|Cable|Charg|Mount|Battery|Batteries")
_APPAREL, _COSMETICS = "Apparel & Accessories", "Health & Beauty"
# Attributes of what is sold by weight or volume.
_SUBSTANCE = re.compile("form$|scent|fragrance|ingredient|texture|dispenser|supplements|flavor")


class _Kind(NamedTuple):
    """A category as titles need it: with its attributes, also by facet, and the ids of all that it has."""

    path: Tuple[Labels, ...]
    leaf: bool
    department: str
    names: FrozenSet[str]
    attributes: List[Attribute]
    by_facet: Dict[str, List[Attribute]]


class Composer:
    """Composes titles and texts of one taxonomy.

    products (Products): What there is.
    pools (Pools): Values of a corpus to be mixed in.
    rng (Random): Where chance comes from.
    """

    def __init__(self, products: Products, pools: Pools, rng: random.Random) -> None:
        self.pools, self.rng = pools, rng
        self.attributes = products.attributes
        self._departments: List[str] = []
        self._kinds: List[List[_Kind]] = []
        for name, categories in products.departments.items():
            kinds = [self._kind(category, name) for category in categories if _is_product(category)]
            if kinds and DEPARTMENTS.get(name, 1.0):
                self._departments.append(name)
                self._kinds.append(kinds)
        self._ends = list(accumulate(DEPARTMENTS.get(name, 1.0) for name in self._departments))
        self._cleaned: Dict[Tuple[int, str], List[str]] = {}
        self.languages = sorted({lang for kinds in self._kinds for kind in kinds for lang in kind.path[-1]})
        self._described = [attribute for attribute in self.attributes.values() if attribute.descriptions]

    def title(self, lang: str) -> str:
        """Compose a title. RETURNS (str): The title, "" where the category drawn has no name in the language."""
        return self.title_and_path(lang)[0]

    def title_and_path(self, lang: str) -> Tuple[str, Tuple[Labels, ...]]:
        """Compose a title.

        lang (str): Its language.
        RETURNS (Tuple[str, Tuple[Dict[str, str], ...]]): The title, "" where the category drawn has no name in the
            language, and the names of its category from the top.
        """
        kind = self._draw() if self._kinds else None
        if kind is None or lang not in kind.path[-1]:
            return "", ()
        return self._compose(kind, lang), kind.path

    def _compose(self, kind: "_Kind", lang: str) -> str:
        rng = self.rng
        order = rng.choice(ORDERS.get(lang[:2], ORDERS[""])).split()
        # Chinese titles say more.
        more = {"zh": 0.2, "ja": 0.15}.get(lang[:2], 0.0)
        parts, head = [], 0
        for name in order:
            if rng.random() < RATES.get(name, 0.5) + more:
                part = self._value(name, lang, kind) or self._part(name, lang, kind)
                if part and part not in parts:
                    parts.append(part)
            head = len(parts) if name == "product" else head
        return _join_chinese(parts, lang, rng) if lang[:2] == "zh" else _join(parts, head, lang, rng)

    def text(self, lang: str) -> str:
        """Compose a line that explains: attributes and values, a path, words in two languages, a meaning.

        lang (str): Its language.
        RETURNS (str): The line, "" where what was drawn has no name in the language.
        """
        if not self._kinds:
            return ""
        form = self.rng.random()
        if form < 0.4:
            return self._attribute_list(lang)
        if form < 0.55:
            labels = [clean_label(labels.get(lang, ""), lang) for labels in self._draw().path]
            return self.rng.choice((" > ", " / ", ">")).join(labels) if all(labels) else ""
        if form < 0.9 or not self._described:
            return self._side_by_side(lang)
        attribute = self.rng.choice(self._described)
        if not (lang in attribute.descriptions and lang in attribute.labels):
            return ""
        values = self._names(attribute, lang, self.rng.randint(1, 4))
        mark = "：" if lang[:2] == "zh" else ": "
        listed = ("、" if lang[:2] == "zh" else ", ").join(values)
        description = clean_label(attribute.descriptions[lang], lang)
        return f"{clean_label(attribute.labels[lang], lang)}{mark}{listed or description}" + (
            f" {description}" if listed else ""
        )

    def _kind(self, category: Category, department: str) -> "_Kind":
        attributes = [self.attributes[name] for name in category.attributes if name in self.attributes]
        by_facet: Dict[str, List[Attribute]] = {}
        for attribute in attributes:
            if attribute.values and (attribute.facet != "pattern" or department in PATTERNED):
                by_facet.setdefault(attribute.facet, []).append(attribute)
        return _Kind(category.path, category.leaf, department, frozenset(category.attributes), attributes, by_facet)

    def _draw(self) -> "_Kind":
        rng = self.rng
        kinds = self._kinds[bisect_right(self._ends, rng.random() * self._ends[-1])]
        kind = rng.choice(kinds)
        # Most products stand in a category that has no other in it.
        return kind if kind.leaf or rng.random() < 0.4 else rng.choice(kinds)

    def _value(self, facet: str, lang: str, kind: "_Kind") -> str:
        """Draw a value of a facet, written for titles. RETURNS (str): The value, "" where there is none."""
        rng = self.rng
        if lang != "zh-TW" and rng.random() < _FROM_CORPUS.get(facet, 0.0):
            known = self._known(facet, kind, lang)
            if known:
                return rng.choice(known)
        if facet not in kind.by_facet:
            return ""
        count = rng.choice((1, 2, 3)) if facet == "function" and lang[:2] == "zh" else 1
        names = self._names(rng.choice(kind.by_facet[facet]), lang, count)
        longest = 8 if lang[:2] in ("zh", "ja") else 26
        return "".join(write_value(name, facet, lang) for name in names if len(name) <= longest)

    def _known(self, facet: str, kind: "_Kind", lang: str) -> Sequence[str]:
        """Give the corpus' values for a kind of product. RETURNS (Sequence[str]): Those of the two highest levels."""
        path = tuple(labels["en"] for labels in kind.path[:2])
        return self.pools.get((base_language(lang), path), {}).get(facet, ())

    def _names(self, attribute: Attribute, lang: str, count: int) -> List[str]:
        key = (id(attribute), lang)
        if key not in self._cleaned:
            known = (labels[lang] for labels in attribute.values if lang in labels)
            self._cleaned[key] = [clean_label(label, lang) for label in known]
        names = self._cleaned[key]
        return self.rng.sample(names, min(count, len(names)))

    def _part(self, name: str, lang: str, kind: "_Kind") -> str:
        """Make a part of a title that is no value of an attribute. RETURNS (str): The part, may be ""."""
        rng = self.rng
        if name == "product":
            return write_product(kind.path[-1][lang], lang, rng)
        if name == "product2" and len(kind.path) > 2:
            return write_product(kind.path[-2].get(lang, ""), lang, rng)
        if name in ("brand", "latin_brand"):
            known = self._known("brand", kind, lang)
            if name == "brand" and known and rng.random() < 0.2:
                return rng.choice(known)
            return make_brand("en" if name == "latin_brand" else lang, rng)
        if name == "gender":
            return rng.choice(_words(GENDERS, lang) or [""]) if "target_gender" in kind.names else ""
        if name == "model":
            return make_model(rng)
        if name == "promo":
            promo = make_promotion(lang, rng)
            return f"【{promo}】" if promo and lang[:2] in ("zh", "ja") and rng.random() < 0.3 else promo
        if name == "quantity":
            return fill(rng.choice(_words(COUNTS, lang) or [""]), rng)
        if name == "size":
            measured = kind.department != _COSMETICS or any(map(_SUBSTANCE.search, kind.names))
            size = rng.choice(SIZES.get(kind.department if measured else "", SIZES[""]))
            if kind.department == _APPAREL:
                if not {"size", "shoe_size"}.intersection(kind.names):
                    return ""
                if rng.random() < 0.5:
                    size = rng.choice(_words(SHOE_SIZES, lang) or [size])
            elif lang == "zh-CN" and rng.random() < 0.5:
                size = CHINESE_UNITS.get(size, size)
            return fill(size, rng)
        if name == "fits" and kind.department == "Electronics" and _ACCESSORY.search(kind.path[-1]["en"]):
            known = [value for value in self._known("compatibility", kind, lang) if re.search("[^0-9 ]{3}", value)]
            fits = _words(FITS, lang)
            return fits.format(x=rng.choice(known)) if known and fits else ""
        return ""

    def _attribute_list(self, lang: str) -> str:
        rng = self.rng
        kind, pairs = self._draw(), []
        for attribute in rng.sample(kind.attributes, min(rng.randint(1, 4), len(kind.attributes))):
            if attribute.facet == "pattern" and rng.random() < 0.6:
                continue
            values = self._names(attribute, lang, rng.choice((1, 1, 1, 2, 3)))
            if values and lang in attribute.labels:
                pairs.append((clean_label(attribute.labels[lang], lang), values))
        if not pairs or lang not in kind.path[-1]:
            return ""
        chinese = lang[:2] in ("zh", "ja")
        mark, comma = rng.choice((("：", "、"), (":", "/"))) if chinese else (": ", ", ")
        stop = rng.choice(("，", "；", " ")) if chinese else rng.choice(("; ", " | ", ", "))
        lists = stop.join(f"{name}{mark}{comma.join(values)}" for name, values in pairs)
        if len(pairs) == 1 or rng.random() < 0.6:
            product = write_product(kind.path[-1][lang], lang, rng)
            return f"{product} {lists}" if rng.random() < 0.5 else f"{product}{stop}{lists}"
        return lists

    def _side_by_side(self, lang: str) -> str:
        """Put a product's name and values in one language beside those in another. RETURNS (str): The line."""
        rng = self.rng
        kind = self._draw()
        likely = [one for one in ("en", "zh-CN") if one != lang and one in self.languages]
        others = [one for one in self.languages if one != lang]
        if not others:
            return ""
        other = rng.choice(likely if likely and rng.random() < 0.75 else others)
        rows: List[Mapping[str, str]] = [kind.path[-1]]
        for attribute in rng.sample(kind.attributes, min(2, len(kind.attributes))):
            if attribute.values:
                rows.append(rng.choice(attribute.values))
        rng.shuffle(rows)
        sides = [[clean_label(row[one], one) for one in (lang, other)] for row in rows if lang in row and other in row]
        sides = [side for side in sides if side[0].lower() != side[1].lower()]
        form = rng.choice(("{} {}", "{} {}", "{}({})", "{} / {}", "{} - {}", "{}={}"))
        if rng.random() < 0.3:
            return " ".join(" ".join(side[at] for side in sides) for at in (0, 1)).strip()
        return rng.choice((" ", ", ", "; ")).join(form.format(*side) for side in sides)


def _words(table: Mapping[str, Any], lang: str) -> Any:
    return table.get(lang) or table.get(lang[:2]) or table.get(f"{lang}-CN")


def _is_product(category: Category) -> bool:
    return len(category.path) > 1 and len(category.path[-1]) > 1 and bool(category.attributes)


def _join_chinese(parts: Sequence[str], lang: str, rng: random.Random) -> str:
    """Write a Chinese title: without blanks, with them, or with some. RETURNS (str): The title."""
    blank = rng.choice((0.0, 0.0, 0.0, 0.1, 0.3, 1.0) if lang == "zh-CN" else (0.1, 0.5, 1.0, 1.0))
    title = ""
    for part in parts:
        title += " " if title and (rng.random() < blank or runs_together(title[-1], part[0])) else ""
        title += part
    return title


def _capitalize(match: "re.Match[str]") -> str:
    return match[0].upper()


def _join(parts: Sequence[str], head: int, lang: str, rng: random.Random) -> str:
    """Write a title with blanks, at times with commas behind the product (part `head`). RETURNS (str): The title."""
    comma = rng.choice((" ", " ", " ", ", ", ", ", " - ", " | ")) if lang != "ja" else " "
    title = comma.join((" ".join(parts[:head]), *parts[head:])).strip(" ,|-")
    if lang == "en":
        case = rng.random()
        if case < 0.5:
            return _WORD.sub(_capitalize, title)
        if case < 0.62:
            return title.lower()
        if case < 0.66:
            return title.upper()
    return title
