"""All that `spacy skd distill` does, step by step."""
