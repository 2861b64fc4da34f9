"""In which script Chinese is written: OpenCC, and above it phrases of products that it doesn't know."""
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Dict, Mapping

_DATA: Dict[str, Any] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf8"))
# Half of a surrogate pair is no character, and OpenCC takes none.
_APART = re.compile("([\ud800-\udfff]+)")


def to_script(text: str, script: str) -> str:
    """Write Chinese in another script; what isn't Chinese stays.

    text (str): The text.
    script (str): Hans, Hant (OpenCC's standard), Hant-TW or Hant-HK, or a locale such as zh-TW.
    RETURNS (str): The text in that script; by phrases, so that 头发 is 頭髮, and 速干 is 速乾.
    RAISES (ValueError): Where the script isn't known.
    """
    if script not in _DATA["scripts"]:
        raise ValueError(f"script: {script!r} is not known; the scripts are {', '.join(_DATA['scripts'])}")
    config = _DATA["scripts"][script]
    parts = _APART.split(text)
    parts[::2] = [_convert(part, config) for part in parts[::2]]
    return "".join(parts)


def simplify_char(char: str) -> str:
    """Write one Chinese character in simplified ones, whatever stands beside it. RETURNS (str): The character."""
    return _converter("t2s").convert(char)


def _convert(text: str, config: str) -> str:
    phrases = _phrases(config)
    if not phrases:
        return _converter(config).convert(text)
    # OpenCC goes by the longest phrase that it knows, so ours are cut out before.
    parts = _pattern(config).split(text)
    parts[::2] = [_converter(config).convert(part) for part in parts[::2]]
    parts[1::2] = [phrases[part] for part in parts[1::2]]
    return "".join(parts)


@cache
def _converter(config: str) -> Any:
    # Loaded on first use: importing the package needs no OpenCC.
    from opencc import OpenCC

    return OpenCC(config)


@cache
def _phrases(config: str) -> Mapping[str, str]:
    """RETURNS (Mapping[str, str]): Phrases and how they are written there."""
    if not config.startswith("s2"):
        return {}
    # The two regions write some characters in their own way.
    there = config.replace("s2", "")
    return {
        plain: written if there == "t" else _converter(f"t2{there}").convert(written)
        for written in _DATA["traditional"]["phrases"]
        for plain in [_converter("t2s").convert(written)]
    }


@cache
def _pattern(config: str) -> "re.Pattern[str]":
    either = "|".join(sorted(map(re.escape, _phrases(config)), key=len, reverse=True))
    return re.compile(f"({either})")
