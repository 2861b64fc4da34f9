"""`copy_encoder`: start from the encoder of a pipeline that is trained already."""
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Union

from spacy.language import Language
from spacy.util import load_model
from thinc.api import Model, Shim


def create_copy_encoder(
    source: Union[str, Path, None] = None, component: str = "product_tag_generator"
) -> Callable[[Language], Language]:
    """Make the callback `spacy-product-tags.copy_encoder.v1`, for ``[initialize.after_init]``.

    What an encoder learnt on one set of listings helps on another, whatever the facets; the head starts anew.

    source (Union[str, Path, None]): A trained pipeline, its folder or the name of its package; None = copy nothing.
    component (str): The component whose encoder is copied, in either pipeline; where it listens to a transformer, that
        one's weights are.
    RETURNS (Callable[[Language], Language]): The callback.
    """
    return partial(copy_encoder, source=source, component=component)


def copy_encoder(nlp: Language, source: Union[str, Path, None], component: str) -> Language:
    """Copy an encoder's weights into a pipeline that was just initialized.

    nlp (Language): The pipeline.
    source (Union[str, Path, None]): The trained pipeline; None = nothing is done.
    component (str): The component whose ``tok2vec`` is copied, or the transformer that it listens to.
    RETURNS (Language): The pipeline.
    RAISES (ValueError): Where either has no such component, or their encoders are not of one shape.
    """
    if not source:
        return nlp
    trained = load_model(source)
    for pipeline, name in ((trained, str(source)), (nlp, "the pipeline in training")):
        if component not in pipeline.pipe_names:
            raise ValueError(f"copy_encoder: {name} has no component {component!r}, only {pipeline.pipe_names}")
    ours, theirs = (_find_encoder(pipeline, component) for pipeline in (nlp, trained))
    try:
        _copy(ours, theirs)
    except (ValueError, KeyError, RuntimeError) as err:
        problem = f"the encoder of {source} is not of the shape of the one that [components.{component}] has"
        raise ValueError(f"copy_encoder: {problem}; take the settings of its config.cfg ({err})") from err
    return nlp


def _find_encoder(nlp: Language, component: str) -> Model:
    """Find the encoder under a component's head. RETURNS (Model): Its own, or that of the component it listens to."""
    pipe: Any = nlp.get_pipe(component)
    encoder = pipe.model.get_ref("tok2vec")
    if not any(hasattr(node, "upstream_name") for node in encoder.walk()):
        return encoder
    for _, pipe in nlp.pipeline:
        if component in getattr(pipe, "listening_components", ()):
            return pipe.model
    raise ValueError(f"copy_encoder: the component that {component!r} listens to is not in the pipeline")


def _copy(ours: Model, theirs: Model) -> None:
    """Copy all weights; settings such as dropout stay."""
    nodes, others = list(ours.walk()), list(theirs.walk())
    if [node.name for node in nodes] != [node.name for node in others]:
        raise ValueError(f"{[node.name for node in others]} instead of {[node.name for node in nodes]}")
    for node, other in zip(nodes, others):
        for name in node.param_names:
            if node.get_param(name).shape != other.get_param(name).shape:
                raise ValueError(f"{name} of {node.name}: {other.get_param(name).shape}")
            node.set_param(name, other.get_param(name).copy())
        for shim, source in zip(node.shims, other.shims):
            if _vocabulary(shim) != _vocabulary(source):
                raise ValueError("another vocabulary")
            # spacy-transformers' shims have no public name for it.
            shim._model.load_state_dict(source._model.state_dict())


def _vocabulary(shim: Shim) -> Dict[str, int]:
    """Give the vocabulary of a transformer's tokenizer. RETURNS (Dict[str, int]): Empty where there is none."""
    hf_model = getattr(shim, "_hfmodel", None)
    return hf_model.tokenizer.get_vocab() if hf_model is not None and hf_model.tokenizer is not None else {}
