"""Data: the listing format, converters, the corpus reader, augmentation."""
