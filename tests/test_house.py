"""One kind, one place: kinds of beliefs and structures dispatch themselves.

Read from the source: outside a kind's own module and the table of conversions nothing asks which
kind it has, neither by its class nor by the name under which it is stored.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from spacy_skd.structures import ArcStructure, Structure, Trees
from spacy_skd.transfer.beliefs import Belief, Mixture, ParseBelief
from spacy_skd.transfer.beliefs.form import KINDS
from spacy_skd.transfer.beliefs.tokens import ScoredLabels

PACKAGE = Path(__file__).parents[1] / "spacy_skd"
TABLE = "transfer/conversions/table.py"
OURS = [
    kind
    for kind in (
        *(Structure, ArcStructure, Trees, *Structure.registered.values()),
        *(Belief, ParseBelief, ScoredLabels, Mixture, *KINDS.values()),
    )
    if kind.__module__.startswith("spacy_skd.")
]
# By the name of the class, the module in which it may be asked for.
CLASSES = {
    kind.__name__: kind.__module__.partition(".")[2].replace(".", "/") + ".py" for kind in OURS
}
# The same by the names in settings and stores, which several may share.
NAMES: dict[str, set[str]] = {}
for kind in OURS:
    for name in (vars(kind).get("name"), vars(kind).get("kind"), kind.__name__):
        if isinstance(name, str):
            NAMES.setdefault(name, set()).add(CLASSES[kind.__name__])


def asked_for(tree: ast.AST, module: str) -> list[str]:
    """Return the places of a module that ask for kinds of other modules."""
    found: list[str] = []
    for node in ast.walk(tree):
        strings, classes = set(), set()
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            strings, classes = _strings(sides), _classes(sides)
        elif isinstance(node, ast.Call) and _called(node) in ("isinstance", "issubclass"):
            classes = _classes(node.args[1:])
        elif isinstance(node, ast.Match):
            patterns = [each for case in node.cases for each in ast.walk(case.pattern)]
            strings = _strings(p.value for p in patterns if isinstance(p, ast.MatchValue))
            classes = _classes(p.cls for p in patterns if isinstance(p, ast.MatchClass))
        elif isinstance(node, ast.Name | ast.Attribute):
            called = node.id if isinstance(node, ast.Name) else node.attr
            if called in ("singledispatch", "singledispatchmethod"):
                found.append(f"{module}:{node.lineno} {called}")
        for name in sorted(classes):
            if CLASSES[name] != module:
                found.append(f"{module}:{node.lineno} {name}")
        for name in sorted(strings):
            if module not in NAMES[name]:
                found.append(f"{module}:{node.lineno} {name!r}")
    return found


def _called(node: ast.Call) -> str:
    return getattr(node.func, "id", getattr(node.func, "attr", ""))


def _inside(nodes) -> Iterator[ast.AST]:
    """Return the elements of tuples, sets and lists, and what is joined by |."""
    for node in nodes:
        if isinstance(node, ast.Tuple | ast.List | ast.Set):
            yield from _inside(node.elts)
        elif isinstance(node, ast.BinOp):
            yield from _inside([node.left, node.right])
        elif isinstance(node, ast.Starred):
            yield from _inside([node.value])
        else:
            yield node


def _classes(nodes) -> set[str]:
    names = (getattr(node, "id", getattr(node, "attr", "")) for node in _inside(nodes))
    return {name for name in names if name in CLASSES}


def _strings(nodes) -> set[str]:
    constants = (node.value for node in _inside(nodes) if isinstance(node, ast.Constant))
    return {value for value in constants if isinstance(value, str) and value in NAMES}


MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("module", [module for module in MODULES if module != TABLE])
def test_nothing_asks_which_kind_it_has(module: str) -> None:
    assert asked_for(ast.parse((PACKAGE / module).read_text(encoding="utf8")), module) == []


@pytest.mark.parametrize(
    "source",
    [
        "isinstance(x, TokenBelief)",
        "isinstance(x, (int, structures.LinearChain))",
        "issubclass(x, TreeBelief | TreeCandidates)",
        "type(x) is SpanningTrees",
        "type(x) in (ChainBelief, SegmentBelief)",
        "form.kind == 'head labels'",
        "structure in ('segments', 'other')",
        "match x:\n case Mixture():\n  pass",
        "match name:\n case 'linear_chain':\n  pass",
        "@functools.singledispatch\ndef f(x): pass",
    ],
)
def test_finds_a_question_however_it_is_written(source: str) -> None:
    assert asked_for(ast.parse(source), "pipeline/some.py")


def test_a_kind_may_ask_in_its_own_module() -> None:
    source = ast.parse("isinstance(x, TreeBelief) or kind == 'trees'")
    assert asked_for(source, "transfer/beliefs/trees.py") == []
