"""Trained pipelines as teachers."""

from .runner import TeacherRunner

__all__ = ["TeacherRunner"]
