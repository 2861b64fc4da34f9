"""Measure pretraining against plain loops over the same model and the same rows."""
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Sequence, Union

import torch

from .settings import PretrainSettings
from .setup import make_trainer, prepare_texts
from .trainer import LOG, masked_loss, read_log

# Steps that nobody times, in each round.
_WARMUP = 2


class PretrainTiming(NamedTuple):
    """What one contestant took.

    name (str): The contestant.
    rate (float): Tokens per second, the median of the rounds.
    ratio (float): Our trainer's rate by this one's, round by round: the median.
    busy (float): Processor seconds per second.
    """

    name: str
    rate: float
    ratio: float
    busy: float


def bench_pretraining(
    paths: Sequence[Union[str, Path]],
    settings: PretrainSettings = PretrainSettings(),  # noqa: B008
    *,
    steps: int = 8,
    rounds: int = 3,
    use_gpu: bool = False,
) -> List[PretrainTiming]:
    """Time `pretrain`'s trainer, a plain loop over `transformers`' model, and a plain loop with our output layer.

    All three train the same model on the same rows with the same optimizer, and take turns. The plain loops get their
    batches for nothing; the trainer packs and masks its own, clips, keeps the log and the schedule.

    paths (Sequence[Union[str, Path]]): Files of texts.
    settings (PretrainSettings): The settings; `steps` is not used.
    steps (int): Steps that are timed in each round.
    rounds (int): Rounds.
    use_gpu (bool): Whether to run on the GPU.
    RETURNS (List[PretrainTiming]): The three of them.
    """
    for name, value in (("steps", steps), ("rounds", rounds)):
        if value < 1:
            raise ValueError(f"{name}: must be 1 or more, not {value}")
    contestants = {"pretrain": _time_trainer, "plain loop": _time_plain, "plain loop, masked places only": _time_masked}
    settings = replace(settings, steps=_WARMUP + steps)
    rates: Dict[str, List[float]] = {name: [] for name in contestants}
    busy: Dict[str, List[float]] = {name: [] for name in contestants}
    with tempfile.TemporaryDirectory() as folder:
        tokenizer, texts = prepare_texts(paths, Path(folder) / "cache", settings)
        for _ in range(rounds):
            for name, run in contestants.items():
                trainer = make_trainer(
                    texts, tokenizer, Path(folder), settings, log_every=_WARMUP, use_gpu=use_gpu, save_every=10**9
                )
                wall, cpu = time.perf_counter(), time.process_time()
                rates[name].append(run(trainer))
                busy[name].append((time.process_time() - cpu) / (time.perf_counter() - wall))
                (Path(folder) / LOG).unlink(missing_ok=True)
    return [
        PretrainTiming(
            name,
            statistics.median(rates[name]),
            statistics.median(ours / own for ours, own in zip(rates["pretrain"], rates[name])),
            statistics.median(busy[name]),
        )
        for name in contestants
    ]


def _time_trainer(trainer: Any) -> float:
    trainer.train()
    rows = [row for row in read_log(Path(trainer.args.output_dir).parent / LOG) if row["step"] > _WARMUP]
    return sum(row["tokens_per_s"] * row["seconds"] for row in rows) / sum(row["seconds"] for row in rows)


def _time_plain(trainer: Any) -> float:
    return _loop(trainer, _plain_loss)


def _time_masked(trainer: Any) -> float:
    return _loop(trainer, _masked_loss)


def _plain_loss(model: Any, batch: Dict[str, torch.Tensor]) -> torch.Tensor:
    names = ("input_ids", "attention_mask", "labels")
    return model(**{name: batch[name] for name in names}).loss


def _masked_loss(model: Any, batch: Dict[str, torch.Tensor]) -> torch.Tensor:
    return masked_loss(model, batch)[0]


def _loop(trainer: Any, get_loss: Any) -> float:
    """Train in a plain loop. RETURNS (float): Tokens per second."""
    arguments, model = trainer.args, trainer.model
    device = arguments.device
    batches = [{key: value.to(device) for key, value in batch.items()} for batch in trainer.get_train_dataloader()]
    optimizer = torch.optim.AdamW(
        model.parameters(), arguments.learning_rate, weight_decay=arguments.weight_decay, fused=True
    )
    model.train()
    tokens = 0
    start = time.perf_counter()
    for number, batch in enumerate(batches):
        if number == _WARMUP:
            _wait(device)
            start = time.perf_counter()
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=trainer.bf16_autocast):
            loss = get_loss(model, batch)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        tokens += int(batch["pieces"].sum()) if number >= _WARMUP else 0
    _wait(device)
    return tokens / (time.perf_counter() - start)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
