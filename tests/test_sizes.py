"""What is read at once stays small: modules of the package, and its folders."""

from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "spacy_skd"
MOST_LINES, MOST_MODULES = 300, 25
FOLDERS = sorted({path.parent for path in PACKAGE.rglob("*.py")})


def test_no_module_is_long():
    lines = {
        str(path.relative_to(PACKAGE)): len(path.read_text(encoding="utf8").splitlines())
        for path in PACKAGE.rglob("*.py")
    }
    assert {name: n for name, n in lines.items() if n > MOST_LINES} == {}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_no_folder_is_full(folder):
    assert len(list(folder.glob("*.py"))) <= MOST_MODULES
