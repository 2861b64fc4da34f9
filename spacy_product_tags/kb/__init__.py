"""Alias tables, units, scripts, promotion words: what is known without a network."""
