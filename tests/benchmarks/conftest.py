"""The scripts import each other."""

import sys

import pytest
from scripts import FOLDER


@pytest.fixture(autouse=True)
def imports(monkeypatch):
    """By names that others may have."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(FOLDER))
    yield
    for name in set(sys.modules) - before:
        if str(FOLDER) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
