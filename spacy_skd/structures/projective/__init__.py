"""Charts of projective trees: what `eisner` is made of."""
