"""What setup.cfg declares is what the code registers: otherwise a name works in tests only.

An installed spaCy finds the package through its entry points alone; within the tests, imports
register the same names, which would hide a missing or misspelt line of setup.cfg.
"""

import configparser
import importlib
import pkgutil
from pathlib import Path

import catalogue
import pytest
from spacy import registry
from spacy.language import Language

import spacy_skd
from spacy_skd.layers.known import OWN

SETUP = Path(__file__).parents[1] / "setup.cfg"
REGISTRIES = ("architectures", "readers", "callbacks", "misc", "scorers", "loggers", "batchers")
NEEDS_TORCH = {"spacy_skd.models.transformer._autocast"}


def declared() -> dict[str, dict[str, str]]:
    """Entry points of setup.cfg: group -> name -> "module:attribute"."""
    config = configparser.ConfigParser(delimiters=("=",))
    config.optionxform = str  # names keep their case
    config.read(SETUP, encoding="utf8")
    groups = config["options.entry_points"]
    parser = configparser.ConfigParser(delimiters=("=",))
    parser.optionxform = str
    for group, lines in groups.items():
        parser.read_string(f"[{group}]\n{lines}")
    return {group: dict(parser[group]) for group in parser.sections()}


def load(target: str) -> object:
    module, attribute = target.split(":")
    return getattr(importlib.import_module(module), attribute)


def import_all() -> None:
    for module in pkgutil.walk_packages(spacy_skd.__path__, "spacy_skd."):
        if module.name not in NEEDS_TORCH:
            importlib.import_module(module.name)


DECLARED = declared()
TARGETS = [(group, name) for group, names in DECLARED.items() for name in names]


@pytest.mark.parametrize(("group", "name"), TARGETS)
def test_every_entry_point_is_a_function_of_the_package(group: str, name: str) -> None:
    assert callable(load(DECLARED[group][name]))


def test_every_group_is_one_that_spacy_reads() -> None:
    """spaCy ignores a group that it does not know."""
    known = {
        found.entry_point_namespace
        for found in vars(registry).values()
        if isinstance(found, catalogue.Registry) and found.entry_points
    }
    assert set(DECLARED) <= known


@pytest.mark.parametrize("name", REGISTRIES)
def test_every_registered_name_is_an_entry_point(name: str) -> None:
    import_all()
    namespace = getattr(registry, name).namespace
    registered = {
        key[-1]: function
        for key, function in catalogue.REGISTRY.items()
        if key[:-1] == tuple(namespace) and key[-1].startswith("spacy-skd.")
    }
    entry_points = {key: load(target) for key, target in DECLARED.get(f"spacy_{name}", {}).items()}
    assert entry_points == registered


def test_every_factory_is_an_entry_point() -> None:
    import_all()
    names = {
        name
        for name, function in registry.factories.get_all().items()
        if function.__module__.startswith("spacy_skd.")
    }
    assert names == set(DECLARED["spacy_factories"])
    for name, target in DECLARED["spacy_factories"].items():
        assert Language.get_factory_meta(name).factory == name
        assert load(target).__module__.startswith("spacy_skd.")


def test_every_layer_is_an_entry_point() -> None:
    declared_layers = {name: load(target) for name, target in DECLARED["spacy_skd_layers"].items()}
    assert declared_layers == {layer.name: layer for layer in OWN}
