"""What spaCy loads to have our commands among its own; `product-tags` itself starts without spaCy, which takes long."""
from spacy.cli._util import app as spacy_app

from . import app

spacy_app.add_typer(app)
