"""`transformers`' trainer with an output layer on the masked places only, and a log that survives being killed."""
import json
import shutil
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, SequentialSampler
from tqdm import tqdm
from transformers import PreTrainedModel, Trainer, TrainerCallback

from ..io import write_whole

# Output layers that can be run on some places only, by the model's type; these also take a mask in three dimensions.
HEADS = {"bert": "cls", "roberta": "lm_head", "xlm-roberta": "lm_head", "camembert": "lm_head"}
_MARK = "whole.json"
# Of a model and a batch: the loss; the sum of the scores; of how many.
Objective = Callable[[PreTrainedModel, Dict[str, torch.Tensor]], Tuple[torch.Tensor, torch.Tensor, Any]]
# Checkpoints that stay.
_KEPT = 2
LOG = "log.jsonl"


def masked_logits(model: PreTrainedModel, batch: Dict[str, torch.Tensor]) -> torch.Tensor:
    """Predict the masked pieces of a batch.

    model (PreTrainedModel): A masked language model.
    batch (Dict[str, torch.Tensor]): What `WordMaskCollator` made.
    RETURNS (torch.Tensor): (N, V) for N masked places.
    """
    masked = batch["masked"]
    inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
    head = HEADS.get(model.config.model_type)
    if head is None:
        return model(**inputs).logits.flatten(0, 1)[masked]
    vectors = model.base_model(**inputs, position_ids=batch["position_ids"]).last_hidden_state  # (B, L, W)
    return getattr(model, head)(vectors.flatten(0, 1)[masked])


def masked_loss(model: PreTrainedModel, batch: Dict[str, torch.Tensor]) -> Tuple[torch.Tensor, torch.Tensor, int]:
    """Compute the loss on a batch. RETURNS (Tuple): Mean loss; how many pieces were guessed right; guessed pieces."""
    logits = masked_logits(model, batch)
    targets = batch["labels"].flatten()[batch["masked"]]
    loss = cross_entropy(logits.float(), targets)
    return loss, (logits.detach().argmax(-1) == targets).sum(), len(targets)


