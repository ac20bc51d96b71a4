"""Numbers about pipelines: scores, speed and size, side by side."""
