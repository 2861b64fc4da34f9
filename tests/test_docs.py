"""README and docs: links lead somewhere, code is code, commands exist, and what they print was printed by a run."""
import ast
import inspect
import re
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer
from weasel.util.config import load_project_config

from spacy_product_tags.cli import app

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "README.zh.md", *(ROOT / "docs").rglob("*.md")])
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)|<img src=\"([^\"]+)\"")
_HEADING = re.compile(r"^#{1,6} +(.+)$", re.MULTILINE)


def text_of(page):
    return page.read_text(encoding="utf8")


def anchors_of(page):
    """The names that GitHub gives to a page's headings, and those that the page gives itself."""
    text = _BLOCK.sub("", text_of(page))
    headings = (re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in _HEADING.findall(text))
    return {*headings, *re.findall(r'<a name="([^"]+)">', text)}


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_link_leads_somewhere(page):
    for target in ("".join(groups) for groups in _LINK.findall(_BLOCK.sub("", text_of(page)))):
        if re.match(r"https?:|mailto:", target):
            continue
        path, _, anchor = target.partition("#")
        place = (page.parent / path).resolve() if path else page
        assert place.is_relative_to(ROOT) and place.exists(), f"{page}: {target} leads to no file"
        assert not anchor or anchor in anchors_of(place), f"{page}: {target} leads to no heading"


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_code_is_code_and_its_imports_exist(page):
    for language, code in _BLOCK.findall(text_of(page)):
        if language != "python":
            continue
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                exec(compile(ast.Module([node], []), str(page), "exec"), {})


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_commands_that_are_shown_exist(page):
    group = typer.main.get_command(app)
    for words in re.findall(r"(?<!pipx )product-tags ([a-z][a-z-]*)(?: ([a-z]+))?", text_of(page)):
        assert words[0] in group.commands, f"{page}: product-tags {words[0]}"
        sub = getattr(group.commands[words[0]], "commands", None)
        assert not sub or words[1] in sub or not words[1], f"{page}: product-tags {' '.join(words)}"


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_workflows_that_are_shown_exist(page):
    project = load_project_config(ROOT)
    known = {*project["workflows"], *(command["name"] for command in project["commands"])}
    assert set(re.findall(r"weasel run ([a-z][a-z0-9-]*)", text_of(page))) <= known


def test_readme_stays_short_in_both_languages():
    # Five minutes of reading; all else is in docs.
    assert all(len(text_of(ROOT / name).splitlines()) <= 220 for name in ("README.md", "README.zh.md"))


def test_both_readmes_show_the_same_code():
    code = [
        [re.sub(r"\s*#.*", "", block) for language, block in _BLOCK.findall(text_of(ROOT / name)) if language != ""]
        for name in ("README.md", "README.zh.md")
    ]
    assert code[0] == code[1]
    printed = [[block for language, block in _BLOCK.findall(text_of(ROOT / name)) if language == ""][0] for name in ("README.md", "README.zh.md")]
    assert printed[0] == printed[1]


def test_every_page_can_be_reached_from_a_readme():
    reached, queue = set(), [ROOT / "README.md", ROOT / "README.zh.md"]
    while queue:
        page = queue.pop()
        if page in reached:
            continue
        reached.add(page)
        for target in ("".join(groups) for groups in _LINK.findall(text_of(page))):
            place = (page.parent / target.partition("#")[0]).resolve()
            if place in PAGES:
                queue.append(place)
    assert reached == set(PAGES)


def test_the_picture_of_the_layout_and_the_order_are_up_to_date():
    layout = SimpleNamespace(**runpy.run_path(str(ROOT / "docs" / "layout.py")))
    assert layout.describe(layout.find_imports()) in text_of(layout.PICTURE), "run: python docs/layout.py"
    assert layout.write_order() == text_of(layout.PAGE), "run: python docs/layout.py"


def test_the_limits_are_those_of_the_code():
    from spacy.language import Language

    from spacy_product_tags import isolate
    from spacy_product_tags.pipeline import tag_generator
    from spacy_product_tags.quantities import numbers
    from spacy_product_tags.tables.rows import MAX_CELL

    assert tag_generator.make_tag_generator is not None
    settings = Language.get_factory_meta("product_tag_generator").default_config
    page = text_of(ROOT / "docs" / "limits.md")
    rows = {row.split("|")[1].strip(): row.split("|")[2].strip() for row in page.splitlines() if row.startswith("|")}
    max_length = inspect.signature(Language.__init__).parameters["max_length"].default
    assert rows["characters of a text, title and description together"] == f"{max_length:,}"
    assert rows["tags that the generator gives a text"] == str(settings["max_tags"])
    assert rows["seller tags of a listing"] == str(isolate.MAX_TAGS)
    assert rows["characters of a seller tag"] == str(isolate.MAX_TAG_LENGTH)
    assert rows["characters of a number"] == str(numbers._MAX_LENGTH)
    assert rows["characters of a table's cell, or of a field in a feed"] == f"{MAX_CELL:,}"
    widths = {}
    for path in (ROOT / "configs").glob("*.cfg"):
        width = re.search(r"^max_width = (\d+)$", text_of(path), re.MULTILINE)
        if width:
            widths.setdefault(width[1], set()).add(path.stem)
    assert rows["characters of a tag that the generator finds"] == "64 in `zh`, `zh_trf`, `zh_direct`, `whole`; 128 in the others"
    assert widths == {"64": {"zh", "zh_trf", "zh_direct", "whole"}, "128": {"en", "en_trf", "xx", "xx_trf"}}
