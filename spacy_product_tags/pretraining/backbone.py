"""Make a backbone that has learnt nothing yet: a new BERT for some texts, or one just like another."""
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterable, Union

from ..encoders.shipped import find_backbone

if TYPE_CHECKING:
    import torch
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerFast


def load_encoder(name: Union[str, Path], **settings: Any) -> "PreTrainedModel":
    """Load an encoder in full precision, without a pooler of random weights where it was saved without one.

    name (Union[str, Path]): `product-tags-mini`, a folder or a hub name.
    **settings (Any): As `from_pretrained` takes them, such as ``config``.
    RETURNS (PreTrainedModel): The encoder, ready to predict.
    RAISES (OSError, ValueError): As `from_pretrained`; where weights are missing.
    """
    import torch
    from transformers import AutoModel
    from transformers.utils import logging

    verbosity = logging.get_verbosity()
    # What is missing is dropped or an error.
    logging.set_verbosity_error()
    try:
        model, info = AutoModel.from_pretrained(
            find_backbone(name), torch_dtype=torch.float32, output_loading_info=True, **settings
        )
    finally:
        logging.set_verbosity(verbosity)
    missing = [key for key in info["missing_keys"] if not key.startswith("pooler.")]
    if missing:
        raise ValueError(f"{name}: lacks {len(missing)} of its weights, such as {missing[0]}; save or fetch it again")
    if info["missing_keys"]:
        model.pooler = None
    return model.eval()


def load_tokenizer(name: Union[str, Path]) -> "PreTrainedTokenizerFast":
    """Load a fast tokenizer.

    name (Union[str, Path]): `product-tags-mini`, a folder or a hub name.
    RETURNS (PreTrainedTokenizerFast): The tokenizer.
    RAISES (ValueError): Where it has no fast one; OSError where there is none.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(find_backbone(name), use_fast=True)
    if not tokenizer.is_fast:
        raise ValueError(f"{name}: has no fast tokenizer; its pieces have no place in the text")
    return tokenizer


def mean_vectors(
    model: "PreTrainedModel", input_ids: "torch.Tensor", attention_mask: "torch.Tensor"
) -> "torch.Tensor":
    """Encode texts as the mean of their pieces, as E5 does.

    model (PreTrainedModel): The encoder.
    input_ids (torch.Tensor): (B, L).
    attention_mask (torch.Tensor): (B, L).
    RETURNS (torch.Tensor): float32 (B, D), of length one.
    """
    from torch.nn.functional import normalize

    states = model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state.float()  # (B, L, D)
    mask = attention_mask.unsqueeze(2).float()  # (B, L, 1)
    return normalize((states * mask).sum(1) / mask.sum(1).clamp_min(1), dim=1)  # (B, D)


def create_backbone(
    texts: Iterable[str],
    folder: Union[str, Path],
    *,
    layers: int = 4,
    width: int = 256,
    heads: int = 4,
    vocab_size: int = 12000,
    max_positions: int = 512,
    seed: int = 0,
) -> Path:
    """Save a BERT that has seen nothing yet as a plain `transformers` folder.

    texts (Iterable[str]): Texts to learn the vocabulary from, as `train_vocabulary` does.
    folder (Union[str, Path]): Where to save it.
    layers (int): Number of layers.
    width (int): Size of the vectors; the inner layers have four times as many.
    heads (int): Attention heads; divides `width`.
    vocab_size (int): Pieces at most.
    max_positions (int): Longest input in pieces.
    seed (int): Seed of the weights.
    RETURNS (Path): The folder, with config.json, model.safetensors and tokenizer.json.
    """
    from .vocabulary import train_vocabulary

    tokenizer = train_vocabulary(texts, vocab_size, max_positions=max_positions)
    config = bert_config(tokenizer, layers, width, heads, max_positions)
    return _save(tokenizer, config, Path(folder), seed)


def bert_config(
    tokenizer: "PreTrainedTokenizerFast", layers: int, width: int, heads: int, max_positions: int
) -> "PretrainedConfig":
    """Describe a BERT for a tokenizer; its inner layers have four times the width. RETURNS (BertConfig): Its config."""
    from transformers import BertConfig

    return BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * width,
        max_position_embeddings=max_positions,
        pad_token_id=tokenizer.pad_token_id,
    )


def create_untrained_twin(backbone: Union[str, Path], folder: Union[str, Path], *, seed: int = 0) -> Path:
    """Save a model like another one but with random weights, to see what its training was worth.

    backbone (Union[str, Path]): Folder or hub name of the other.
    folder (Union[str, Path]): Where to save it.
    seed (int): Seed of the weights.
    RETURNS (Path): The folder.
    """
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(find_backbone(backbone))
    return _save(load_tokenizer(backbone), config, Path(folder), seed)


def _save(tokenizer: "PreTrainedTokenizerFast", config: "PretrainedConfig", folder: Path, seed: int) -> Path:
    import torch
    from transformers import AutoModel

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        AutoModel.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
