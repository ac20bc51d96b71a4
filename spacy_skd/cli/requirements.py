"""What must be installed beside a packaged pipeline."""

from collections.abc import Iterator
from importlib import metadata
from typing import Any

from spacy.util import get_minor_version_range, split_requirement, walk_dict
from thinc.api import Config

# As in spaCy's own look-up: what spaCy itself brings along.
WITH_SPACY = ("spacy", "spacy-legacy", "spacy-loggers", "thinc", "srsly")


def requirements(config: Config) -> list[str]:
    """Return the distributions whose entry points register a pipeline's parts, with their versions.

    `spacy package` looks for the module that a function is in. It finds neither function components
    (theirs is spaCy's), nor languages, nor distributions without a file `top_level.txt`.

    config (Config): of a saved pipeline.
    RETURNS (list[str]): "name>=1.2.3,<1.3.0", sorted.
    """
    parts = set(_registered(config))
    distributions = set()
    for registry in sorted({registry for registry, _ in parts}):
        for entry_point in metadata.entry_points(group=f"spacy_{registry}"):
            if (registry, entry_point.name) in parts and entry_point.dist is not None:
                distributions.add((entry_point.dist.name, entry_point.dist.version))
    return [
        f"{name}{get_minor_version_range(version)}"
        for name, version in sorted(distributions)
        if name not in WITH_SPACY
    ]


def _registered(config: Config) -> Iterator[tuple[str, str]]:
    """Yield registry and name of what runs in prediction."""
    lang = config["nlp"]["lang"]
    yield "languages", lang
    for section in ("nlp", "components"):
        for path, value in walk_dict(config[section]):
            if path[-1].startswith("@"):
                yield from _names(path[-1][1:], value, lang)
            elif section == "components" and path[1:] == ["factory"]:
                yield from _names("factories", value, lang)


def _names(registry: str, name: Any, lang: str) -> Iterator[tuple[str, str]]:
    """Yield where a name may be: a language may have a function of its own under it."""
    yield from ((registry, str(name)), (registry, f"{lang}.{name}"))


def name_of(requirement: str) -> str:
    """Return the distribution that a requirement names."""
    return str(split_requirement(requirement)[0])
