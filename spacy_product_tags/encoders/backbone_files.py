"""How a pretrained transformer lies in a saved pipeline: one sealed message, all of which is checked before it is used.

spacy-transformers' own form writes whatever files the message names and hands on whatever keywords it holds, so that a
file from a stranger could write anywhere and run code. Here names, keywords and types are on a list, weights are
safetensors, and nothing is unpickled.
"""
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Dict, Iterable, Iterator, Mapping, Tuple

import srsly
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from spacy.util import SimpleFrozenDict
from spacy_transformers.data_classes import HFObjects
from thinc.api import get_torch_default_device
from transformers import CONFIG_MAPPING, AutoConfig, AutoModel, AutoTokenizer

from ..saving import BROKEN, seal, unseal
from .halves import shorten

# What a fast tokenizer needs.
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
# Fields of the message for each kind.
_LOADED = {"config": str, "tokenizer": dict, "weights": bytes}
_UNLOADED = {"tokenizer_config": dict, "transformer_config": dict}
# Settings that name code or what else is to be loaded; `_file` and `_path` at the end of a name do so, too.
_LOADS = {
    "auto_map", "trust_remote_code", "custom_pipelines", "init_inputs", "from_slow", "gguf_file", "backbone",
    "backbone_config", "use_timm_backbone", "use_pretrained_backbone", "quantization_config", "attn_implementation",
    "_attn_implementation", "_attn_implementation_internal", "_name_or_path", "name_or_path", "pretrained_model_name",
}  # fmt: skip
_ENDS = ("_file", "_path", "_dir", "_object")


def refuse_remote_code(settings: Mapping[str, Any], name: str) -> Dict[str, Any]:
    """Make sure that loading a pretrained transformer runs no code that lies beside it.

    settings (Mapping[str, Any]): Settings for `from_pretrained`.
    name (str): What they are called in the config.
    RETURNS (Dict[str, Any]): The same, with `trust_remote_code` off: where it isn't said, transformers would ask.
    RAISES (ValueError): Where they ask for such code.
    """
    if settings.get("trust_remote_code"):
        raise ValueError(
            f"{name}.trust_remote_code: code that comes with a model is never run; save the model as one of a kind "
            "that transformers itself knows"
        )
    return {**settings, "trust_remote_code": False}


def save_backbone(backbone: HFObjects) -> bytes:
    """Save a transformer and its tokenizer, or where there is none yet, what to load one with.

    backbone (HFObjects): Both, or the settings.
    RETURNS (bytes): What `load_backbone` takes, with a checksum.
    """
    if backbone.transformer is None:
        settings = (backbone._init_tokenizer_config, backbone._init_transformer_config)
        return seal(srsly.msgpack_dumps(dict(zip(_UNLOADED, map(dict, settings)))))
    config = backbone.transformer.config.to_dict()
    known = _fields_of(config["model_type"])
    with TemporaryDirectory() as folder:
        backbone.tokenizer.save_pretrained(folder, legacy_format=False)
        files = {name: Path(folder) / name for name in TOKENIZER_FILES}
        tokenizer = {name: file.read_bytes() for name, file in files.items() if file.is_file()}
    message = {
        "config": json.dumps({name: value for name, value in config.items() if name in known}),
        "tokenizer": tokenizer,
        "weights": save(shorten(dict(_unshared(backbone.transformer.state_dict())))),
    }
    return seal(srsly.msgpack_dumps(message))


def load_backbone(data: bytes) -> HFObjects:
    """Load what `save_backbone` gave.

    data (bytes): The message.
    RETURNS (HFObjects): The transformer and its tokenizer, or the settings.
    RAISES (ValueError): Where anything in it is damaged, not known, not allowed or of another type; it names the field.
    """
    try:
        message = srsly.msgpack_loads(unseal(data, "it"))
    except BROKEN as err:
        raise ValueError(str(err)) from None
    fields = _UNLOADED if isinstance(message, dict) and "config" not in message else _LOADED
    _check_fields(message, fields)
    if fields is _UNLOADED:
        settings = [refuse_remote_code(message[name], name) for name in fields]
        return HFObjects(None, None, None, *settings)
    config = _read_config(message["config"])
    _check_tokenizer(message["tokenizer"])
    try:
        weights = load(message["weights"])
    except SafetensorError as err:
        raise ValueError(f"weights: are no safetensors ({err})") from None
    with TemporaryDirectory() as folder:
        for name, content in message["tokenizer"].items():
            (Path(folder) / name).write_bytes(content)
        tokenizer = _call(
            "tokenizer", AutoTokenizer.from_pretrained, folder, config=config, use_fast=True, trust_remote_code=False,
            local_files_only=True,
        )  # fmt: skip
    if not tokenizer.is_fast:
        raise ValueError("tokenizer: is a slow one, which gives no character offsets")
    transformer = _call("config", AutoModel.from_config, config, trust_remote_code=False)
    # Each name and shape must fit: what isn't there would stay random.
    _call("weights", transformer.load_state_dict, weights, strict=True)
    transformer.to(get_torch_default_device())
    return HFObjects(tokenizer, transformer, None, SimpleFrozenDict(), SimpleFrozenDict())


