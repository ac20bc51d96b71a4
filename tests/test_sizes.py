"""What is read at once stays small: modules, folders, levels of classes, the README."""

from pathlib import Path

import pytest

from spacy_skd.pipeline.distilling import DistillingPipe
from spacy_skd.pipeline.teacher.ensemble import Ensemble
from spacy_skd.pipeline.teacher.store_table import StoreTable

PACKAGE = Path(__file__).parents[1] / "spacy_skd"
README = PACKAGE.parent / "README.md"
MOST_LINES, MOST_MODULES, MOST_LEVELS = 300, 25, 2
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


@pytest.mark.parametrize("component", [DistillingPipe, Ensemble, StoreTable])
def test_components_have_few_levels_of_own_classes(component):
    own = [cls for cls in component.__mro__ if cls.__module__.startswith("spacy_skd")]
    assert len(own) <= MOST_LEVELS


def test_the_readme_begins_with_what_a_newcomer_needs():
    lines = README.read_text(encoding="utf8").splitlines()
    assert len(lines) < 150
    begin = "\n".join(lines[:60])
    assert "pip install ." in begin
    for command in ("skd annotate", "skd vectors", "skd init", "spacy train", "skd package"):
        assert f"python -m spacy {command.removeprefix('spacy ')}" in begin