class BackboneTrainer(Trainer):
    """Train a backbone on rows, in the order that these come in.

    objective (Objective): What is learnt.
    score (str): What the log calls the score that the objective sums up: ``accuracy``, or ``cosine``.
    bf16_autocast (bool): Whether to compute in bfloat16, on CPU as on GPU.
    """

    def __init__(
        self, *args: Any, objective: Objective, score: str = "accuracy", bf16_autocast: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.objective, self.score, self.bf16_autocast = objective, score, bf16_autocast
        self.tally = Tally()

    def _get_train_sampler(self, *args: Any) -> SequentialSampler:
        return SequentialSampler(self.train_dataset)

    def compute_loss(self, model: PreTrainedModel, inputs: Dict[str, torch.Tensor], *args: Any, **kwargs: Any) -> Any:
        """Compute a batch's loss and add it to the tally. RETURNS (torch.Tensor): The loss."""
        loss, right, size = self._compare(model, inputs)
        self.tally.add(loss.detach(), right, size, inputs)
        return loss

    def _compare(self, model: PreTrainedModel, batch: Dict[str, torch.Tensor]) -> Tuple[torch.Tensor, Any, Any]:
        """Compute a batch's loss. RETURNS (Tuple): It; the sum of the scores; how many pieces have one."""
        with torch.autocast(self.args.device.type, dtype=torch.bfloat16, enabled=self.bf16_autocast):
            return self.objective(model, batch)

    def evaluate(self, *args: Any, **kwargs: Any) -> Dict[str, float]:
        """Compute loss and score on the held-out rows, masked the same way each time.

        RETURNS (Dict[str, float]): ``dev_loss``, and ``dev_accuracy`` or ``dev_cosine``.
        """
        rows = DataLoader(self.eval_dataset, self.args.per_device_eval_batch_size, collate_fn=self.data_collator)
        self.model.eval()
        total, right, count = 0.0, 0.0, 0
        with torch.no_grad():
            for batch in rows:
                batch = self._prepare_inputs(batch)
                loss, found, size = self._compare(self.model, batch)
                total, right, count = total + float(loss) * int(size), right + float(found), count + int(size)
        self.model.train()
        return {"dev_loss": total / max(count, 1), f"dev_{self.score}": right / max(count, 1)}


class Tally:
    """Sums over the steps since the last row of the log; on the device, so that no step waits for them."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Start anew."""
        self.steps = 0
        self.size: Any = 0
        self.loss: Any = 0.0
        self.right: Any = 0
        self.pieces: Any = 0
        self.since = time.perf_counter()

    def add(self, loss: torch.Tensor, right: torch.Tensor, size: Any, batch: Dict[str, torch.Tensor]) -> None:
        """Add a step."""
        self.steps += 1
        self.size = self.size + size
        self.loss, self.right = self.loss + loss, self.right + right
        self.pieces = self.pieces + batch["pieces"].sum()

    def take(self) -> Dict[str, float]:
        """Give the means and start anew. RETURNS (Dict[str, float]): loss, score, pieces, seconds."""
        row = {
            "loss": float(self.loss) / max(self.steps, 1),
            "score": float(self.right) / max(int(self.size), 1),
            "pieces": int(self.pieces),
        }
        row["seconds"] = time.perf_counter() - self.since
        self.clear()
        return row


class LogCallback(TrainerCallback):
    """Write the log, show the progress, and mark each checkpoint when all of it is on disk.

    folder (Path): The folder of the log.
    every (int): Steps that a row of the log sums up; one is also written with each checkpoint, with the dev scores.
    progress (bool): Whether to show a progress bar.
    """

    def __init__(self, folder: Path, every: int, progress: bool) -> None:
        self.path, self.every, self.progress = folder / LOG, every, progress
        self.pieces: int = 0
        self._trainer: Optional[BackboneTrainer] = None
        self._bar: Any = None

    @property
    def trainer(self) -> "BackboneTrainer":
        """The trainer that calls."""
        if self._trainer is None:
            raise ValueError("the log has no trainer yet; set it before training")
        return self._trainer

    @trainer.setter
    def trainer(self, trainer: "BackboneTrainer") -> None:
        self._trainer = trainer

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Cut the log off behind the checkpoint that the run goes on from."""
        rows = [row for row in read_log(self.path) if row["step"] <= state.global_step]
        self.pieces = rows[-1]["tokens"] if rows else 0
        write_whole(self.path, "".join(json.dumps(row) + "\n" for row in rows))
        self._bar = tqdm(
            total=state.max_steps, initial=state.global_step, unit="step", disable=None if self.progress else True
        )
        self.trainer.tally.clear()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Count a step; write a row if it's time."""
        self._bar.update()
        if state.global_step % self.every and not control.should_save:
            return
        row = self.trainer.tally.take()
        pieces, seconds = int(row.pop("pieces")), row.pop("seconds")
        name = self.trainer.score
        self.pieces += pieces
        row = {
            "step": state.global_step,
            "tokens": self.pieces,
            "loss": row["loss"],
            name: row["score"],
            "tokens_per_s": pieces / seconds,
            "seconds": seconds,
            "learn_rate": self.trainer.lr_scheduler.get_last_lr()[0],
        }
        if control.should_save:
            row.update(self.trainer.evaluate())
        self._bar.set_postfix_str(
            f"loss {row['loss']:.3f}, {name} {row[name]:.3f}, {row['tokens_per_s']:,.0f} tokens/s"
        )
        with self.path.open("a", encoding="utf8") as file:
            file.write(json.dumps(row) + "\n")
        self.trainer.tally.clear()

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Mark the checkpoint as whole, and only then remove those that are no longer needed."""
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        sizes = {file.name: file.stat().st_size for file in folder.iterdir() if file.name != _MARK}
        write_whole(folder / _MARK, json.dumps(sizes))
        whole = _whole_checkpoints(folder.parent)
        for path in folder.parent.glob("checkpoint-*"):
            if path not in whole[-_KEPT:]:
                shutil.rmtree(path)
        self.trainer.tally.clear()

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Close the bar."""
        self._bar.close()


def find_checkpoint(folder: Path) -> Optional[Path]:
    """Find the newest checkpoint that is whole. RETURNS (Optional[Path]): Its folder, None where there is none."""
    return next(reversed(_whole_checkpoints(folder)), None)


def _whole_checkpoints(folder: Path) -> List[Path]:
    found = [(path.name.rpartition("-")[2], path) for path in folder.glob("checkpoint-*")]
    return [path for _, path in sorted((int(step), path) for step, path in found if step.isdigit() and _is_whole(path))]


def _is_whole(folder: Path) -> bool:
    try:
        sizes = json.loads((folder / _MARK).read_text(encoding="utf8"))
        return all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError):
        return False


def read_log(path: Path) -> List[Dict[str, Any]]:
    """Read a log. RETURNS (List[Dict[str, Any]]): Its rows, without a last one that is half-written."""
    rows = []
    if path.exists():
        for line in path.read_text(encoding="utf8").splitlines(keepends=True):
            if line.endswith("\n"):
                rows.append(json.loads(line))
    return rows
