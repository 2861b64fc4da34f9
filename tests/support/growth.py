"""Check that a function's time grows no faster than its input: the slope of time against length, both as logarithms.

    assert_linear(find_quantities, repeated("1*"))                  # fast suite: 1,000 to 16,000 characters
    assert_linear(find_quantities, repeated("1*"), sizes=LARGE)     # slow suite: to 100,000 characters
"""
import gc
import math
import statistics
from functools import partial
from itertools import combinations
from time import thread_time
from typing import Any, Callable, List, NamedTuple, Optional, Sequence

SMALL = (1_000, 2_000, 4_000, 8_000, 16_000)
LARGE = (6_250, 12_500, 25_000, 50_000, 100_000)
# What is repeated to make texts that quadratic and cubic code takes long for.
HOSTILE = (
    *("a", "A b ", "1", "0", "000 ", "1 ", "1,", "1.", "1/", "1*", "1-", "1x", "1×2×", "9*9cm", "½", "一", "一二", "十万", "半", "件套"),
    *(" ", "\t ", "\n", "\u3000", "\u200b", "(", ")", "()", "((a", "[", "{", "<", "<b>", "<!--", "&", "&amp;", '"', "'", "\\"),
    *("-", "--", "–", ".", "..", ",", "/", "|", "_", "*", "×", "約", "约1", "ab ", "红", "红色", "é", "e\u0301", "ﾒﾞ", "İ", "ı", "ſ"),
    *("👍🏿", "👨\u200d👩\u200d👧", "🇨🇳", "❤\ufe0f", "ا", "한", "\ud800"),
)
# Seconds a call, and all calls of a measurement, may take before larger inputs are left out.
_LONGEST_CALL = 4.0
_SHORTEST_SAMPLE = 0.002
# Below so many seconds for the largest input, what fits the processor's caches and what doesn't tells more than the code:
# such a function has to show its growth on inputs so many times as long.
_SMALL_CALL, _LONGER = 0.02, 16


class Growth(NamedTuple):
    """How a function's time grows.

    exponent (float): The median of the slopes between all pairs of sizes: 1 = linear, 2 = quadratic.
    seconds (float): The time of a call with the largest input that was tried.
    sizes (List[int]): Sizes tried; the largest are left out where a call takes seconds.
    times (List[float]): The shortest time of each.
    """

    exponent: float
    seconds: float
    sizes: List[int]
    times: List[float]

    def __str__(self) -> str:
        points = ", ".join(f"{size:,}: {1000 * time:.2f} ms" for size, time in zip(self.sizes, self.times))
        return f"exponent {self.exponent:.2f}, {self.seconds:.4f} s at {self.sizes[-1]:,} ({points})"


def repeated(unit: str) -> Callable[[int], str]:
    """Make texts of one thing again and again. RETURNS (Callable[[int], str]): Length to text of just that length."""
    return partial(_repeat, unit)


def measure_growth(
    function: Callable[[Any], Any],
    make_input: Callable[[int], Any],
    sizes: Sequence[int] = SMALL,
    repeats: int = 5,
) -> Growth:
    """Measure how a function's time grows with its input.

    Time is that of this thread's processor, and the shortest measurement counts: what else a machine does only adds to
    it. Garbage is collected in between.

    function (Callable[[Any], Any]): What is measured; it consumes its input and returns no lazy result.
    make_input (Callable[[int], Any]): Makes an input of a size; not measured.
    sizes (Sequence[int]): At least two sizes, rising.
    repeats (int): Measurements of each size; the shortest counts.
    RETURNS (Growth): The exponent and the times.
    """
    function(make_input(sizes[0]))  # Warm up: caches, compiled patterns.
    times: List[float] = []
    for size in sizes:
        given = make_input(size)
        times.append(min(_time(function, given, repeats)))
        if times[-1] * 2 > _LONGEST_CALL and len(times) > 1:
            break
    points = [(math.log(size), math.log(max(time, 1e-7))) for size, time in zip(sizes, times)]
    slopes = [(t2 - t1) / (s2 - s1) for (s1, t1), (s2, t2) in combinations(points, 2)]
    return Growth(statistics.median(slopes), times[-1], list(sizes[: len(times)]), times)


def assert_linear(
    function: Callable[[Any], Any],
    make_input: Callable[[int], Any],
    sizes: Sequence[int] = SMALL,
    limit: Optional[float] = None,
    repeats: int = 5,
) -> Growth:
    """Measure and print a function's growth, and fail where the exponent is above a limit.

    A growth above the limit is measured twice more before it counts: what the machine did is not what the code does.
    A function that is quick with the largest input is then measured with longer ones.

    function (Callable[[Any], Any]): What is measured.
    make_input (Callable[[int], Any]): Makes an input of a size, such as `repeated("1*")`.
    sizes (Sequence[int]): `SMALL`, `LARGE` or others.
    limit (Optional[float]): Greatest exponent; None = 1.2, with `SMALL`, whose times are short, 1.5.
    repeats (int): Measurements of each size.
    RETURNS (Growth): What was measured.
    """
    limit = limit or (1.5 if sizes is SMALL else 1.2)
    growth = measure_growth(function, make_input, sizes, repeats)
    for _ in range(2):
        if growth.exponent > limit and growth.seconds < _LONGEST_CALL:
            growth = min(growth, measure_growth(function, make_input, sizes, repeats))
    if growth.exponent > limit and growth.seconds < _SMALL_CALL and sizes is not SMALL:
        growth = measure_growth(function, make_input, [_LONGER * size for size in sizes], repeats)
    name = getattr(function, "__qualname__", repr(function))
    print(f"{name} of {str(make_input(12))!r}…: {growth}")
    assert growth.exponent <= limit, f"{name} of {str(make_input(12))!r}…: {growth}"
    return growth


def _repeat(unit: str, length: int) -> str:
    return (unit * (length // len(unit) + 1))[:length]


def _time(function: Callable[[Any], Any], given: Any, repeats: int) -> List[float]:
    collects = gc.isenabled()
    times: List[float] = []
    try:
        for _ in range(repeats):
            gc.collect(0)
            gc.disable()
            calls, start = 0, thread_time()
            while not calls or thread_time() - start < _SHORTEST_SAMPLE:
                function(given)
                calls += 1
            times.append((thread_time() - start) / calls)
            if collects:
                gc.enable()
            if sum(times) > _LONGEST_CALL:
                break
    finally:
        if collects:
            gc.enable()
    return times
