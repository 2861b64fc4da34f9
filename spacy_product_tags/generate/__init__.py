"""Made-up titles and listings to train on."""
