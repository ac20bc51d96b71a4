"""The package's folders import only from those above them (docs/architecture.md).

Imports are read from the source, so those inside functions and `if TYPE_CHECKING` count too.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "spacy_skd"
LAYERS = (
    "structures",
    "codecs",
    "transfer",
    "models",
    "layers",
    "teachers",
    "shards",
    "rules",
    "pipeline",
    "training",
    "report",
    "cli",
)
# Folder or module -> what it may import of the package. `errors` checks settings, `disk` files,
# `arrays` names types, `registry` decorators: open to all.
OPEN = ("arrays", "errors", "registry", "disk")
ALLOWED: dict[str, set[str]] = {
    **{name: {*OPEN, name, *LAYERS[:i]} for i, name in enumerate(LAYERS)},
    "disk": {"disk"},
    "errors": set(),
    "arrays": set(),
    "registry": set(),
    "__init__": {"layers"},
}

# Other packages -> the only parts of the package that may import them.
RESERVED: dict[str, tuple[str, ...]] = {
    "torch": ("models/transformer/_autocast.py", "models/transformer/_classifier.py"),
    "transformers": ("models/transformer/_classifier.py",),
    "spacy_transformers": ("models/",),
    "spacy": (
        "registry.py",
        "transfer/",
        "models/",
        "layers/",
        "teachers/",
        "shards/",
        "rules/",
        "pipeline/",
        "training/",
        "report/",
        "cli/",
    ),
    "optuna": ("cli/searching/",),
    "threadpoolctl": ("report/",),
    "typer": ("cli/",),
}

MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


def parse(module: str) -> ast.Module:
    return ast.parse((PACKAGE / module).read_text(encoding="utf8"))


def imported_names(tree: ast.AST, module: str) -> Iterator[tuple[str, int]]:
    """Absolute dotted names that a module imports, with the line of each.

    module: path below the package, "pipeline/tagger.py". `from a import b` gives "a.b": b may be
    a module. Also finds importlib.import_module and __import__ with a literal name.
    """
    package = ["spacy_skd", *Path(module).parts[:-1]]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            start = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((f"{start}.{alias.name}", node.lineno) for alias in node.names)
        elif isinstance(node, ast.Call) and _is_import_call(node):
            argument = node.args[0]
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield argument.value, node.lineno


def _is_import_call(node: ast.Call) -> bool:
    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
    return name in ("import_module", "__import__") and bool(node.args)


def wrong_layers(tree: ast.AST, module: str) -> list[str]:
    """Imports of the package that its order of folders does not allow."""
    part = Path(module).parts[0].removesuffix(".py")
    wrong = []
    for name, line in imported_names(tree, module):
        parts = name.split(".")
        if parts[0] == "spacy_skd" and len(parts) > 1 and parts[1] not in ALLOWED[part]:
            wrong.append(f"{module}:{line} imports {name}")
    return wrong


def reserved_imports(tree: ast.AST, module: str) -> list[str]:
    """Imports of other packages that only other parts of this one may import."""
    wrong = []
    for name, line in imported_names(tree, module):
        allowed = RESERVED.get(name.split(".")[0])
        if allowed is not None and not module.startswith(allowed):
            wrong.append(f"{module}:{line} imports {name}")
    return wrong


def test_every_folder_and_module_has_a_layer() -> None:
    parts = {Path(module).parts[0].removesuffix(".py") for module in MODULES}
    assert parts <= set(ALLOWED), "give the new folder its place in LAYERS"


def test_every_folder_is_a_package() -> None:
    """A folder without __init__.py is neither packaged nor found by pkgutil."""
    folders = {(PACKAGE / module).parent for module in MODULES}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


@pytest.mark.parametrize("module", MODULES)
def test_imports_only_from_above(module: str) -> None:
    assert wrong_layers(parse(module), module) == []


@pytest.mark.parametrize("module", MODULES)
def test_imports_other_packages_where_they_belong(module: str) -> None:
    assert reserved_imports(parse(module), module) == []


@pytest.mark.parametrize(
    "source",
    [
        "from ..pipeline.tagger import x",
        "from .. import pipeline",
        "from ..pipeline import x",
        "import spacy_skd.pipeline",
        "from spacy_skd.pipeline import x",
        "def f():\n    from ..pipeline import x",
        "import importlib\nimportlib.import_module('spacy_skd.pipeline')",
    ],
)
def test_finds_a_wrong_layer_however_it_is_written(source: str) -> None:
    assert len(wrong_layers(ast.parse(source), "codecs/tags.py")) == 1
    assert wrong_layers(ast.parse(source), "training/callbacks.py") == []


@pytest.mark.parametrize("source", ["import torch", "def f():\n    from torch.nn import x"])
def test_finds_a_reserved_package(source: str) -> None:
    assert len(reserved_imports(ast.parse(source), "codecs/units.py")) == 1
    assert reserved_imports(ast.parse(source), "models/transformer/_autocast.py") == []
