"""How the classifier's network is built for its trees, and how it grows with them."""
from typing import Optional, Sequence

import numpy as np
from thinc.api import Model

from ...encoders.name_encoder import NameEncoder, name_vectors
from .tree import Tree


def build_network(model: Model, trees: Sequence[Tree], encoder: Optional[NameEncoder]) -> None:
    """Build the head for trees; where that fails, all stays as it is.

    model (Model): A `spacy-product-tags.ProductClassifier.v1`.
    trees (Sequence[Tree]): The trees.
    encoder (Optional[NameEncoder]): Gives categories the vectors of their names; None = without.
    """
    tok2vec = model.maybe_get_ref("tok2vec")
    shapes = None
    if encoder is not None and model.attrs["name_words"]:
        shapes = {part: list(weights.shape) for part, weights in encoder.weights.items()}
    shim = model.shims[0]
    shim.setup(
        width=0 if tok2vec is None else tok2vec.get_dim("nO"),
        axes=[tree.taxonomy.parents.tolist() for tree in trees],
        columns=[tree.leaves for tree in trees],
        name_width=encoder.width if encoder is not None else 1,
        name_shapes=shapes,
        **model.attrs["settings"],
    )
    if encoder is None:
        return
    for tree, part in zip(trees, shim.module.trees):
        vectors = name_vectors(encoder, [tree.taxonomy.names(row) for row in range(len(tree.taxonomy))])
        part.names.copy_(part.names.new_tensor(vectors))
    shim.module.fill(encoder)


def grow_network(model: Model, trees: Sequence[Tree], moved: np.ndarray, names: Optional[str]) -> None:
    """Build the head anew for a taxonomy that has more categories, keeping what it has learnt; on failure all stays.

    model (Model): The model.
    trees (Sequence[Tree]): The trees, the taxonomy's first, which alone is new.
    moved (np.ndarray): Of each category that the taxonomy had, its row in the new one.
    names (Optional[str]): Folder of the name encoder. Not needed where titles are compared with names, as the head has
        it then.
    RAISES (ValueError): Where the names' vectors are of another size.
    """
    head = model.shims[0].module
    encoder: Optional[NameEncoder]
    if head.matchers:
        # A copy: the head that it belongs to is built anew.
        encoder = NameEncoder({part: weights.copy() for part, weights in head.encoder.weights.items()})
    else:
        encoder = None if names is None else NameEncoder.from_disk(names)
    width = 1 if encoder is None else encoder.width
    if width != model.shims[0].sizes["name_width"]:
        problem = f"the name encoder {names!r} is not the one of the training (size {width})"
        raise ValueError(f"{problem}; give what `initialize` got as names, None where it got None")
    state = head.state_dict()
    build_network(model, trees, encoder)
    target = model.shims[0].module.state_dict()
    for name, tensor in state.items():
        if target[name].shape == tensor.shape:
            target[name].copy_(tensor)
        else:
            # The names of categories, and what training adds to them.
            target[name][target[name].new_tensor(moved).long()] = tensor
