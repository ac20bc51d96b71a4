"""The user's lexicon: phrases and their classes, for the embedding of a student."""
