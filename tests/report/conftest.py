"""Two pipelines that reports compare."""

from reported import systems  # noqa: F401
