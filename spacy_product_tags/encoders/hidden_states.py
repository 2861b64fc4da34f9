"""Hidden states of two encoders, compared character by character, so that their pieces need not be the same."""
from contextlib import contextmanager
from typing import Callable, Iterator, List, Optional, Tuple

import numpy as np
from spacy.tokens import Doc
from thinc.api import Adam, Linear, Model
from thinc.types import Floats2d

from .pieces import Pieces, spread, with_pieces


@contextmanager
def tapped(model: Model) -> Iterator[Model]:
    """Look at what a model's ``tok2vec`` gives.

    model (Model): A `spacy-product-tags.TagGenerator.v1`; what runs in the block is looked at.
    YIELDS (Model): The tap: ``attrs["pieces"]`` is the encoder's last output, and ``attrs["gradient"]``, where it is
        set, is added to its vectors' gradient on the way back.
    """
    tok2vec = model.get_ref("tok2vec")
    tap = Model("tap", forward, layers=[tok2vec], attrs={"pieces": None, "gradient": None})
    model.replace_node(tok2vec, tap)
    try:
        yield tap
    finally:
        model.replace_node(tap, tok2vec)


def forward(model: Model, docs: List[Doc], is_train: bool) -> Tuple[Pieces, Callable]:
    """Run the encoder and keep what it gives. RETURNS (Tuple[Pieces, Callable]): That, and the backward pass."""
    pieces, backprop_pieces = with_pieces(model.layers[0], docs, is_train)
    model.attrs["pieces"] = pieces

    def backprop(d_vectors: Floats2d) -> List[Doc]:
        added = model.attrs["gradient"]
        return backprop_pieces(d_vectors if added is None else d_vectors + added)

    return pieces, backprop


class HiddenStates:
    """Draw a student's vectors to a teacher's: the squared error behind a linear layer (TinyBERT, Jiao et al. 2020).

    The layer learns along with the student and is of no use afterwards.

    weight (float): Factor on the loss.
    learn_rate (float): Of the layer.
    """

    def __init__(self, weight: float, learn_rate: float = 0.001) -> None:
        self.weight = weight
        self.optimizer = Adam(learn_rate)
        self.projection: Optional[Model[Floats2d, Floats2d]] = None

    def compare(self, student: Pieces, teacher: Pieces, size: int, n_docs: int) -> Tuple[float, Floats2d]:
        """Compare the vectors of each character that both have one for, and train the layer.

        student (Pieces): What the student's encoder gave.
        teacher (Pieces): What the teacher's gave.
        size (int): Characters T in the batch.
        n_docs (int): Docs in the batch.
        RETURNS (Tuple[float, Floats2d]): The loss per doc (the mean over the teacher's dimensions, summed up over the
            characters), and the gradient of the student's vectors.
        """
        ours, theirs = spread(student, size)[0], spread(teacher, size)[0]  # (T,) each
        chars = np.flatnonzero((ours > 0) & (theirs > 0))  # (C,)
        if not len(chars):
            return 0.0, student.vectors * 0
        width = teacher.vectors.shape[1]
        if self.projection is None:
            self.projection = Linear(width, student.vectors.shape[1])
            self.projection.initialize()
        ops = self.projection.ops
        ours, theirs = ops.asarray(ours[chars] - 1), ops.asarray(theirs[chars] - 1)  # (C,) each
        projected, backprop = self.projection.begin_update(student.vectors)  # (P, E)
        error = projected[ours] - teacher.vectors[theirs]  # (C, E)
        scale = self.weight / (width * n_docs)
        d_projected = ops.alloc2f(*projected.shape)
        ops.scatter_add(d_projected, ours, 2 * scale * error)
        d_vectors = backprop(d_projected)
        self.projection.finish_update(self.optimizer)
        return float((error**2).sum()) * scale, d_vectors
