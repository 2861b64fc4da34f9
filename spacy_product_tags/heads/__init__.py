"""Networks on top of an encoder, one a file; no Doc is written here."""
