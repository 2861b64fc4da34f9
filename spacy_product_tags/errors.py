"""The errors that users see: each says what is wrong, where, and what to do."""
from pathlib import Path
from typing import Union


class ListingError(ValueError):
    """Bad input in a listing, a corpus or a facet file.

    path (Union[str, Path]): The file.
    line (int): Its line, counted from 1.
    field (str): The field, such as ``tags[2].end``.
    problem (str): What is wrong and what to do.
    """

    def __init__(self, path: Union[str, Path], line: int, field: str, problem: str) -> None:
        self.path, self.line, self.field, self.problem = str(path), line, field, problem
        super().__init__(f"{path}:{line}: {field}: {problem}")

    def at(self, path: Union[str, Path], line: int) -> "ListingError":
        """Say where it is. RETURNS (ListingError): The same error in a file and line."""
        return ListingError(path, line, self.field, self.problem)

    def __reduce__(self):
        return type(self), (self.path, self.line, self.field, self.problem)
