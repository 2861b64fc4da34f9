"""`use_one_thread`: training on a CPU that other jobs use, too."""
from typing import Callable

import torch
from spacy.language import Language
from thinc.api import CupyOps, get_current_ops


def create_one_thread() -> Callable[[Language], Language]:
    """Make the callback `spacy-product-tags.one_thread.v1`, for ``[initialize.before_init]``.

    RETURNS (Callable[[Language], Language]): `use_one_thread`.
    """
    return use_one_thread


def use_one_thread(nlp: Language) -> Language:
    """Let torch compute with one thread in this process, unless on a GPU.

    On batches of a few titles torch's threads mostly wait for one another, and do so busily: two take twice the
    processor time, and beside another job they take longer than one. Only training does so, not loading.

    nlp (Language): The pipeline that is about to be initialized; it stays as it is.
    RETURNS (Language): The pipeline.
    """
    if not isinstance(get_current_ops(), CupyOps):
        torch.set_num_threads(1)
    return nlp
