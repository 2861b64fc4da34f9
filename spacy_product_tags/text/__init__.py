"""What is known of strings: scripts, foldings, n-grams, promotion words; the tokenizer and its segmenter."""
