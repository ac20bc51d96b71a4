"""Blocks of configs in the docs: put into a complete config, filled, checked and trained a little.

A block that names layers otherwise than the config does gets a config that names them so: students
are named as their teacher's components, and the docs' own may have other names.
"""

from pathlib import Path
from typing import Any, Dict

from journeys.commands import run
from journeys.workshop import SHORT
from thinc.api import Config

STUDENT = (
    "python -m spacy skd init path/or/package student.cfg --preset tiny --dev dev.spacy "
    "--pipes tagger,morphologizer,senter,parser"
)
STOCK = "python -m spacy init config stock.cfg --lang en --pipeline tagger,parser"
DATA = "--paths.train train.spacy --paths.dev dev.spacy"
ALIASES = {"tag": "tagger", "sent": "senter"}  # names of the docs' students: of a teacher's


def try_config(block: str, folder: Path) -> None:
    """Check the section's config with a block more, and train it for some steps."""
    given = Config().from_str(block, interpolate=False)
    name = "stock" if is_stock(given) else "student"
    path = folder / f"{name}.cfg"
    if not path.exists():
        run({"stock": STOCK, "student": STUDENT}[name], folder)
    config = renamed(Config().from_disk(path, interpolate=False), given)
    merge(config, given)
    config.to_disk(path)
    run(f"python -m spacy init fill-config {name}.cfg {name}.cfg", folder)
    raw = " --paths.raw raw.jsonl" if "raw" in config["paths"] else ""
    run(f"python -m spacy debug config {name}.cfg {DATA}{raw}", folder, env=SHORT)
    run(f"python -m spacy train {name}.cfg -o trained {DATA}{raw}", folder, env=SHORT)


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


def merge(config: Dict[str, Any], given: Dict[str, Any]) -> None:
    """A registered function or a factory is replaced whole by another one."""
    for key, value in given.items():
        old = config.get(key)
        if isinstance(value, dict) and isinstance(old, dict) and same_kind(old, value):
            merge(old, value)
        else:
            config[key] = value


def same_kind(old: Dict[str, Any], new: Dict[str, Any]) -> bool:
    kinds = [k for k in new if k.startswith("@") or k == "factory"]
    return all(old.get(kind) == new[kind] for kind in kinds)
