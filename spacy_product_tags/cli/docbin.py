"""`product-tags docbin`: listings for spaCy's own commands."""
from pathlib import Path
from typing import Annotated, Optional

import typer

from ..listing import read_listings
from ._util import CommandError, load_pipeline, one_writer


@one_writer("output")
def docbin_cli(
    listings: Annotated[Path, typer.Argument(metavar="LISTINGS", help="Listings with gold tags (.jsonl, .jsonl.gz)")],
    output: Annotated[Path, typer.Argument(metavar="OUT.spacy", help="File to write, for spaCy's own commands")],
    model: Annotated[
        Optional[str],
        typer.Option("--model", "-m", help="Folder or package of the pipeline whose tokenizer to use [default: by character]"),
    ] = None,
    spans_key: Annotated[
        str, typer.Option("--spans-key", "-k", help="Where in doc.spans the tags stand, too, as spans of whole tokens")
    ] = "tags",
) -> None:
    """
    Write listings in spaCy's binary format, for 'spacy evaluate', 'find-threshold' and 'benchmark speed'.

    Then: python -m spacy evaluate MODEL OUT.spacy --spans-key tags
    """
    import spacy

    from ..listings.docbin import make_docbin
    from ..text.tokenizer import make_product_tokenizer

    if not listings.is_file():
        raise CommandError(f"{listings}: no such file")
    if output.suffix != ".spacy":
        raise CommandError(f"{output}: spaCy's commands read .spacy files only; name it {output.with_suffix('.spacy')}")
    if model is not None:
        nlp = load_pipeline(model)
    else:
        nlp = spacy.blank("xx")
        nlp.tokenizer = make_product_tokenizer(nlp, "char")
    docbin = make_docbin(nlp, read_listings(listings), spans_key)
    if not len(docbin):
        raise CommandError(f"{listings}: holds no listing")
    output.parent.mkdir(parents=True, exist_ok=True)
    docbin.to_disk(output)
    typer.echo(f"{output}: {len(docbin)} listings")
