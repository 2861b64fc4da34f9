"""What a pretraining run is put together from: texts, model, trainer; and how its model is saved."""
import copy
import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, Sequence, Tuple, Union

from ..encoders.shipped import find_backbone
from ..errors import ListingError
from ..io import pass_over, raise_error, write_json
from .backbone import bert_config, load_encoder, load_tokenizer
from .settings import POSITIONS, PretrainSettings

if TYPE_CHECKING:
    from torch.utils.data import Dataset
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

    from .pairs import Pairs
    from .texts import Texts
    from .trainer import BackboneTrainer

_LEARN_RATE_NEW, _LEARN_RATE_CONTINUED = 5e-4, 5e-5
_WARMUP = 0.06
_DROPOUTS = ("hidden_dropout_prob", "attention_probs_dropout_prob")


def prepare_texts(
    paths: Sequence[Union[str, Path]],
    folder: Path,
    settings: PretrainSettings,
    on_error: Callable[[ListingError], None] = raise_error,
) -> Tuple["PreTrainedTokenizerFast", "Texts"]:
    """Get the tokenizer and the encoded texts, from disk where they are there already.

    paths (Sequence[Union[str, Path]]): Files of texts.
    folder (Path): Where to keep them.
    settings (PretrainSettings): The settings.
    on_error (Callable[[ListingError], None]): As in `pretrain`.
    RETURNS (Tuple[PreTrainedTokenizerFast, Texts]): Both.
    RAISES (ValueError): Where the model to go on from has no fast tokenizer, or not the special pieces.
    """
    from .texts import encode_texts, open_texts, read_texts
    from .vocabulary import train_vocabulary

    report: Callable[[ListingError], None] = on_error
    if settings.init:
        tokenizer = load_tokenizer(settings.init)
        missing = [name for name in ("cls", "sep", "pad", "mask") if getattr(tokenizer, f"{name}_token_id") is None]
        if missing:
            raise ValueError(f"init: the tokenizer of {settings.init} has no {', '.join(missing)} piece")
    elif (folder / "tokenizer" / "tokenizer_config.json").exists():
        tokenizer = load_tokenizer(folder / "tokenizer")
    else:
        tokenizer = train_vocabulary(read_texts(paths, on_error=on_error), settings.vocab_size, max_positions=POSITIONS)
        part = folder / "tokenizer.part"
        tokenizer.save_pretrained(part)
        part.rename(folder / "tokenizer")
        # The files are read a second time: nobody wants to see their errors twice.
        report = pass_over
    if (folder / "texts").exists():
        return tokenizer, open_texts(folder / "texts")
    texts = encode_texts(
        paths,
        tokenizer,
        folder / "texts",
        segmenter=settings.segmenter or None,
        max_pieces=settings.length - 2,
        on_error=report,
    )
    return tokenizer, texts


def make_model(tokenizer: "PreTrainedTokenizerFast", settings: PretrainSettings) -> "PreTrainedModel":
    """Make or load the model that training starts from.

    tokenizer (PreTrainedTokenizerFast): Its tokenizer.
    settings (PretrainSettings): The settings.
    RETURNS (PreTrainedModel): A masked language model, or with a teacher or pairs an encoder alone, in full precision.
    RAISES (ValueError): Where the rows are too long for it.
    """
    import torch
    from transformers import AutoConfig, AutoModelForMaskedLM

    if settings.init:
        config = AutoConfig.from_pretrained(find_backbone(settings.init))
        # RoBERTa's positions begin behind the padding's.
        most = getattr(config, "max_position_embeddings", POSITIONS) - first_position(config, tokenizer)
        if settings.length > most:
            raise ValueError(f"length: {settings.length} is too much for {settings.init}, which takes {most} pieces")
    else:
        config = bert_config(tokenizer, settings.layers, settings.width, settings.heads, POSITIONS)
    for name in _DROPOUTS:
        if hasattr(config, name):
            setattr(config, name, settings.dropout)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        if settings.init:
            path = find_backbone(settings.init)
            if settings.teacher or settings.pairs:
                return load_encoder(path, config=config)
            return AutoModelForMaskedLM.from_pretrained(path, config=config, torch_dtype=torch.float32)
        return AutoModelForMaskedLM.from_config(config)


def first_position(config: Any, tokenizer: "PreTrainedTokenizerFast") -> int:
    """Tell where a model's positions begin. RETURNS (int): 0, or behind the padding's id as in RoBERTa."""
    return tokenizer.pad_token_id + 1 if config.model_type in ("roberta", "xlm-roberta", "camembert") else 0


