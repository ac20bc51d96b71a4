"""What all journeys share."""

from pathlib import Path

import pytest
from journeys import workshop


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of workshop.py. Tests read it, and write to folders of their own."""
    folder = tmp_path_factory.mktemp("journeys")
    workshop.build(folder)
    return folder
