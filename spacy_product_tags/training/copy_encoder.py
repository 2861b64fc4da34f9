"""`copy_encoder`: start from the encoder of a pipeline that is trained already."""
from functools import partial
from pathlib import Path
from typing import Callable, Union

from spacy.language import Language
from spacy.util import load_model
from thinc.api import Model


def create_copy_encoder(
    source: Union[str, Path, None] = None, component: str = "product_tag_generator"
) -> Callable[[Language], Language]:
    """Make the callback `spacy-product-tags.copy_encoder.v1`, for ``[initialize.after_init]``.

    What an encoder learnt on one set of listings helps on another, whatever the facets; the head starts anew.

    source (Union[str, Path, None]): A trained pipeline, its folder or the name of its package; None = copy nothing.
    component (str): The component whose encoder is copied, in either pipeline.
    RETURNS (Callable[[Language], Language]): The callback.
    """
    return partial(copy_encoder, source=source, component=component)


def copy_encoder(nlp: Language, source: Union[str, Path, None], component: str) -> Language:
    """Copy an encoder's weights into a pipeline that was just initialized.

    nlp (Language): The pipeline.
    source (Union[str, Path, None]): The trained pipeline; None = nothing is done.
    component (str): The component whose ``tok2vec`` is copied.
    RETURNS (Language): The pipeline.
    RAISES (ValueError): Where either has no such component, or their encoders are not of one shape.
    """
    if not source:
        return nlp
    trained = load_model(source)
    for pipeline, name in ((trained, str(source)), (nlp, "the pipeline in training")):
        if component not in pipeline.pipe_names:
            raise ValueError(f"copy_encoder: {name} has no component {component!r}, only {pipeline.pipe_names}")
    ours, theirs = (pipeline.get_pipe(component).model.get_ref("tok2vec") for pipeline in (nlp, trained))
    try:
        copied = _copy(ours, theirs)
    except (ValueError, KeyError, RuntimeError) as err:
        problem = f"the encoder of {source} is not of the shape of [components.{component}.model.tok2vec]"
        raise ValueError(f"copy_encoder: {problem}; take the settings of its config.cfg ({err})") from err
    if not copied:
        problem = f"the encoder of {component!r} has no weights of its own, it listens to another component"
        raise ValueError(f"copy_encoder: {problem}; give that one the trained transformer's folder")
    return nlp


def _copy(ours: Model, theirs: Model) -> int:
    """Copy all weights; settings such as dropout stay. RETURNS (int): How many parts had any."""
    nodes, others = list(ours.walk()), list(theirs.walk())
    if [node.name for node in nodes] != [node.name for node in others]:
        raise ValueError(f"{[node.name for node in others]} instead of {[node.name for node in nodes]}")
    copied = 0
    for node, other in zip(nodes, others):
        for name in node.param_names:
            if node.get_param(name).shape != other.get_param(name).shape:
                raise ValueError(f"{name} of {node.name}: {other.get_param(name).shape}")
            node.set_param(name, other.get_param(name).copy())
            copied += 1
        for shim, source in zip(node.shims, other.shims):
            shim.copy_weights(source)
            copied += 1
    return copied
