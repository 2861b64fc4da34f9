"""Components: one per file, in reading order: default config, factory, class."""
