"""Fit a name encoder: what is called so in one language and in another gets one vector.

Contrastive learning with the rest of the batch as negatives (InfoNCE, van den Oord et al. 2018; SimCSE, Gao et al.
2021), on the names of values and categories in all languages of a taxonomy.
"""
import random
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

from ...encoders.name_encoder import NameEncoder, name_ngrams
from ...errors import ListingError
from ...io import raise_error
from ...text.folding import lookup_key
from ..sources import iter_entries
from ..table import Value
from ..usage import Category
from .queries import misspell

# Names of one thing by locale.
Names = Mapping[str, Sequence[str]]
_TEMPERATURE = 0.05
_SLIPS = 0.2
_WARMUP = 50
# Half of the listings are Chinese, and labels of a taxonomy are English first.
_CHINESE, _ENGLISH = 0.25, 0.4


class Report(NamedTuple):
    """How the fitting goes.

    step (int): Steps done.
    loss (float): Mean loss since the last report.
    """

    step: int
    loss: float


def fit_names(
    things: Sequence[Names],
    *,
    steps: int = 3000,
    batch_size: int = 512,
    buckets: int = 32768,
    width: int = 128,
    hidden: int = 384,
    learn_rate: float = 0.005,
    seed: int = 0,
    on_step: Optional[Callable[[Report], None]] = None,
) -> NameEncoder:
    """Fit an encoder.

    things (Sequence[Names]): Of each value or category its names by locale; those with one name teach nothing.
    steps (int): Batches.
    batch_size (int): Things in a batch.
    buckets (int): Rows of the table of n-grams.
    width (int): Size of an n-gram's vector and of a name's.
    hidden (int): Size of the hidden layer.
    learn_rate (float): Highest learning rate.
    seed (int): Seed of all choices.
    on_step (Optional[Callable[[Report], None]]): Called after each step.
    RETURNS (NameEncoder): The encoder.
    RAISES (ValueError): Where too few things have two names.
    """
    import torch

    things = [names for names in things if len({lookup_key(name) for each in names.values() for name in each}) > 1]
    if len(things) < 20:
        raise ValueError(f"names: {len(things)} things have names in two languages; 20 is the least to fit an encoder")
    rng = random.Random(seed)
    torch.manual_seed(seed)
    batch_size = min(batch_size, len(things))
    table = torch.nn.EmbeddingBag(buckets, width, mode="sum", sparse=True)
    torch.nn.init.normal_(table.weight, 0.0, 0.1)
    layers = torch.nn.ModuleDict(
        {
            "hidden": torch.nn.Linear(width, hidden),
            "out": torch.nn.Linear(hidden, width),
            "skip": torch.nn.Linear(width, width, bias=False),
        }
    )
    optimizers = (
        torch.optim.AdamW(layers.parameters(), lr=learn_rate / 5, weight_decay=0.01),
        torch.optim.SparseAdam(table.parameters(), lr=learn_rate),
    )
    rates = [optimizer.param_groups[0]["lr"] for optimizer in optimizers]

    for step in range(steps):
        # Up in a straight line, then down.
        share = min((step + 1) / _WARMUP, 1.0) * max(1 - step / steps, 0.01)
        for optimizer, rate in zip(optimizers, rates):
            optimizer.param_groups[0]["lr"] = rate * share
        left, right = zip(*_pick_pairs(things, batch_size, rng))
        ours, theirs = (_encode(table, layers, names) for names in (left, right))  # (B, E) each
        loss = _contrast(ours, theirs, right)
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        if on_step is not None:
            on_step(Report(step + 1, float(loss.detach())))
    return NameEncoder(
        {
            "table": table.weight.detach().numpy().astype(np.float16),
            "hidden": _numpy(layers["hidden"].weight.T),
            "hidden_bias": _numpy(layers["hidden"].bias),
            "out": _numpy(layers["out"].weight.T),
            "skip": _numpy(layers["skip"].weight.T),
            "bias": _numpy(layers["out"].bias),
        }
    )


def _numpy(tensor: Any) -> np.ndarray:
    return np.ascontiguousarray(tensor.detach().numpy())


