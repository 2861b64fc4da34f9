"""Corpora: reader, converters, checks, markup, augmentation."""
