"""The shim of a pretrained transformer: threads may predict with it at once."""
from typing import Any, Dict, List, Optional, Sequence, Tuple

from spacy_transformers.layers.hf_shim import HFShim
from tokenizers import Encoding, Tokenizer

from .backbone_files import load_backbone, save_backbone
from .shim import SharedShim


class BackboneShim(SharedShim, HFShim):
    """spacy-transformers' shim, without settings that threads share, saved and loaded with checks."""

    # The tokenizer, the settings of its copy, and the copy.
    _cutter: Optional[Tuple[Tokenizer, Tuple[int, ...], Tokenizer]] = None

    def encode(self, texts: Sequence[str], limit: int, stride: int) -> List[Encoding]:
        """Tokenize texts; what is longer than the limit overflows.

        How long a text may be is a setting of the whole tokenizer, which fails where it is set while another thread
        uses it. So it is set once, in a copy.

        texts (Sequence[str]): The texts.
        limit (int): Most wordpieces, special ones counted.
        stride (int): Wordpieces that neighbours share.
        RETURNS (List[Encoding]): One a text.
        """
        tokenizer = self._hfmodel.tokenizer.backend_tokenizer
        # Somebody may have added words.
        settings = (limit, stride, tokenizer.get_vocab_size())
        known = self._cutter
        if known is None or known[0] is not tokenizer or known[1] != settings:
            cutter = Tokenizer.from_str(tokenizer.to_str())
            cutter.no_padding()
            cutter.enable_truncation(limit, stride=stride)
            self._cutter = known = tokenizer, settings, cutter
        return known[2].encode_batch(list(texts))

    def __getstate__(self) -> Dict[str, Any]:
        # The copy is quickly made again.
        return {name: value for name, value in self.__dict__.items() if name != "_cutter"}

    def to_bytes(self) -> bytes:
        """Save the transformer and its tokenizer. RETURNS (bytes): Sealed; nothing is pickled."""
        return save_backbone(self._hfmodel)

    def from_bytes(self, bytes_data: bytes) -> "BackboneShim":
        """Load what `to_bytes` gave. RETURNS (BackboneShim): Itself. RAISES (ValueError): Naming the field."""
        self._hfmodel = load_backbone(bytes_data)
        self._model = self._hfmodel.transformer
        return self
