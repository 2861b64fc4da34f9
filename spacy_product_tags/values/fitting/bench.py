"""Measure what an alias index costs: look-ups a second, opening, memory."""
import gc
import random
import statistics
import time
from pathlib import Path
from typing import Callable, List, NamedTuple, Sequence, Tuple, Union

from ..index import AliasIndex
from ..linking import link
from ..log import open_index
from ..table import Value
from .queries import choose_name, misspell

# Fuzzy look-ups cost fifty exact ones.
_FUZZY_SHARE = 20


class AliasBench(NamedTuple):
    """What an index costs, on one core.

    values (int): How many values it has.
    names (int): How many names they have.
    exact (float): Exact look-ups a second.
    fuzzy (float): Fuzzy look-ups a second, of names with a slip of the pen.
    linked (float): Names linked a second, with the decision on "none of these".
    placed (float): Names linked a second in a listing of a category; as `linked` where the index knows none.
    seconds (float): What opening took.
    memory (int): Bytes that the process came to hold by opening it and looking up; mapped files that were read are
        among them. 0 = this system doesn't tell.
    busy (float): Processor seconds per second: close to 1 where nothing else runs.
    """

    values: int
    names: int
    exact: float
    fuzzy: float
    linked: float
    placed: float
    seconds: float
    memory: int
    busy: float


def bench_index(path: Union[str, Path], *, count: int = 20000, repeats: int = 5, seed: int = 0) -> AliasBench:
    """Open an index and look names of its values up.

    path (Union[str, Path]): The folder.
    count (int): Exact look-ups in a round; fuzzy ones are fewer.
    repeats (int): Rounds; the median counts.
    seed (int): Seed of which names.
    RETURNS (AliasBench): Rates by processor time.
    RAISES (ValueError): Where there is no index, or it is empty.
    """
    before, start = _resident(), time.perf_counter()
    index = open_index(path)
    seconds = time.perf_counter() - start
    if not len(index):
        raise ValueError(f"{path}: has no values to look up")
    rng = random.Random(seed)
    values = _draw(index, count, rng)
    names = [(choose_name(value, rng), value.facet) for value in values]
    slips = [(misspell(text, rng) or text, facet) for text, facet in names[: max(1, count // _FUZZY_SHARE)]]
    some = names[: max(1, count // 4)]
    wall, cpu = time.perf_counter(), time.process_time()
    exact, fuzzy, linked, placed = (
        _rate(queries, repeats, look)
        for queries, look in (
            (names, index.exact),
            (slips, index.fuzzy),
            (some, _Linker(index)),
            (some, _Linker(index, 0 if index.usage else -1)),
        )
    )
    busy = (time.process_time() - cpu) / max(1e-9, time.perf_counter() - wall)
    memory = max(0, _resident() - before)
    count_names = sum(len(value.surfaces) for value in index)
    return AliasBench(len(index), count_names, exact, fuzzy, linked, placed, seconds, memory, busy)


class _Linker:
    """Links names in a listing of a category."""

    def __init__(self, index: AliasIndex, category: int = -1) -> None:
        self.index, self.category = index, category

    def __call__(self, text: str, facet: str) -> None:
        link(self.index, text, facet, category=self.category, fuzzy=False)


def _draw(index: AliasIndex, count: int, rng: random.Random) -> List[Value]:
    """Draw values. RETURNS (List[Value]): So many, in an order of chance."""
    kept: List[Value] = []
    # A reservoir: not all values of a large index are held.
    for number, value in enumerate(index):
        if len(kept) < min(count, 5000):
            kept.append(value)
        elif (place := rng.randrange(number + 1)) < len(kept):
            kept[place] = value
    return [rng.choice(kept) for _ in range(count)]


def _rate(queries: Sequence[Tuple[str, str]], repeats: int, look: Callable[[str, str], object]) -> float:
    rates = []
    for _ in range(repeats):
        gc.collect()
        start = time.process_time()
        for text, facet in queries:
            look(text, facet)
        rates.append(len(queries) / max(1e-9, time.process_time() - start))
    return statistics.median(rates)


def _resident() -> int:
    """Give what the process holds in memory now. RETURNS (int): Bytes; 0 = this system doesn't tell."""
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize()
    except (ImportError, OSError):
        return 0
