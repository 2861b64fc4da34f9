"""Keep what was looked up, within bounds, where threads may look up at once."""
from typing import Dict, TypeVar

Key = TypeVar("Key")
Found = TypeVar("Found")


def keep(kept: Dict[Key, Found], key: Key, found: Found, most: int) -> Found:
    """Keep what was looked up.

    kept (Dict[Key, Found]): What is kept. Another thread may empty it at any time: `get` reads it, and what is kept
        never changes.
    key (Key): All that what was found depends on.
    found (Found): What was found.
    most (int): Where there are as many, they make room.
    RETURNS (Found): What was found.
    """
    if len(kept) >= most:
        kept.clear()
    kept[key] = found
    return found
