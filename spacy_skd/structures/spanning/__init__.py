"""Spanning trees: what `matrix_tree` falls back on, decodes and draws by."""
