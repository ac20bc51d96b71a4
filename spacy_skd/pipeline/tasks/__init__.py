"""Tasks: what a component learns and writes, one file for each kind of structure."""
