"""Pairs of texts that mean one thing: a title and its category, a name and the same name in another language.

An encoder learns to put both near each other, with the rest of the batch as what is something else (InfoNCE, van den
Oord et al. 2018, as E5 was made, Wang et al. 2022). Then a category, or a value, is found by its name alone.
"""
import random
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np
import torch
from torch.nn import functional as F
from torch.utils.data import Dataset

from ..errors import ListingError
from ..io import bad, iter_jsonl, raise_error
from ..listing import Listing
from ..taxonomy.tree import Taxonomy
from ..values.fitting.names import merge_things, names_of
from ..values.sources import iter_entries
from ..values.table import Value
from ..values.usage import Category
from .backbone import mean_vectors
from .packing import count_held_out

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

_TEMPERATURE = 0.05
# Batches that are titles with their categories; the others are names in two languages.
_TITLES = 0.7
# How often a category is named in the title's own language, and else how often in one that everybody has.
_OWN, _COMMON = 0.4, 0.6
# How often the category above is told, too.
_ABOVE = 0.75


@dataclass
class Pairs:
    """What pairs are made of.

    titles (List[Tuple[str, str, int]]): Title, language and row of the category.
    taxonomy (Taxonomy): The categories.
    things (Sequence[Mapping[str, Sequence[str]]]): Names by locale, of values and of categories.
    info (Dict[str, Any]): What is in there: files, texts, pieces, words, bad (lines).
    """

    titles: List[Tuple[str, str, int]]
    taxonomy: Taxonomy
    things: Sequence[Mapping[str, Sequence[str]]]
    info: Dict[str, Any] = field(default_factory=dict)


def read_pairs(
    paths: Sequence[Union[str, Path]],
    names: Sequence[Union[str, Path]],
    *,
    on_error: Callable[[ListingError], None] = raise_error,
) -> Pairs:
    """Read listings and names.

    paths (Sequence[Union[str, Path]]): JSONL files of listings; those without a category are passed over.
    names (Sequence[Union[str, Path]]): Files of categories and values with their names; see `values.iter_entries`.
    on_error (Callable[[ListingError], None]): Called with each bad line's error; where it returns, reading goes on.
    RETURNS (Pairs): Both.
    RAISES (ValueError): Where there are no two titles of different categories, or no two things with names in two
        languages.
    """
    errors: List[ListingError] = []

    def note(error: ListingError) -> None:
        errors.append(error)
        on_error(error)

    entries = [entry for path in names for entry in iter_entries(path, on_error=note)]
    categories = [entry for entry in entries if isinstance(entry, Category)]
    rows = ({"id": row.id, "parent": row.parent or None, "labels": row.labels} for row in categories)
    taxonomy = Taxonomy(rows, name=", ".join(map(str, names)), on_error=note)
    make = partial(_read_title, taxonomy)
    titles = [title for path in paths for title in iter_jsonl(path, make, note) if title is not None]
    merged = merge_things(names_of(entry) for entry in entries if isinstance(entry, (Value, Category)))
    things = [thing for thing in merged if len(thing) > 1]
    if len({row for _, _, row in titles}) < 2 or len(things) < 2:
        raise ValueError(
            f"{len(titles)} titles with a category, {len(things)} things with names in two languages: pairs need two "
            "categories and two things; give listings with categories, and with --names the taxonomy"
        )
    info = {"files": [*map(str, paths), *map(str, names)], "texts": len(titles), "bad": len(errors)}
    return Pairs(titles, taxonomy, things, info)


def _read_title(taxonomy: Taxonomy, data: Mapping[str, Any]) -> Optional[Tuple[str, str, int]]:
    listing = Listing.from_dict(data)
    if not listing.category:
        return None
    row = taxonomy.find(listing.category)
    if row is None:
        where = " > ".join(listing.category)
        raise bad("category", f"{where!r} is in none of the files of names")
    return listing.title, listing.lang, row


