"""Draw `layout.svg`, which room of the package imports which, and write their order into `architecture.md`.

Run it when tests/test_docs.py says so:

python docs/layout.py

An arrow leads from a room to one that it imports. Arrows that follow from others are left out: who imports `heads` may
import all that `heads` imports. A room stands as high as those that import it allow. grimp reads the imports, and
matplotlib draws.
"""
import re
import runpy
import textwrap
from pathlib import Path
from typing import Dict, List, Set, Tuple, Union

import grimp

# A room, or the gap on a floor through which an arrow passes: from, to, floor.
Point = Union[str, Tuple[str, str, int]]
PACKAGE = "spacy_product_tags"
PICTURE = Path(__file__).with_name("layout.svg")
PAGE = Path(__file__).with_name("architecture.md")
# What a room is for, in two or three words; a module of the package's own folder needs none.
PURPOSES = {
    "text": "strings, tokenizer",
    "quantities": "numbers, units",
    "rules": "a shop's writings",
    "platforms": "profiles, formatting",
    "taxonomy": "trees of categories",
    "encoders": "transformer, characters",
    "tables": "files of cells",
    "values": "the alias table",
    "heads": "one network a file",
    "pipeline": "one component a file",
    "listings": "corpora, converters",
    "generate": "made-up titles",
    "pretraining": "backbones",
    "training": "distil, calibrate",
    "evaluation": "scores, bench",
    "cli": "one command a file",
}


def find_imports() -> Dict[str, Set[str]]:
    """Read the imports between rooms. RETURNS (Dict[str, Set[str]]): What each room imports."""
    graph = grimp.build_graph(PACKAGE)
    rooms: Dict[str, Set[str]] = {}
    for module in graph.modules - {PACKAGE, f"{PACKAGE}._version"}:
        own = rooms.setdefault(module.split(".")[1], set())
        used = graph.find_modules_directly_imported_by(module) & graph.modules - {PACKAGE, f"{PACKAGE}._version"}
        own.update(name.split(".")[1] for name in used)
    # What nothing imports but the package's own folder is no room.
    used = set().union(*rooms.values())
    return {room: rooms[room] - {room} for room in sorted(rooms) if room in used or rooms[room]}


def leave_out_what_follows(imports: Dict[str, Set[str]]) -> Dict[str, Set[str]]:
    """Leave out an import that leads where another import leads, too. RETURNS (Dict[str, Set[str]]): The others."""

    def reach(room: str) -> Set[str]:
        return {room}.union(*(reach(used) for used in imports[room]))

    return {
        room: {one for one in used if not any(one in reach(other) for other in used - {one})}
        for room, used in imports.items()
    }


def find_floors(imports: Dict[str, Set[str]]) -> Dict[str, int]:
    """Say how high each room stands: below all that import it. RETURNS (Dict[str, int]): From 0."""

    def depth(room: str) -> int:
        return 1 + max((depth(other) for other, used in imports.items() if room in used), default=-1)

    depths = {room: depth(room) for room in imports}
    return {room: max(depths.values()) - depths[room] for room in imports}


def describe(imports: Dict[str, Set[str]]) -> str:
    """Write the arrows out, for whom can't see them and for the test. RETURNS (str): One line."""
    arrows = leave_out_what_follows(imports)
    return "; ".join(f"{room} imports {', '.join(sorted(used))}" for room, used in sorted(arrows.items()) if used)


def points(room: str, used: str, floors: Dict[str, int]) -> List[Point]:
    """Give what an arrow passes: the room, a gap on each floor between, the room that it uses."""
    return [room, *((room, used, floor) for floor in range(floors[room] - 1, floors[used], -1)), used]


def find_places(arrows: Dict[str, Set[str]], floors: Dict[str, int]) -> Dict[Point, Tuple[float, float]]:
    """Place rooms, and the gaps through which long arrows pass, so that few arrows cross. RETURNS (Dict): x and y."""
    ways = [points(room, used, floors) for room, used in sorted((r, u) for r in arrows for u in arrows[r])]
    beside: Dict[Point, List[Point]] = {room: [] for room in sorted(floors)}
    for way in ways:
        for one, other in zip(way, way[1:]):
            beside.setdefault(one, []).append(other)
            beside.setdefault(other, []).append(one)
    storeys: List[List[Point]] = [[] for _ in range(max(floors.values()) + 1)]
    for point in beside:
        storeys[floors[point] if isinstance(point, str) else point[2]].append(point)
    across: Dict[Point, float] = {}
    for turn in range(24):
        for storey in storeys[:: 1 if turn % 2 else -1]:
            # Each stands where those stand, on average, with which an arrow joins it.
            known = {point: [across[other] for other in beside[point] if other in across] for point in storey}
            storey.sort(key=lambda point: (sum(known[point]) / max(len(known[point]), 1), str(point)))
            widths = [2.7 if isinstance(point, str) else 0.8 for point in storey]
            for number, point in enumerate(storey):
                across[point] = sum(widths[:number]) + widths[number] / 2 - sum(widths) / 2
    return {point: (across[point], 1.4 * number) for number, storey in enumerate(storeys) for point in storey}


def draw(path: Path = PICTURE) -> None:
    """Draw the picture."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": PACKAGE, "font.family": "DejaVu Sans"})
    imports = find_imports()
    arrows, floors = leave_out_what_follows(imports), find_floors(imports)
    place = find_places(arrows, floors)
    figure, axes = plt.subplots(figsize=(11, 1.1 * (max(floors.values()) + 1)))
    for room in floors:
        fill = "#eef3fa" if room in PURPOSES else "white"
        shape = dict(boxstyle="round,pad=0.3", facecolor=fill, edgecolor="#56789a")
        label = f"{room}\n{PURPOSES[room]}" if room in PURPOSES else room
        axes.text(*place[room], label, ha="center", va="center", fontsize=9, bbox=shape, zorder=3)
        for used in sorted(arrows[room]):
            (x, y), *bends, (to_x, to_y) = (place[point] for point in points(room, used, floors))
            line = [(x, y - 0.3), *bends, (to_x, to_y + 0.32)]
            axes.plot(*zip(*line[:-1]), color="#8aa0b8", linewidth=1, zorder=1)
            arrow = dict(arrowstyle="-|>", color="#8aa0b8", linewidth=1, shrinkA=0, shrinkB=0)
            axes.annotate("", xy=line[-1], xytext=line[-2], arrowprops=arrow, zorder=1)
    width = max(abs(x) for x, _ in place.values()) + 1.4
    axes.set(xlim=(-width, width), ylim=(-0.7, max(y for _, y in place.values()) + 0.7))
    axes.axis("off")
    figure.tight_layout(pad=0)
    for file in (path, *([path.with_suffix(".png")] if path != PICTURE else ())):
        about = {"Description": describe(imports), "Date": None} if file.suffix == ".svg" else None
        figure.savefig(file, metadata=about, dpi=110)
    plt.close(figure)


def write_order(page: Path = PAGE) -> str:
    """Give the page with the order of tests/test_layout.py in it. RETURNS (str): The page's text."""
    rooms = runpy.run_path(str(page.parents[1] / "tests" / "test_layout.py"))["ROOMS"]
    order = textwrap.fill(" ".join(rooms), 110)
    return re.sub(r"(<!-- order -->\n```\n).*?(\n```)", rf"\g<1>{order}\g<2>", page.read_text("utf8"), flags=re.DOTALL)


if __name__ == "__main__":
    draw()
    PAGE.write_text(write_order(), encoding="utf8")
