"""spaCy's components that follow rules, at the speed of a student, with the same annotation."""

from .replace import FAST_RULES, fast_factory, is_fast, make_fast, make_original

__all__ = ["FAST_RULES", "fast_factory", "is_fast", "make_fast", "make_original"]
