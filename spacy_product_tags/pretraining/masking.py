"""Choose what a masked language model has to guess: whole words, and runs of up to four of them."""
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Sequence, Tuple

import numpy as np
import torch
from transformers import DataCollatorForLanguageModeling

# How often a run has one, two, three and four words (MacBERT; Cui et al. 2020).
RUNS = (0.4, 0.3, 0.2, 0.1)
# The label of what is not guessed.
IGNORE = -100


def choose_words(
    lengths: np.ndarray,
    texts: np.ndarray,
    budget: int,
    rng: np.random.Generator,
    runs: Sequence[float] = RUNS,
) -> np.ndarray:
    """Choose runs of words at random until their pieces fill the budget.

    lengths (np.ndarray): Pieces of each word, at least 1; (W,).
    texts (np.ndarray): Number of the text that each word stands in; words of one text are neighbours; (W,).
    budget (int): Pieces to choose at most; but one word is chosen in any case.
    rng (np.random.Generator): What to draw from.
    runs (Sequence[float]): Probabilities of runs of 1, 2, … words.
    RETURNS (np.ndarray): Whether each word is chosen; (W,) bool.
    """
    chosen = np.zeros(len(lengths), dtype=bool)
    if not len(lengths):
        return chosen
    # Each word starts a run. Runs are taken in a random order; a word comes in with the first run that covers it.
    sizes = rng.choice(len(runs), size=len(lengths), p=np.asarray(runs)) + 1  # (W,)
    turn = rng.permutation(len(lengths))  # (W,)
    first = turn.copy()
    for back in range(1, min(len(runs), len(lengths))):
        covers = (sizes[:-back] > back) & (texts[:-back] == texts[back:])
        np.minimum(first[back:], np.where(covers, turn[:-back], len(lengths)), out=first[back:])
    order = np.argsort(first, kind="stable")
    # A word that is too long for what is left is passed over, with all behind it.
    chosen[order[np.cumsum(lengths[order]) <= budget]] = True
    chosen[order[0]] = True
    return chosen


@dataclass
class WordMaskCollator(DataCollatorForLanguageModeling):
    """Make a batch of rows and mask whole words and runs of them; the masks depend on nothing but seed and row.

    A row is a mapping with ``index`` (its number in the run: the seed of its batch) and, of one length,
    ``input_ids``, ``position_ids``, ``words`` (the number of each piece's word, -1 = special) and ``texts`` (the
    number of each piece's text, 0 = padding). The batch holds what a `transformers` model takes, the attention mask
    in three dimensions since the texts of a row don't see each other, ``masked``: the places of the guessed pieces in
    the flattened batch, and ``pieces``: how many each row has.

    packed (bool): Whether a row may hold several texts; without, the attention mask has two dimensions.
    """

    packed: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        special = set(self.tokenizer.all_special_ids)
        self._random_ids = np.array([n for n in range(len(self.tokenizer)) if n not in special], dtype=np.int64)

    def torch_call(self, examples: List[Mapping[str, Any]]) -> Dict[str, torch.Tensor]:
        """Collate rows and cut the padding off that they share.

        examples (List[Mapping[str, Any]]): The rows.
        RETURNS (Dict[str, torch.Tensor]): The batch, (B, L) each; the attention mask (B, L, L) if packed.
        """
        rng = np.random.default_rng((self.seed or 0, int(examples[0]["index"])))
        length = max(int(np.count_nonzero(row["texts"])) for row in examples)
        words, texts, ids, positions = (
            np.stack([row[name][:length] for row in examples])
            for name in ("words", "texts", "input_ids", "position_ids")
        )
        ids = ids.astype(np.int64)
        masked = self.choose_pieces(words, texts, rng)
        labels = np.full_like(ids, IGNORE)
        labels.ravel()[masked] = ids.ravel()[masked]
        draw = rng.random(len(masked))
        to_mask = draw < self.mask_replace_prob
        to_random = ~to_mask & (draw < self.mask_replace_prob + self.random_replace_prob)
        ids.ravel()[masked[to_mask]] = self.tokenizer.mask_token_id
        ids.ravel()[masked[to_random]] = rng.choice(self._random_ids, size=int(to_random.sum()))
        attention = texts[:, :, None] == texts[:, None, :] if self.packed else texts > 0
        batch = {
            "input_ids": ids,
            "attention_mask": attention.astype(np.uint8),
            "position_ids": positions.astype(np.int64),
            "labels": labels,
            "masked": masked,
            "pieces": (texts > 0).sum(1),
        }
        return {name: torch.from_numpy(value) for name, value in batch.items()}

    def choose_pieces(self, words: np.ndarray, texts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Choose the pieces to guess: `mlm_probability` of the batch's pieces, but one word at least.

        words (np.ndarray): Number of each piece's word, -1 = special; (B, L).
        texts (np.ndarray): Number of each piece's text, 0 = padding; (B, L).
        rng (np.random.Generator): What to draw from.
        RETURNS (np.ndarray): Places in the flattened batch, rising; (N,).
        """
        starts, lengths = _find_words(words)
        row_texts = texts + np.arange(len(texts))[:, None] * (int(texts.max(initial=0)) + 1)
        budget = round(self.mlm_probability * int(lengths.sum()))
        chosen = choose_words(lengths, row_texts.ravel()[starts], budget, rng)
        starts, lengths = starts[chosen], lengths[chosen]
        ends = np.cumsum(lengths)
        return np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - (ends - lengths), lengths)


def _find_words(words: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Find the words of a batch. RETURNS (Tuple[np.ndarray, np.ndarray]): First place and pieces of each."""
    new = np.ones(words.shape, dtype=bool)
    new[:, 1:] = words[:, 1:] != words[:, :-1]
    edges = np.append(np.flatnonzero(new), words.size)
    inside = words.ravel()[edges[:-1]] >= 0
    return edges[:-1][inside], np.diff(edges)[inside]
