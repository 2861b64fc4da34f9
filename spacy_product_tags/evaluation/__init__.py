"""How fast and how good a pipeline is."""
