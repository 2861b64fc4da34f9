"""Pack several texts into each row of a batch, so that next to nothing of it is padding."""
from typing import TYPE_CHECKING, Any, Dict, Tuple

import numpy as np
from torch.utils.data import Dataset

from .texts import Texts

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_DEV_SHARE, _MAX_DEV = 0.02, 500


def split_texts(texts: Texts) -> Tuple[np.ndarray, np.ndarray]:
    """Drop repeated texts and hold out 2 % of them, at most 500 and at least one, whatever order they come in.

    texts (Texts): The texts.
    RETURNS (Tuple[np.ndarray, np.ndarray]): The numbers of the texts to train on, and of those held out.
    RAISES (ValueError): Where there are fewer than two different texts.
    """
    _, first = np.unique(texts.digests, return_index=True)  # in the order of the digests, which is as good as random
    if len(first) < 2:
        raise ValueError(f"there must be two different texts or more, not {len(first)}")
    size = count_held_out(len(first))
    return np.sort(first[size:]), np.sort(first[:size])


def count_held_out(count: int) -> int:
    """Say how many of so many texts are held out. RETURNS (int): 2 %, at most 500 and at least one."""
    return min(_MAX_DEV, max(1, round(_DEV_SHARE * count)))


def pack_rows(lengths: np.ndarray, room: int) -> Tuple[np.ndarray, np.ndarray]:
    """Put texts into rows: the longest first, each into the fullest row that still has room for it.

    lengths (np.ndarray): Length of each text, at most `room`.
    room (int): Length of a row.
    RETURNS (Tuple[np.ndarray, np.ndarray]): The texts in the order of their rows; where each row begins, and the end.
    """
    row_of = np.zeros(len(lengths), dtype=np.int64)
    open_rows: Dict[int, list] = {}  # by the room that is left
    count = 0
    for text in np.argsort(-lengths, kind="stable").tolist():
        length = int(lengths[text])
        left = next((left for left in range(length, room) if open_rows.get(left)), room)
        if left == room:
            row, count = count, count + 1
        else:
            row = open_rows[left].pop()
        row_of[text] = row
        if left > length:
            open_rows.setdefault(left - length, []).append(row)
    order = np.argsort(row_of, kind="stable")
    return order, np.searchsorted(row_of[order], np.arange(count + 1))


class PackedRows(Dataset):
    """Rows for `WordMaskCollator`, a whole run of them: row after row in a new order each time that all were seen.

    texts (Texts): The texts.
    numbers (np.ndarray): Which of them to use.
    tokenizer (PreTrainedTokenizerFast): Their tokenizer, for its special pieces.
    length (int): Pieces in a row.
    packed (bool): Whether a row may hold more than one text.
    first_position (int): Position of a text's first piece (RoBERTa counts from its padding's id on).
    size (int): Rows to give in all; 0 = each once, in order.
    seed (int): Seed of the order.
    """

    def __init__(
        self,
        texts: Texts,
        numbers: np.ndarray,
        tokenizer: "PreTrainedTokenizerFast",
        length: int,
        *,
        packed: bool = True,
        first_position: int = 0,
        size: int = 0,
        seed: int = 0,
    ) -> None:
        self.texts, self.length, self.seed, self.first_position = texts, length, seed, first_position
        self.cls, self.sep, self.pad = tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.pad_token_id
        lengths = np.minimum((texts.starts[1:] - texts.starts[:-1])[numbers] + 2, length)
        if packed:
            order, self.row_starts = pack_rows(lengths, length)
            self.numbers = numbers[order]
        else:
            self.row_starts, self.numbers = np.arange(len(numbers) + 1), numbers
        self.n_rows = len(self.row_starts) - 1
        self.size = size
        self._round, self._order = -1, np.arange(self.n_rows)

    def __len__(self) -> int:
        return self.size or self.n_rows

    def __getitem__(self, index: int) -> Dict[str, Any]:
        row = index
        if self.size:
            turn, at = divmod(index, self.n_rows)
            if turn != self._round:
                self._round = turn
                self._order = np.random.default_rng((self.seed, turn)).permutation(self.n_rows)
            row = int(self._order[at])
        ids = np.full(self.length, self.pad, dtype=np.int32)
        words = np.full(self.length, -1, dtype=np.int32)
        numbers = np.zeros(self.length, dtype=np.int32)
        positions = np.full(self.length, self.first_position, dtype=np.int32)
        at = 0
        for place, text in enumerate(self.numbers[self.row_starts[row] : self.row_starts[row + 1]].tolist(), 1):
            start = int(self.texts.starts[text])
            end = min(int(self.texts.starts[text + 1]), start + self.length - 2)
            last = at + 1 + end - start
            ids[at], ids[last] = self.cls, self.sep
            ids[at + 1 : last] = self.texts.ids[start:end]
            words[at + 1 : last] = self.texts.words[start:end]
            numbers[at : last + 1] = place
            positions[at : last + 1] = np.arange(self.first_position, self.first_position + last + 1 - at)
            at = last + 1
        return {"index": index, "input_ids": ids, "words": words, "texts": numbers, "position_ids": positions}
