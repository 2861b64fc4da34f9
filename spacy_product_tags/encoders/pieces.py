"""Pieces: vectors that know which characters they stand for, from any kind of encoder."""
from typing import Callable, List, NamedTuple, Sequence, Tuple

import numpy as np
from spacy.attrs import LENGTH, SPACY
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d, Ints1d

from ..tag import text_length


class Pieces(NamedTuple):
    """The encoder's output for a batch, one row a piece (a wordpiece, a token or a character).

    vectors (Floats2d): (P, D).
    starts (Ints1d): (P,) first character, counted over the texts of the batch one after the other; always on the CPU.
    ends (Ints1d): (P,) character behind the last.
    """

    vectors: Floats2d
    starts: Ints1d
    ends: Ints1d


def text_starts(docs: Sequence[Doc]) -> np.ndarray:
    """Give where each doc's text starts in the batch. RETURNS (ndarray): (B + 1,) the last one is the total."""
    return np.concatenate([[0], np.cumsum([text_length(doc) for doc in docs])]).astype(np.int64)


def token_offsets(doc: Doc) -> Tuple[np.ndarray, np.ndarray]:
    """Give the character offsets of a doc's tokens. RETURNS (Tuple[ndarray, ndarray]): (N,) starts and (N,) ends."""
    lengths, blanks = doc.to_array([LENGTH, SPACY]).astype(np.int64).reshape(-1, 2).T  # (N,) each
    ends = np.cumsum(lengths + blanks) - blanks
    return ends - lengths, ends


def with_pieces(
    tok2vec: Model, docs: List[Doc], is_train: bool
) -> Tuple[Pieces, Callable[[Floats2d], List[Doc]]]:
    """Run an encoder and give its output as pieces.

    tok2vec (Model): Gives `Pieces` (our encoders and listeners) or a list of arrays, one row a token (spaCy's).
    docs (List[Doc]): The batch.
    is_train (bool): Whether a backward pass follows.
    RETURNS (Tuple[Pieces, Callable]): The pieces, and the backward pass, which takes the gradient of the vectors.
    """
    output, backprop = tok2vec(docs, is_train)
    if isinstance(output, Pieces):
        return output, backprop
    begins = text_starts(docs)
    starts: List[np.ndarray] = [np.zeros(0, np.int64)]
    ends: List[np.ndarray] = [np.zeros(0, np.int64)]
    for doc, begin in zip(docs, begins):
        first, last = token_offsets(doc)
        starts.append(first + begin)
        ends.append(last + begin)
    lengths = [len(rows) for rows in output]

    def backprop_tokens(d_vectors: Floats2d) -> List[Doc]:
        return backprop(tok2vec.ops.unflatten(d_vectors, lengths))

    vectors = tok2vec.ops.flatten(output)  # (P, D)
    return Pieces(vectors, np.concatenate(starts), np.concatenate(ends)), backprop_tokens


def no_backprop(d_vectors: Floats2d) -> List[Doc]:
    """Go nowhere: the backward pass of a prediction. RETURNS (List[Doc]): Nothing."""
    return []


def spread(pieces: Pieces, size: int) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Map characters to pieces.

    pieces (Pieces): The pieces.
    size (int): Characters T in the batch.
    RETURNS (Tuple[ndarray, ndarray, ndarray]): (T,) row of the piece, counted from 1 (0 = no piece covers it), (T,)
        place in the piece, (T,) characters of the piece behind it.
    """
    chars, piece = list_chars(pieces.starts, pieces.ends)  # (C,) each
    row, offset, rest = (np.zeros(size, dtype=np.int64) for _ in range(3))
    row[chars] = piece + 1
    offset[chars] = chars - pieces.starts[piece]
    rest[chars] = pieces.ends[piece] - chars - 1
    return row, offset, rest


def list_chars(starts: np.ndarray, ends: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """List the characters of spans, one span after the other.

    starts (np.ndarray): (N,) first characters.
    ends (np.ndarray): (N,) characters behind the last.
    RETURNS (Tuple[np.ndarray, np.ndarray]): (C,) characters, and (C,) number of the span of each.
    """
    lengths = ends - starts  # (N,)
    span = np.repeat(np.arange(len(starts)), lengths)
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return starts[span] + within, span


