"""Forward passes of prediction alone, on a CPU; the same as those of training to rounding."""
