"""All that `spacy skd stream` does: corpora one after another, and nothing forgotten."""
