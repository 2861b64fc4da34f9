"""Categories: the tree, and mappings between trees."""
