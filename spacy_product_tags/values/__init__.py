"""The alias table: values, index, log, linking."""
from .build import create_alias_index
from .index import AliasIndex
from .table import AliasTable, Value

__all__ = ["AliasIndex", "AliasTable", "Value", "create_alias_index"]
