"""Make listings of public data sets, of shops' exports and feeds, and of tables."""
from .datasets import convert_dataset
from .feeds import convert_feed, is_feed
from .layouts import Layout, TableColumns, read_layouts, shipped_layouts
from .splits import split_of
from .tables import convert_table
from .values import find_value, split_values

__all__ = [
    "Layout",
    "TableColumns",
    "convert_dataset",
    "convert_feed",
    "convert_table",
    "find_value",
    "is_feed",
    "read_layouts",
    "shipped_layouts",
    "split_of",
    "split_values",
]
