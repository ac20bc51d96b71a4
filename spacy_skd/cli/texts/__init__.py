"""Commands of teachers from outside spaCy, and of which texts to label."""