class PairRows(Dataset):
    """Pairs for `PairCollator`, a whole run of them; what a pair is depends on nothing but the seed and its number.

    pairs (Pairs): What they are made of.
    numbers (np.ndarray): Which of the titles to use.
    batch_size (int): Pairs in a batch: each has titles only, or names only.
    size (int): Pairs to give in all; 0 = each title once, in order.
    seed (int): Seed of all choices.
    """

    def __init__(self, pairs: Pairs, numbers: np.ndarray, *, batch_size: int, size: int = 0, seed: int = 0) -> None:
        self.pairs, self.numbers, self.batch_size, self.size, self.seed = pairs, numbers, batch_size, size, seed
        self.n_rows = len(numbers)
        self._round, self._order = -1, np.arange(self.n_rows)

    def __len__(self) -> int:
        return self.size or self.n_rows

    def __getitem__(self, index: int) -> Dict[str, Any]:
        rng = random.Random(f"{self.seed} {index}")
        batch = random.Random(f"{self.seed} batch {index // self.batch_size}")
        if self.size and batch.random() >= _TITLES:
            number = rng.randrange(len(self.pairs.things))
            names = self.pairs.things[number]
            texts = tuple(rng.choice(names[locale]) for locale in rng.sample(sorted(names), 2))
            return {"texts": texts, "thing": number}
        turn, at = divmod(index, self.n_rows)
        if turn != self._round and self.size:
            self._round = turn
            self._order = np.random.default_rng((self.seed, turn)).permutation(self.n_rows)
        title, lang, row = self.pairs.titles[self.numbers[self._order[at]]]
        return {"texts": (title, self._name(row, lang, rng)), "thing": row}

    def _name(self, row: int, lang: str, rng: random.Random) -> str:
        """Name a category, mostly with the one above it. RETURNS (str): In one language."""
        taxonomy = self.pairs.taxonomy
        locales = sorted(taxonomy.names(row))
        own = [locale for locale in locales if locale.partition("-")[0] == lang]
        common = [locale for locale in locales if locale in ("en", "zh-CN")]
        chosen = own if own and rng.random() < _OWN else common if common and rng.random() < _COMMON else locales
        path = taxonomy.path(row, rng.choice(chosen))
        return category_text(path[-2:] if rng.random() < _ABOVE else path[-1:])


def category_text(path: Sequence[str]) -> str:
    """Write a category as encoders read it.

    path (Sequence[str]): Labels from the top.
    RETURNS (str): The lowest first.
    """
    return " < ".join(reversed(path))


def split_pairs(pairs: Pairs) -> Tuple[np.ndarray, np.ndarray]:
    """Hold out 2 % of the titles, at most 500 and at least one. RETURNS (Tuple): Numbers to train on, and held out."""
    order = np.random.default_rng(0).permutation(len(pairs.titles))
    size = count_held_out(len(order))
    return np.sort(order[size:]), np.sort(order[:size])


class PairCollator:
    """Make a batch of pairs: all the left sides, then all the right ones.

    tokenizer (PreTrainedTokenizerFast): The tokenizer.
    length (int): Pieces of a text at most.
    """

    def __init__(self, tokenizer: "PreTrainedTokenizerFast", length: int) -> None:
        self.tokenizer, self.length = tokenizer, length

    def __call__(self, examples: List[Mapping[str, Any]]) -> Dict[str, torch.Tensor]:
        texts = [row["texts"][side] for side in (0, 1) for row in examples]
        # The token types of all pieces are 0, which is what a model takes them for.
        encoded = self.tokenizer(
            texts,
            padding=True,
            truncation=True,
            max_length=self.length,
            return_tensors="pt",
            return_token_type_ids=False,
        )
        return {
            "input_ids": encoded["input_ids"],  # (2B, L)
            "attention_mask": encoded["attention_mask"],  # (2B, L)
            "things": torch.tensor([row["thing"] for row in examples]),  # (B,)
            "pieces": encoded["attention_mask"].sum(1),  # (2B,)
        }


def pair_loss(model: "PreTrainedModel", batch: Dict[str, torch.Tensor]) -> Tuple[torch.Tensor, torch.Tensor, int]:
    """Compare both sides of the pairs of a batch, each with all of the other side.

    model (PreTrainedModel): The encoder.
    batch (Dict[str, torch.Tensor]): What `PairCollator` made.
    RETURNS (Tuple[torch.Tensor, torch.Tensor, int]): The mean loss of both ways; how many left sides are nearest to
        their right one; pairs.
    """
    left, right = mean_vectors(model, batch["input_ids"], batch["attention_mask"]).chunk(2)  # (B, D) each
    things = batch["things"]  # (B,)
    gold = torch.arange(len(things), device=things.device)  # (B,)
    # What is the same thing is no negative.
    same = (things[:, None] == things[None, :]) & (gold[:, None] != gold[None, :])  # (B, B)
    scores = (left @ right.T / _TEMPERATURE).masked_fill(same, -1e4)  # (B, B)
    loss = (F.cross_entropy(scores, gold) + F.cross_entropy(scores.T, gold)) / 2
    return loss, (scores.detach().argmax(1) == gold).sum(), len(things)
