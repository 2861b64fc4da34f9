"""Masked-language-model training of a backbone."""
