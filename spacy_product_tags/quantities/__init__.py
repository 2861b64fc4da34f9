"""Amounts: numbers, sizes, units, and how they are read and written."""
