"""spaCy's own transition systems as students: `distilling_transitions`."""
