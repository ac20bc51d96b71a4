"""spaCy components: all reading and writing of docs and examples."""