def _call(field: str, function: Any, *args: Any, **kwargs: Any) -> Any:
    try:
        return function(*args, **kwargs)
    except (*BROKEN, AssertionError, ImportError) as err:
        raise ValueError(f"{field}: can't be used ({err})") from err
    except Exception as err:
        # tokenizers raises nothing more special than this.
        if type(err) is not Exception:
            raise
        raise ValueError(f"{field}: can't be used ({err})") from err


def _unshared(state: Mapping[str, torch.Tensor]) -> Iterator[Tuple[str, torch.Tensor]]:
    """Give weights as safetensors takes them. YIELDS (Tuple[str, Tensor]): Name and weight, none in another's place."""
    seen = set()
    for name, weight in state.items():
        weight = weight.detach().cpu().contiguous()
        yield name, weight.clone() if weight.data_ptr() in seen else weight
        seen.add(weight.data_ptr())


def _fields_of(kind: Any) -> Iterable[str]:
    """Give the settings that a kind of transformer has. RETURNS (Iterable[str]): Those that load nothing else."""
    if not isinstance(kind, str) or kind not in CONFIG_MAPPING:
        raise ValueError(f"config.model_type: {kind!r:.80} is no kind of transformer that transformers itself knows")
    return {name for name in CONFIG_MAPPING[kind]().to_dict() if not _loads(name)}


def _loads(name: str) -> bool:
    return name in _LOADS or name.endswith(_ENDS)


def _check_fields(message: Any, fields: Mapping[str, type]) -> None:
    if not isinstance(message, dict):
        raise ValueError(f"must be fields by name, not {type(message).__name__}")
    for name in message:
        if name not in fields:
            raise ValueError(f"{name!r:.80}: not known; the fields are {', '.join(fields)}")
    for name, kind in fields.items():
        if not isinstance(message.get(name), kind):
            raise ValueError(f"{name}: must be {kind.__name__}, not {type(message.get(name)).__name__}")


def _read_config(text: str) -> Any:
    config = _read_json("config", text)
    known = _fields_of(config.get("model_type"))
    for name in config:
        if name not in known:
            raise ValueError(f"config.{name:.80}: not allowed in a saved {config['model_type']} transformer")
    kind = config.pop("model_type")
    return _call("config", AutoConfig.for_model, kind, **config)


def _check_tokenizer(files: Mapping[Any, Any]) -> None:
    for name, content in files.items():
        if name not in TOKENIZER_FILES:
            raise ValueError(f"tokenizer.{name!r:.120}: not allowed; the files are {', '.join(TOKENIZER_FILES)}")
        if not isinstance(content, bytes):
            raise ValueError(f"tokenizer.{name}: must be bytes, not {type(content).__name__}")
        settings = _read_json(f"tokenizer.{name}", content)
        for key in settings if name == "tokenizer_config.json" else ():
            if _loads(key):
                raise ValueError(f"tokenizer.{name}.{key:.80}: not allowed in a saved transformer")
    for name in TOKENIZER_FILES[:2]:
        if name not in files:
            raise ValueError(f"tokenizer.{name}: is missing")


def _read_json(field: str, text: Any) -> Dict[str, Any]:
    try:
        data = json.loads(text)
    except BROKEN as err:
        raise ValueError(f"{field}: is no JSON ({err})") from None
    if not isinstance(data, dict):
        raise ValueError(f"{field}: must be a JSON object, not {type(data).__name__}")
    return data
