"""What pipelines.py measures, a module each."""