def _encode(table: Any, layers: Any, names: Sequence[str]) -> Any:
    """Encode as `NameEncoder` does. RETURNS (Tensor): (B, E), of length one."""
    import torch

    grams, owner = name_ngrams(names, table.num_embeddings)  # (G,), (G,)
    order = np.argsort(owner, kind="stable")
    counts = np.bincount(owner, minlength=len(names))  # (B,)
    starts = np.cumsum(counts) - counts  # (B,)
    total = table(torch.from_numpy(grams[order]), torch.from_numpy(starts))  # (B, W)
    mean = total / torch.from_numpy(np.sqrt(np.maximum(counts, 1)).astype(np.float32))[:, None]  # (B, W)
    out = layers["out"](torch.relu(layers["hidden"](mean))) + layers["skip"](mean)  # (B, E)
    return torch.nn.functional.normalize(out, dim=1)


def _contrast(ours: Any, theirs: Any, names: Sequence[str]) -> Any:
    """Each name should be nearest to the other name of its thing. RETURNS (Tensor): () mean loss, both ways."""
    import torch

    scores = ours @ theirs.T / _TEMPERATURE  # (B, B)
    # What is called the same is no negative.
    _, same = np.unique([lookup_key(name) for name in names], return_inverse=True)  # (B,)
    others = torch.from_numpy((same[:, None] == same[None, :]) & ~np.eye(len(names), dtype=bool))  # (B, B)
    scores = scores.masked_fill(others, -1e4)
    gold = torch.arange(len(names))  # (B,)
    cross_entropy = torch.nn.functional.cross_entropy
    return (cross_entropy(scores, gold) + cross_entropy(scores.T, gold)) / 2


def _pick_pairs(things: Sequence[Names], count: int, rng: random.Random) -> Iterator[Tuple[str, str]]:
    """Pick things, and two names of each. YIELDS (Tuple[str, str]): The first may have a slip of the pen."""
    for names in rng.sample(things, count):
        locales = sorted(names)
        chinese = [locale for locale in locales if locale.partition("-")[0] == "zh"]
        first = rng.choice(chinese if chinese and rng.random() < _CHINESE else locales)
        others = [locale for locale in locales if locale != first] or locales
        second = "en" if "en" in others and rng.random() < _ENGLISH else rng.choice(others)
        name = rng.choice(names[first])
        if rng.random() < _SLIPS:
            name = misspell(name, rng) or name
        yield name, rng.choice(names[second])


def read_things(
    paths: Iterable[Path], *, on_error: Callable[[ListingError], None] = raise_error
) -> List[Dict[str, List[str]]]:
    """Read what has names: values and categories.

    paths (Iterable[Path]): Files as `values.sources.iter_entries` reads them.
    on_error (Callable[[ListingError], None]): Called with each bad row's error; where it returns, reading goes on.
    RETURNS (List[Dict[str, List[str]]]): Names by locale; things of one English name are one.
    RAISES (ListingError): At the first bad row, unless `on_error` returns.
    """
    entries = (entry for path in paths for entry in iter_entries(path, on_error=on_error))
    return merge_things(names_of(entry) for entry in entries if isinstance(entry, (Value, Category)))


def names_of(entry: Union[Value, Category]) -> Dict[str, List[str]]:
    """Give the names of a value or a category. RETURNS (Dict[str, List[str]]): By locale; "" = in whichever."""
    names = {locale: [name] for locale, name in entry.labels.items() if name.strip()}
    if isinstance(entry, Value) and entry.aliases:
        names[""] = list(entry.aliases)
    return names


def merge_things(rows: Iterable[Names]) -> List[Dict[str, List[str]]]:
    """Make one thing of those with one English name: the same colour of a shirt and of a shoe.

    rows (Iterable[Names]): Names by locale.
    RETURNS (List[Dict[str, List[str]]]): Names by locale, each once, sorted.
    """
    merged: Dict[str, Dict[str, List[str]]] = {}
    for number, row in enumerate(rows):
        name = lookup_key(row["en"][0]) if row.get("en") else f"row {number}"
        own = merged.setdefault(name, {})
        for locale, names in row.items():
            own[locale] = sorted({*own.get(locale, ()), *names})
    return list(merged.values())
