"""Blocks of configs in the docs: put into a complete config, filled, checked and trained a little.

A block that names layers otherwise than the config does gets a config that names them so: students
are named as their teacher's components, and the docs' own may have other names.
"""

import re
from pathlib import Path
from typing import Any

from journeys.commands import run
from journeys.workshop import SHORT
from thinc.api import Config

STUDENT = (
    "python -m spacy skd init path/or/package own.cfg --preset tiny --dev dev.spacy "
    "--pipes tagger,morphologizer,senter,parser"
)
STOCK = "python -m spacy init config stock.cfg --lang en --pipeline tagger,parser"
ALIASES = {"tag": "tagger", "sent": "senter"}  # names of the docs' students: of a teacher's


def try_config(block: str, folder: Path) -> None:
    """Check the section's config with a block more, and train it for some steps."""
    given = Config().from_str(with_parents(block), interpolate=False)
    name = "stock" if is_stock(given) else "own"
    path = folder / f"{name}.cfg"
    if not path.exists():
        run({"stock": STOCK, "own": STUDENT}[name], folder)
        with_paths(path)
    config = renamed(Config().from_disk(path, interpolate=False), given)
    merge(config, given)
    config.to_disk(path)
    run(f"python -m spacy init fill-config {name}.cfg {name}.cfg", folder)
    run(f"python -m spacy debug config {name}.cfg", folder, env=SHORT)
    run(f"python -m spacy train {name}.cfg -o trained", folder, env=SHORT)


def with_paths(path: Path) -> None:
    """Of a config that is new: somebody's own text."""
    config = Config().from_disk(path, interpolate=False)
    given = {"train": "train.spacy", "dev": "dev.spacy", "raw": "raw.jsonl"}
    paths = config["paths"]
    paths.update({name: given[name] for name in given if name in paths})
    config.to_disk(path)


def with_parents(block: str) -> str:
    """The block, and the sections that those of it are in, which an excerpt leaves out."""
    sections = re.findall(r"^\[(.+)\]", block, re.MULTILINE)
    parents = {".".join(s.split(".")[:n]) for s in sections for n in range(1, s.count(".") + 1)}
    return "".join(f"[{name}]\n" for name in sorted(parents.difference(sections))) + block


def is_stock(given: Config) -> bool:
    """Whether it is for stock components."""
    reader = given.get("corpora", {}).get("train", {}).get("@readers", "")
    return "Sampled" in reader or "components" in given.get("initialize", {})


def renamed(config: Config, given: Config) -> Config:
    """With the students' names of the block."""
    teacher = given.get("components", {}).get("teacher", {})
    text = config.to_str(interpolate=False)
    for alias in teacher.get("student_to_teacher", {}):
        name = ALIASES.get(alias, alias)
        text = text.replace(f"[components.{name}", f"[components.{alias}")
        text = text.replace(f'"{name}"', f'"{alias}"') if name != alias else text
    return Config().from_str(text, interpolate=False)


def merge(config: dict[str, Any], given: dict[str, Any]) -> None:
    """A registered function or a factory is replaced whole by another one."""
    for key, value in given.items():
        old = config.get(key)
        if isinstance(value, dict) and isinstance(old, dict) and same_kind(old, value):
            merge(old, value)
        else:
            config[key] = value


def same_kind(old: dict[str, Any], new: dict[str, Any]) -> bool:
    kinds = [k for k in new if k.startswith("@") or k == "factory"]
    return all(old.get(kind) == new[kind] for kind in kinds)
