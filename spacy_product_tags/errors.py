"""The errors that users see: each says what is wrong, where, and what to do."""
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterator, Optional, Tuple, Union

if TYPE_CHECKING:
    from spacy.language import Language

# Characters of a value that a message shows, of a problem and of a field.
_SHOWN, _PROBLEM, _FIELD = 80, 400, 80


def shorten(text: str, length: int = _SHOWN) -> str:
    """Cut the middle out of a text that is too long to show.

    text (str): The text.
    length (int): Most characters.
    RETURNS (str): The text, or its start and end around "…".
    """
    half = (length - 1) // 2
    return text if len(text) <= length else f"{text[: length - 1 - half]}…{text[-half:]}"


class ListingError(ValueError):
    """Bad input in a listing, a corpus or a facet file.

    path (Union[str, Path]): The file.
    line (int): Its line, counted from 1; 0 = the file as a whole.
    field (str): The field, such as ``tags[2].end``.
    problem (str): What is wrong and what to do; the middle of a long one is left out, as it shows a whole listing.
    """

    def __init__(self, path: Union[str, Path], line: int, field: str, problem: str) -> None:
        self.path, self.line = str(path), line
        self.field, self.problem = shorten(field, _FIELD), shorten(problem, _PROBLEM)
        place = f"{path}:{line}" if line else self.path
        super().__init__(f"{place}: {self.field}: {self.problem}")

    def at(self, path: Union[str, Path], line: int) -> "ListingError":
        """Say where it is. RETURNS (ListingError): The same error in a file and line."""
        return ListingError(path, line, self.field, self.problem)

    def __reduce__(self) -> Tuple[Any, ...]:
        return type(self), (self.path, self.line, self.field, self.problem)


@contextmanager
def naming_setting(nlp: Optional["Language"], *keys: str) -> Iterator[None]:
    """Say of a missing file which setting of the config names it, and how to do without it.

    A pipeline that was saved holds what it was initialized with, but its config still names the files.

    nlp (Optional[Language]): The pipeline that is initialized; None = not known, and the error stays as it is.
    *keys (str): Where the setting stands in ``[initialize]``: its sections, then its name.
    RAISES (FileNotFoundError): Instead of the one that is raised in the context.
    """
    try:
        yield
    except FileNotFoundError as err:
        if nlp is None:
            raise
        value: Any = nlp.config
        for key in ("initialize", *keys):
            value = value.get(key, {})
        # Most stand in [paths], and the setting only says so.
        variable = re.fullmatch(r"\$\{(\w+)\.(\w+)\}", str(value))
        *sections, name = variable.groups() if variable else ("initialize", *keys)
        place = "".join(f"[{key!r}]" for key in (*sections, name))
        raise FileNotFoundError(
            f"[{'.'.join(sections)}] {name}: names a file that is not there ({err}); write where it is now, or null to "
            f"go on with what the pipeline has, as one that was saved does: nlp.config{place} = None"
        ) from err
