"""Split listings so that no product leaks."""
import hashlib
from typing import Sequence

from ...listing import Listing


def split_of(listing: Listing, fractions: Sequence[float] = (0.8, 0.1, 0.1)) -> str:
    """Tell a listing's split from its product (without one: its title, whatever the case and the blanks).

    listing (Listing): The listing.
    fractions (Sequence[float]): Shares of train, dev and test; their sum is 1.
    RETURNS (str): "train", "dev" or "test", the same in each process and whatever else is split.
    RAISES (ValueError): Where the fractions are no shares.
    """
    if len(fractions) != 3 or min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-6:
        raise ValueError(f"fractions: needed are three shares (train, dev, test) that sum to 1, not {fractions!r}")
    key = listing.product or "".join(listing.title.split()).casefold()
    digest = hashlib.sha256(key.encode("utf8", "surrogatepass")).digest()
    # 48 bits fit a float exactly, so the share stays below 1.
    share = int.from_bytes(digest[:6], "big") / 2**48
    if share < fractions[0]:
        return "train"
    return "dev" if share < fractions[0] + fractions[1] else "test"
