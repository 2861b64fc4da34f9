"""The shim of a pretrained transformer."""
from spacy_transformers.layers.hf_shim import HFShim

from .backbone_files import load_backbone, save_backbone


class BackboneShim(HFShim):
    """spacy-transformers' shim, saved and loaded with checks."""

    def to_bytes(self) -> bytes:
        """Save the transformer and its tokenizer. RETURNS (bytes): Sealed; nothing is pickled."""
        return save_backbone(self._hfmodel)

    def from_bytes(self, bytes_data: bytes) -> "BackboneShim":
        """Load what `to_bytes` gave. RETURNS (BackboneShim): Itself. RAISES (ValueError): Naming the field."""
        self._hfmodel = load_backbone(bytes_data)
        self._model = self._hfmodel.transformer
        return self
