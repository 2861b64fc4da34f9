"""Make the configs beside this file of the parts in `parts/`, so that each setting stands in one place.

python configs/make.py

A part is a config, of which a later one changes the earlier: a key replaces the key of its section, a new section goes
behind the one before it in the part, "- key" takes a key out and "[- section]" a section with all below it. Comments
stay with the line below them. What is made is complete, as `spacy debug config` wants it, and stands alone: copy one
and change the copy.
"""
from pathlib import Path
from typing import Dict

HERE = Path(__file__).parent
SMALL = "on the small backbone that ships with the package: trains on CPU in minutes."
# What each config says of itself, and the parts that it's made of.
CONFIGS = {
    "zh": (f"Chinese and mixed Chinese/Latin titles, {SMALL}", "base spans zh"),
    "en": (f"English titles, {SMALL}", "base spans en"),
    "xx": (f"Titles in any language, {SMALL}", "base spans xx"),
    "zh_trf": (
        "Chinese and mixed titles on a pretrained transformer: --paths.backbone hfl/chinese-macbert-base, or a folder.",
        "base spans zh trf",
    ),
    "en_trf": (
        "English titles on a pretrained transformer: --paths.backbone google-bert/bert-base-uncased, or a folder.",
        "base spans en trf en_trf",
    ),
    "xx_trf": (
        "Titles in any language on a multilingual transformer, a folder or a name:\n"
        "--paths.backbone FacebookAI/xlm-roberta-base",
        "base spans xx trf",
    ),
    "zh_direct": (
        "Chinese and mixed titles without training: tags by likeness to known values. Make the pipeline with\n"
        "python -m spacy assemble configs/zh_direct.cfg OUT --paths.values values.jsonl",
        "base spans zh direct",
    ),
    "whole": (
        "The whole chain on one transformer: category, tags, facets of a seller's tags, values. Chinese and\n"
        "other titles, on the small backbone, with Shopify's categories and values, which ship with the package.",
        "base classifier facets spans zh whole",
    ),
    "classifier": (
        "A product's category alone, on the small backbone that ships with the package. The component can also be\n"
        "added to the other configs, where it shares their transformer.",
        "base classifier",
    ),
    "zero_shot": (
        "A product's category by the names of the categories alone: for a taxonomy without a single example, or\n"
        "before there are any. What is learnt, from made-up titles, is which words of a title name the product.",
        "base classifier zero_shot",
    ),
    "facets": (
        "The facet of each tag that comes without one, such as a seller's, on the small backbone that ships with the\n"
        "package. The component can also be added to the other configs, where it shares their transformer.",
        "base facets",
    ),
}
Sections = Dict[str, Dict[str, str]]


def read_part(path: Path) -> Sections:
    """Read a part. RETURNS (Sections): The lines of each key, with the comments above, by section and key."""
    sections: Sections = {}
    comments, keys = "", {}
    for line in path.read_text(encoding="utf8").splitlines(keepends=True):
        if line.startswith("["):
            keys = sections.setdefault(line.strip()[1:-1], {})
        elif line.startswith("#"):
            comments += line
        elif line.strip():
            keys[line.partition("=")[0].strip()] = comments + line
            comments = ""
    return sections


def change(sections: Sections, part: Sections) -> Sections:
    """Change sections by a part. RETURNS (Sections): The changed ones, in order."""
    sections = {name: dict(keys) for name, keys in sections.items()}
    before = ""
    for name, keys in part.items():
        if name.startswith("- "):
            gone = name[2:]
            sections = {name: keys for name, keys in sections.items() if not f"{name}.".startswith(f"{gone}.")}
            continue
        if name not in sections:
            names = list(sections)
            names.insert(names.index(before) + 1 if before else len(names), name)
            sections = {each: sections.get(each, {}) for each in names}
        before = name
        for key, lines in keys.items():
            if key.startswith("- "):
                del sections[name][key[2:]]
            else:
                sections[name][key] = lines
    return sections


def make(name: str) -> str:
    """Make a config. RETURNS (str): Its text."""
    about, parts = CONFIGS[name]
    sections: Sections = {}
    for part in parts.split():
        sections = change(sections, read_part(HERE / "parts" / f"{part}.cfg"))
    head = "".join(f"# {line}\n" for line in about.split("\n"))
    head += f"# Made by make.py of the parts {parts.replace(' ', ', ')}: change those, or a copy of this.\n"
    return head + "\n".join(f"[{name}]\n{''.join(keys.values())}" for name, keys in sections.items())


if __name__ == "__main__":
    for name in CONFIGS:
        (HERE / f"{name}.cfg").write_text(make(name), encoding="utf8")
