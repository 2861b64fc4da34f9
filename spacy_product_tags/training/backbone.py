"""Make a new backbone: a BERT with random weights and a WordPiece vocabulary learnt from texts."""
from pathlib import Path
from typing import TYPE_CHECKING, Dict, Iterable, List, Union

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


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

    texts (Iterable[str]): Texts to learn the vocabulary from; each Chinese character is a piece of its own.
    folder (Union[str, Path]): Where to save it.
    layers (int): Number of layers.
    width (int): Size of the vectors; the inner layers have four times as many.
    heads (int): Attention heads; divides `width`.
    vocab_size (int): Pieces at most.
    max_positions (int): Longest input in pieces.
    seed (int): Seed of the weights.
    RETURNS (Path): The folder, with config.json, model.safetensors and tokenizer.json.
    """
    import torch
    from tokenizers import decoders, processors
    from transformers import BertConfig, BertModel, BertTokenizerFast

    backend = _make_tokenizer(_learn_pieces(list(texts), vocab_size))
    backend.decoder = decoders.WordPiece()
    sides = [(name, backend.token_to_id(name)) for name in ("[CLS]", "[SEP]")]
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=sides
    )
    tokenizer = BertTokenizerFast(tokenizer_object=backend, model_max_length=max_positions, strip_accents=False)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * width,
        max_position_embeddings=max_positions,
        pad_token_id=tokenizer.pad_token_id,
    )
    folder = Path(folder)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _make_tokenizer(vocab: Dict[str, int]) -> "Tokenizer":
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]", max_input_chars_per_word=64))
    # Accents carry meaning in most languages, so they stay.
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True, strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def _learn_pieces(texts: List[str], vocab_size: int) -> Dict[str, int]:
    """Learn a vocabulary, the same in each process. RETURNS (Dict[str, int]): Pieces and their numbers."""
    from tokenizers import trainers

    # The trainer numbers the letters within words by chance, and then breaks ties by number. So a first round only
    # collects these letters, and a second one is given them in order.
    first = _SPECIAL
    for size in (0, vocab_size):
        tokenizer = _make_tokenizer({})
        trainer = trainers.WordPieceTrainer(vocab_size=size, special_tokens=first, show_progress=False)
        tokenizer.train_from_iterator(texts, trainer)
        vocab = tokenizer.get_vocab()
        first = _SPECIAL + sorted(piece for piece in vocab if len(piece) == 3 and piece.startswith("##"))
    return vocab
