"""A layer has one home: few files outside `layers/` name one."""

import ast
import re
from pathlib import Path

from spacy_skd.layers.known import OWN

PACKAGE = Path(__file__).parents[1] / "spacy_skd"
NAMES = {layer.name for layer in OWN}
CLASSES = {layer.__name__ for layer in OWN}
NAMED = re.compile(rf"({'|'.join(NAMES)})(:\S*)?")
# What one kind of components learns is no name of a layer: all trees are one layer today.
KINDS = {"TreeLayer"}
CONFIGS = {"pipeline/tagger.py", "pipeline/transitions/factory.py"}  # the default of `layer`
# The same words with another meaning.
ALLOWED = {
    "pipeline/tasks/activations.py",  # a key of `doc._.activations`
    "training/conversion/offsets.py",  # keys of annotators' JSON
    "report/drawing.py",  # keys of what displaCy draws
    "transfer/beliefs/segments.py",  # a key of a packed belief
}


def names_in(path: Path) -> set[str]:
    """The layers that a module names: in strings that are no docstrings, or by their classes."""
    tree = ast.parse(path.read_text(encoding="utf8"))
    strings = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    classes = [
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and "layers" in (node.module or "")
        for alias in node.names
    ]
    return set(filter(NAMED.fullmatch, strings)) | {c for c in classes if c in CLASSES - KINDS}


def test_few_files_name_a_layer() -> None:
    paths = {path.relative_to(PACKAGE).as_posix(): path for path in PACKAGE.rglob("*.py")}
    named = {name: names_in(path) for name, path in paths.items() if not name.startswith("layers/")}
    found = {name: names for name, names in named.items() if names and name not in CONFIGS}
    assert len(found) <= 4, found
    assert set(found) <= ALLOWED, found


def test_names_are_found_however_they_are_said(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    for text in ('x = "ents"', 'x == "spans:sc"', "from ..layers.tokens import SentLayer"):
        module.write_text(text)
        assert names_in(module)
    module.write_text('"""Of the layer "tag"."""\nfrom ..layers.known import find_layer')
    assert not names_in(module)
