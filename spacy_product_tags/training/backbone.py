"""Make a new backbone: a BERT with random weights and a WordPiece vocabulary learnt from texts."""
from pathlib import Path
from typing import Iterable, Union

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
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import BertConfig, BertModel, BertTokenizerFast

    backend = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=64))
    # Accents carry meaning in most languages, so they stay.
    backend.normalizer = normalizers.BertNormalizer(lowercase=True, strip_accents=False)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=vocab_size, special_tokens=_SPECIAL, show_progress=False)
    backend.train_from_iterator(texts, trainer)
    sides = [(name, backend.token_to_id(name)) for name in ("[CLS]", "[SEP]")]
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=sides
    )
    tokenizer = BertTokenizerFast(tokenizer_object=backend, model_max_length=max_positions, strip_accents=False)
    torch.manual_seed(seed)
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
    BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
