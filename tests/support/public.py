"""What users rely on: registered names, settings of factories, signatures, commands. Kept in `tests/public.json`.

python tests/support/public.py

writes that file; do so where a change is meant, and say it in the commit.
"""
import configparser
import importlib
import inspect
import json
import pkgutil
import re
from pathlib import Path
from typing import Any, Dict

import spacy_product_tags

ROOT = Path(__file__).parents[2]
SNAPSHOT = ROOT / "tests" / "public.json"


def collect() -> Dict[str, Any]:
    """Collect what is public. RETURNS (Dict[str, Any]): As `SNAPSHOT` holds it."""
    registered = entry_points()
    return {
        "registered": {group: {name: place for name, (place, _) in names.items()} for group, names in registered.items()},
        "settings": {name: settings(name) for name in registered["spacy_factories"]},
        "signatures of registered functions": {
            name: signature(target)
            for group, names in registered.items()
            for name, (_, target) in names.items()
            if group not in ("spacy_cli", "console_scripts")
        },
        "exported": exported(),
        "shown in README and docs": shown(),
        "commands": commands(),
    }


def entry_points() -> Dict[str, Dict[str, Any]]:
    """Read setup.cfg's entry points. RETURNS (Dict): Where each name leads, and what stands there, by group."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf8")
    groups: Dict[str, Dict[str, Any]] = {}
    for group, lines in setup["options.entry_points"].items():
        for line in sorted(lines.strip().splitlines()):
            name, place = (part.strip() for part in line.split("="))
            module, _, attribute = place.partition(":")
            groups.setdefault(group, {})[name] = (place, getattr(importlib.import_module(module), attribute))
    return groups


def settings(factory: str) -> Dict[str, Any]:
    """Give a factory's default settings. RETURNS (Dict[str, Any]): As they stand in a config."""
    from spacy.language import Language

    return Language.get_factory_meta(factory).default_config


def signature(target: Any) -> str:
    """Write a signature down, without annotations, which no two versions of Python write alike."""
    try:
        found = inspect.signature(target)
    except (TypeError, ValueError):
        return type(target).__name__
    bare = [each.replace(annotation=inspect.Parameter.empty) for each in found.parameters.values()]
    text = str(found.replace(parameters=bare, return_annotation=inspect.Signature.empty))
    return re.sub(r" at 0x[0-9a-f]+", "", text)


def exported() -> Dict[str, Dict[str, str]]:
    """Give what each ``__all__`` names. RETURNS (Dict): Signatures by module and name."""
    modules = [spacy_product_tags.__name__]
    modules += [each.name for each in pkgutil.walk_packages(spacy_product_tags.__path__, "spacy_product_tags.")]
    found = {}
    for name in modules:
        module = importlib.import_module(name)
        if getattr(module, "__all__", None):
            found[name] = {each: signature(getattr(module, each)) for each in sorted(module.__all__) if each[0] != "_"}
    return found


def shown() -> Dict[str, str]:
    """Give what the pages import. RETURNS (Dict[str, str]): Signatures by full name."""
    found = {}
    for page in (ROOT / "README.md", ROOT / "README.zh.md", *(ROOT / "docs").rglob("*.md")):
        pattern = r"^ *from (spacy_product_tags[\w.]*) import ([\w, ]+)"
        for module, names in re.findall(pattern, page.read_text(encoding="utf8"), re.MULTILINE):
            for name in names.split(","):
                found[f"{module}.{name.strip()}"] = signature(getattr(importlib.import_module(module), name.strip()))
    return dict(sorted(found.items()))


def commands() -> Dict[str, str]:
    """Give the commands of `product-tags`. RETURNS (Dict[str, str]): Arguments and options by command."""
    import typer

    from spacy_product_tags.cli import app

    found = {}

    def add(prefix: str, command: Any) -> None:
        for name, each in getattr(command, "commands", {}).items():
            add(f"{prefix}{name} ", each)
        if not getattr(command, "commands", None):
            given = (" / ".join([*each.opts, *each.secondary_opts]) for each in command.params if each.name != "help")
            found[prefix.strip()] = ", ".join(given)

    add("", typer.main.get_command(app))
    return found


def write(path: Path = SNAPSHOT) -> None:
    """Write the snapshot."""
    path.write_text(json.dumps(collect(), indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf8")


if __name__ == "__main__":
    write()
