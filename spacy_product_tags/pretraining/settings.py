"""What decides the weights that pretraining gives."""
from dataclasses import dataclass

# Positions of a new model.
POSITIONS = 512


@dataclass(frozen=True)
class PretrainSettings:
    """What decides the weights that come out; a run is continued with the same settings only.

    init (str): Model to go on from, with its tokenizer: `product-tags-mini`, a folder or a hub name; "" = a new BERT.
    teacher (str): Larger model of the same pieces whose hidden states `init` learns, instead of masked pieces.
    pairs (bool): The texts are pairs, whose sides are drawn together, instead of masked pieces; see `pairs`.
    layers, width, heads (int): Sizes of the new BERT; its inner layers have four times the width.
    vocab_size (int): Pieces of the new vocabulary.
    segmenter (str): Folder of a pkuseg model that cuts Chinese into words; "" = jieba's dictionary.
    length (int): Pieces in a row.
    batch_size (int): Rows in a batch.
    steps (int): Batches.
    learn_rate (float): At its peak; 0 = 5e-4 for a new model, 5e-5 for another.
    weight_decay (float): Of all weights but biases and norms.
    dropout (float): While training; the saved config keeps the model's own.
    mask_share (float): Pieces to guess.
    bf16 (bool): Compute in bfloat16.
    seed (int): Of weights, order and masks.
    """

    init: str = ""
    teacher: str = ""
    pairs: bool = False
    layers: int = 4
    width: int = 256
    heads: int = 4
    vocab_size: int = 12000
    segmenter: str = ""
    length: int = 128
    batch_size: int = 64
    steps: int = 10000
    learn_rate: float = 0.0
    weight_decay: float = 0.01
    dropout: float = 0.0
    mask_share: float = 0.15
    bf16: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("layers", "width", "heads", "vocab_size", "batch_size", "steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: must be 1 or more, not {getattr(self, name)}")
        if self.teacher and not self.init:
            raise ValueError("teacher: a new model can't learn from it, only one with the same pieces; give it as init")
        if self.pairs and (self.teacher or not self.init):
            raise ValueError("pairs: need a model to go on from, as init, and no teacher")
        if self.width % self.heads:
            raise ValueError(f"heads: {self.heads} must divide the width {self.width}")
        if not 8 <= self.length <= POSITIONS:
            raise ValueError(f"length: must be from 8 to {POSITIONS}, not {self.length}")
        if not 0 < self.mask_share < 1:
            raise ValueError(f"mask_share: must be between 0 and 1, not {self.mask_share}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout: must be from 0 to below 1, not {self.dropout}")
