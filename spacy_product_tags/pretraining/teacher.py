"""Draw an encoder's hidden states to those of a larger one, layer by layer (TinyBERT, Jiao et al. 2020)."""
import json
from typing import TYPE_CHECKING, Dict, List, Tuple

import torch

from .backbone import load_encoder, load_tokenizer
from .masking import IGNORE

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

# Dimensions that hardly vary in a batch don't weigh more than this.
_LEAST_VARIANCE = 1e-4


def load_teacher(
    name: str, student: "PreTrainedModel", tokenizer: "PreTrainedTokenizerFast", length: int
) -> "PreTrainedModel":
    """Load the larger encoder.

    name (str): `product-tags-mini`, a folder or a hub name.
    student (PreTrainedModel): What learns from it.
    tokenizer (PreTrainedTokenizerFast): The student's.
    length (int): Pieces in a row.
    RETURNS (PreTrainedModel): The encoder, which doesn't learn.
    RAISES (ValueError): Where its pieces, its width or its number of layers don't go with the student's.
    """
    # All that decides pieces and their numbers, but not how to cut off and pad.
    parts = [json.loads(one.backend_tokenizer.to_str()) for one in (load_tokenizer(name), tokenizer)]
    if any(parts[0][key] != parts[1][key] for key in parts[0] if key not in ("truncation", "padding")):
        raise ValueError(
            f"teacher: {name} cuts text into other pieces than the model that learns; make both of one source: "
            "product-tags backbone LARGE --source … --texts …, then product-tags backbone SMALL --source LARGE "
            "--keep-layers N"
        )
    teacher = load_encoder(name).requires_grad_(False)
    for key in ("hidden_size", "model_type"):
        if getattr(teacher.config, key) != getattr(student.config, key):
            sizes = f"{getattr(teacher.config, key)}, {getattr(student.config, key)}"
            raise ValueError(f"teacher: {name} and the model that learns differ in {key} ({sizes})")
    if teacher.config.num_hidden_layers < student.config.num_hidden_layers:
        raise ValueError(f"teacher: {name} has fewer layers than the model that learns")
    if length > teacher.config.max_position_embeddings:
        raise ValueError(f"length: {length} is too much for {name}")
    return teacher


def hidden_loss(
    student: "PreTrainedModel", batch: Dict[str, torch.Tensor], teacher: "PreTrainedModel"
) -> Tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Compare hidden states on a batch: the squared error over the variance of each of the teacher's dimensions.

    Each layer of the student is drawn to that which stands as far up in the teacher.

    student (PreTrainedModel): The encoder that learns.
    batch (Dict[str, torch.Tensor]): What `WordMaskCollator` made; the pieces below the masks are put back.
    teacher (PreTrainedModel): The larger one.
    RETURNS (Tuple[torch.Tensor, torch.Tensor, torch.Tensor]): The mean over layers, pieces and dimensions; the sum over
        pieces of the cosine of both last layers, less the teacher's mean; how many pieces there are.
    """
    labels = batch["labels"]
    ids = torch.where(labels == IGNORE, batch["input_ids"], labels)  # (B, L)
    inputs = {name: batch[name] for name in ("attention_mask", "position_ids")}
    real = _real_places(batch).flatten()  # (B * L,)
    with torch.no_grad():
        wanted = teacher(input_ids=ids, output_hidden_states=True, **inputs).hidden_states
    found = student(input_ids=ids, output_hidden_states=True, **inputs).hidden_states
    losses: List[torch.Tensor] = []
    for number in range(1, len(found)):
        place = round(number * (len(wanted) - 1) / (len(found) - 1))
        ours = found[number].flatten(0, 1)[real].float()  # (P, D)
        theirs = wanted[place].flatten(0, 1)[real].float()  # (P, D)
        spread = theirs.var(dim=0, unbiased=False).clamp_min(_LEAST_VARIANCE)  # (D,)
        losses.append(((ours - theirs).square() / spread).mean())
    center = theirs.mean(dim=0)  # (D,)
    cosines = torch.cosine_similarity(ours.detach() - center, theirs - center, dim=1)  # (P,)
    return torch.stack(losses).mean(), cosines.sum(), batch["pieces"].sum()


def _real_places(batch: Dict[str, torch.Tensor]) -> torch.Tensor:
    """Tell pieces from padding. RETURNS (torch.Tensor): (B, L)."""
    places = torch.arange(batch["input_ids"].shape[1], device=batch["input_ids"].device)
    return places[None, :] < batch["pieces"][:, None]
