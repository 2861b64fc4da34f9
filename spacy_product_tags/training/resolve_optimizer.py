"""`resolve_optimizer`: a pipeline whose optimizer can be made again."""
from typing import Callable

from spacy.language import Language


def create_resolve_optimizer() -> Callable[[Language], Language]:
    """Make the callback `spacy-product-tags.resolve_optimizer.v1`, for ``[nlp.after_pipeline_creation]``.

    RETURNS (Callable[[Language], Language]): `resolve_optimizer`.
    """
    return resolve_optimizer


def resolve_optimizer(nlp: Language) -> Language:
    """Put values in place of the references in ``[training.optimizer]``.

    ``nlp.create_optimizer`` and so ``nlp.initialize`` read that block alone, where ``${training.max_steps}`` leads
    nowhere.

    nlp (Language): The pipeline; its config changes.
    RETURNS (Language): The pipeline.
    """
    if "optimizer" in nlp.config.get("training", {}):
        nlp.config["training"]["optimizer"] = nlp.config.interpolate()["training"]["optimizer"]
    return nlp
