"""Tag a batch of listings so that none of them stops the others: nor does any tag that a seller typed."""
from dataclasses import replace
from typing import TYPE_CHECKING, Dict, Iterable, List, NamedTuple, Sequence, Tuple, Union

from .errors import ListingError
from .graphemes import clean
from .listing import Listing
from .tag import as_tag, get_category, get_tag_issues, get_tags, set_category, store_tags

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

# A listing, or why there is none in its place.
Record = Union[Listing, ListingError]
# With its number, counted from 1.
Numbered = Tuple[int, Record]
# With what was wrong with its seller tags, and what a component says of its tags as a whole.
Tagged = Tuple[Record, List[ListingError]]
# As Shopify has it, which allows more than other platforms do.
MAX_TAGS, MAX_TAG_LENGTH = 250, 255
# A text and a seller tag that every pipeline can read.
_PLAIN, _PLAIN_TAG = "Nike red cotton shirt 红色 T恤", "cotton"
_NAME = "listings"
# What `tag.note_issue` noted, by its reason.
_ISSUES = {"too_many_tags": "{found} stand in the text, the likeliest {kept} are kept (max_tags of the tag generator)"}


class Limits(NamedTuple):
    """What a pipeline gets of a listing's seller tags.

    max_tags (int): Most of them.
    max_tag_length (int): Most characters of one.
    """

    max_tags: int = MAX_TAGS
    max_tag_length: int = MAX_TAG_LENGTH


def tag_batch(nlp: "Language", batch: Sequence[Numbered], limits: Limits = Limits()) -> List[Tagged]:  # noqa: B008
    """Tag listings; where the pipeline fails, those that it fails on are found and become errors.

    nlp (Language): The pipeline.
    batch (Sequence[Tuple[int, Record]]): The listings with their numbers, for errors; an error passes through.
    limits (Limits): What the pipeline gets of their seller tags.
    RETURNS (List[Tuple[Record, List[ListingError]]]): Each listing with its tags, or the error in its place; and what
        was wrong with the seller tags that were left out, or with its tags as a whole (``doc._.tag_issues``).
    RAISES (Exception): What the pipeline raised, where it fails on any text, or on any seller tag.
    """
    done: List[Tagged] = [(record, []) for _, record in batch]
    todo: Dict[int, Tuple[Listing, Dict[int, str]]] = {}
    for place, (number, record) in enumerate(batch):
        if isinstance(record, Listing):
            length = len(record.text)
            if length > nlp.max_length:
                problem = f"has {length} characters with the description, the most is {nlp.max_length} (nlp.max_length)"
                done[place] = ListingError(_NAME, number, "title", problem), []
            else:
                tags, errors = choose_tags(record, number, limits)
                todo[place], done[place] = (record, tags), (record, errors)
    if not todo:
        return done
    try:
        items = [(batch[place][0], listing, tags.values()) for place, (listing, tags) in todo.items()]
        for place, (tagged, issues) in zip(todo, _run(nlp, items)):
            done[place] = tagged, done[place][1] + issues
        return done
    except MemoryError:
        raise
    except Exception as err:
        # Whatever a component may raise: below it's found whose it is, and said or raised again.
        failure = err
    titles = given = kept = 0
    for place, (listing, tags) in todo.items():
        (record, issues), errors = _tag_alone(nlp, batch[place][0], listing, tags)
        done[place] = record, done[place][1] + errors + issues
        if isinstance(record, Listing):
            titles, given, kept = titles + 1, given + len(tags), kept + len(tags) - len(errors)
    if (not titles and _fails_on(nlp, ())) or (given and not kept and _fails_on(nlp, (_PLAIN_TAG,))):
        raise failure
    return done


