"""All that `spacy skd search` does: sizes of students under a budget of speed."""