def make_trainer(
    data: Union["Texts", "Pairs"],
    tokenizer: "PreTrainedTokenizerFast",
    output: Path,
    settings: PretrainSettings,
    *,
    save_every: int = 500,
    log_every: int = 10,
    use_gpu: bool = False,
    progress: bool = False,
) -> "BackboneTrainer":
    """Put model, rows, what is learnt, and log together. RETURNS (BackboneTrainer): Ready to `train`."""
    from transformers import PrinterCallback, TrainingArguments

    from .pairs import Pairs
    from .trainer import BackboneTrainer, LogCallback

    model = make_model(tokenizer, settings)
    if isinstance(data, Pairs):
        train, dev, learnt = _pair_lesson(data, tokenizer, settings)
    else:
        train, dev, learnt = _text_lesson(data, tokenizer, model, settings, "cuda" if use_gpu else "cpu")
    arguments = TrainingArguments(
        output_dir=str(output / "checkpoints"),
        max_steps=settings.steps,
        per_device_train_batch_size=settings.batch_size,
        per_device_eval_batch_size=settings.batch_size,
        learning_rate=settings.learn_rate or (_LEARN_RATE_CONTINUED if settings.init else _LEARN_RATE_NEW),
        weight_decay=settings.weight_decay,
        warmup_ratio=_WARMUP,
        max_grad_norm=1.0,
        optim="adamw_torch_fused",
        seed=settings.seed,
        save_steps=save_every,
        logging_strategy="no",
        logging_nan_inf_filter=False,
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        use_cpu=not use_gpu,
        # On the GPU a step is so short that making its masks would show.
        dataloader_num_workers=2 if use_gpu else 0,
        dataloader_pin_memory=use_gpu,
    )
    arguments._n_gpu = min(arguments.n_gpu, 1)
    log = LogCallback(output, log_every, progress)
    trainer = BackboneTrainer(
        model, arguments, bf16_autocast=settings.bf16, train_dataset=train, eval_dataset=dev, callbacks=[log], **learnt
    )
    trainer.remove_callback(PrinterCallback)
    log.trainer = trainer
    return trainer


# The rows to train on, those held out, and what else the trainer takes: collator, objective and score.
Lesson = Tuple["Dataset", "Dataset", Dict[str, Any]]


def _text_lesson(
    texts: "Texts",
    tokenizer: "PreTrainedTokenizerFast",
    model: "PreTrainedModel",
    settings: PretrainSettings,
    device: str,
) -> Lesson:
    """Learn texts: their masked pieces, or a teacher's hidden states of them. RETURNS (Lesson): What to train on."""
    from .masking import WordMaskCollator
    from .packing import PackedRows, split_texts
    from .teacher import hidden_loss, load_teacher
    from .trainer import HEADS, masked_loss

    packed = model.config.model_type in HEADS
    layout: Dict[str, Any] = {"packed": packed, "first_position": first_position(model.config, tokenizer)}
    train, dev = split_texts(texts)
    size = settings.steps * settings.batch_size
    learnt: Dict[str, Any] = {
        "data_collator": WordMaskCollator(
            tokenizer, mlm_probability=settings.mask_share, seed=settings.seed, packed=packed
        ),
        "objective": masked_loss,
    }
    if settings.teacher:
        teacher = load_teacher(settings.teacher, model, tokenizer, settings.length).to(device)
        learnt.update(objective=partial(hidden_loss, teacher=teacher), score="cosine")
    rows = PackedRows(texts, train, tokenizer, settings.length, size=size, seed=settings.seed, **layout)
    return rows, PackedRows(texts, dev, tokenizer, settings.length, **layout), learnt


def _pair_lesson(pairs: "Pairs", tokenizer: "PreTrainedTokenizerFast", settings: PretrainSettings) -> Lesson:
    """Learn which two texts are one thing. RETURNS (Lesson): What to train on."""
    from .pairs import PairCollator, PairRows, pair_loss, split_pairs

    train, dev = split_pairs(pairs)
    size = settings.steps * settings.batch_size
    rows = PairRows(pairs, train, batch_size=settings.batch_size, size=size, seed=settings.seed)
    learnt = {"data_collator": PairCollator(tokenizer, settings.length), "objective": pair_loss}
    return rows, PairRows(pairs, dev, batch_size=settings.batch_size, seed=settings.seed), learnt


def save_model(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerFast",
    folder: Path,
    settings: PretrainSettings,
    *,
    half: bool = False,
) -> None:
    """Save model and tokenizer as a plain `transformers` folder.

    model (PreTrainedModel): The model; it stays as it is.
    tokenizer (PreTrainedTokenizerFast): Its tokenizer.
    folder (Path): The folder.
    settings (PretrainSettings): Those of the run: its dropout is taken out of the config again.
    half (bool): Save in half precision.
    """
    from transformers import AutoConfig, BertConfig

    if half:
        model = copy.deepcopy(model).half()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf8"))
    # Whatever is on disk, the model is one in full precision.
    config["torch_dtype"] = "float32"
    own = AutoConfig.from_pretrained(find_backbone(settings.init)) if settings.init else BertConfig()
    config.update({name: getattr(own, name) for name in _DROPOUTS if hasattr(own, name)})
    write_json(folder / "config.json", config)