def choose_tags(listing: Listing, number: int, limits: Limits) -> Tuple[Dict[int, str], List[ListingError]]:
    """Choose the seller tags that a pipeline gets.

    listing (Listing): The listing.
    number (int): Its number.
    limits (Limits): How many, and how long.
    RETURNS (Tuple[Dict[int, str], List[ListingError]]): The tags by their place, blank ones left out; and an error for
        what is over a limit.
    """
    tags: Dict[int, str] = {}
    errors = []
    for place, text in enumerate(listing.seller_tags):
        if not clean(text[: limits.max_tag_length]):
            continue
        if len(tags) == limits.max_tags:
            problem = f"has more than {limits.max_tags} tags; those from number {place + 1} on are left out (max_tags)"
            errors.append(ListingError(_NAME, number, "seller_tags", problem))
            break
        if len(text) > limits.max_tag_length:
            most = f"the most is {limits.max_tag_length}; it is left out (max_tag_length)"
            problem = f"{text[:20]!r}… has {len(text)} characters, {most}"
            errors.append(ListingError(_NAME, number, f"seller_tags[{place}]", problem))
        else:
            tags[place] = text
    return tags, errors


def _run(nlp: "Language", items: Sequence[Tuple[int, Listing, Iterable[str]]]) -> List[Tagged]:
    """Run the pipeline.

    items (Sequence[Tuple[int, Listing, Iterable[str]]]): Numbers, listings, and the seller tags of each that it gets.
    RETURNS (List[Tagged]): The listings with what it found, and what it says of their tags as a whole.
    """
    docs = [_make_doc(nlp, listing, tags) for _, listing, tags in items]
    done = list(nlp.pipe(docs, batch_size=max(len(docs), 1)))
    if len(done) != len(docs):
        # With `nlp.set_error_handler` a doc on which a component fails is gone: those behind it would take its place.
        raise ValueError(f"the pipeline gives {len(done)} docs for {len(docs)}, as its error handler leaves some out")
    return [
        (replace(listing, tags=get_tags(doc), category=listing.category or get_category(doc)), _issues(doc, number))
        for (number, listing, _), doc in zip(items, done)
    ]


def _issues(doc: "Doc", number: int) -> List[ListingError]:
    """Give what components said of a doc's tags as a whole. RETURNS (List[ListingError]): One for each issue."""
    errors = []
    for issue in get_tag_issues(doc):
        # What is said of one tag is for who reads the doc.
        if "tag" not in issue:
            problem = _ISSUES.get(issue.get("reason", ""))
            problem = f"{dict(issue)}" if problem is None else problem.format(**issue)
            errors.append(ListingError(_NAME, number, "tags", problem))
    return errors


def _make_doc(nlp: "Language", listing: Listing, tags: Iterable[str]) -> "Doc":
    doc = nlp.make_doc(listing.text)
    store_tags(doc, map(as_tag, tags))
    if listing.category:
        set_category(doc, listing.category)
    return doc


def _tag_alone(
    nlp: "Language", number: int, listing: Listing, tags: Dict[int, str]
) -> Tuple[Tagged, List[ListingError]]:
    """Tag one listing in a batch on which the pipeline failed.

    RETURNS (Tuple[Tagged, List[ListingError]]): It, and an error for each seller tag that the pipeline fails on.
    """
    try:
        return _run(nlp, [(number, listing, tags.values())])[0], []
    except MemoryError:
        raise
    except Exception as err:
        # Any component's, as above; it's told below.
        failure = err
    good: List[str] = []
    errors = []
    try:
        tagged = _run(nlp, [(number, listing, ())])[0]
    except MemoryError:
        raise
    except Exception:
        # It isn't the seller tags: all is said by the first failure.
        problem = f"the pipeline fails on this listing ({_describe(failure)})"
        return (ListingError(_NAME, number, "title", problem), []), []
    for place, text in tags.items():
        try:
            tagged = _run(nlp, [(number, listing, [*good, text])])[0]
            good.append(text)
        except MemoryError:
            raise
        except Exception as err:
            # Any component's; it stands in the error.
            problem = f"{text!r:.100}: the pipeline fails on this tag ({_describe(err)}); it is left out"
            errors.append(ListingError(_NAME, number, f"seller_tags[{place}]", problem))
    return tagged, errors


def _fails_on(nlp: "Language", tags: Sequence[str]) -> bool:
    """Say whether the fault is the pipeline's, such as a component that was never trained.

    tags (Sequence[str]): Seller tags that any pipeline can read.
    RETURNS (bool): Whether it fails on a plain text with them.
    """
    try:
        _run(nlp, [(0, Listing(_PLAIN), tags)])
    except MemoryError:
        raise
    except Exception:
        # Any component's; the caller raises what it has.
        return True
    return False


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
