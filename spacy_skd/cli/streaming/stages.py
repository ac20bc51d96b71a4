"""The config of a student at one stage of a stream: from which stores it learns, how much of each,
and with whose weights it begins."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spacy.language import Language
from thinc.api import Config

from ...shards.manifest import Manifest
from ...training.configs.plan import make_plan
from ...training.resume import BEGIN
from ..init import init
from ..prepare import set_steps
from .variants import IN_TURN, WANTED, Store, Variant

FORMER = "${paths.former}"


@dataclass(frozen=True)
class Given:
    """What is the same in all stages. vectors (Path | None): their folder."""

    preset: str
    effort: float
    rehearsal: float
    vectors: Path | None


def left_behind(nlp: Language, teacher: str, *, is_first: bool) -> list[str]:
    """Return what is to be told of components of a teacher that the student will not have. Of a
    later one of which `init` makes no student, as of two components of a layer, that is nothing:
    the student has all that its store has.

    teacher (str): where it is. is_first (bool): whether the student takes over its rules.
    RAISES (ValueError): if `init` makes no student of the first.
    """
    try:
        plan = make_plan(nlp)
    except ValueError:
        if is_first:
            raise
        return []
    lines = [
        f"{row.name} of {teacher} is left behind: no student learns it"
        for row in plan.rows
        if row.is_lost
    ]
    if plan.sourced and not is_first:
        lines.append(
            f"{', '.join(plan.sourced)} of {teacher}: not taken over. What is not learnt the "
            f"student has of the first teacher alone"
        )
    return lines


def first_config(teacher: str, store: Path, dev: Path, *, given: Given) -> Config:
    """Return the config of the first stage, as `spacy skd init` makes it."""
    config, _ = init(
        teacher,
        preset=given.preset,
        store=str(store),
        vectors=str(given.vectors) if given.vectors else None,
        dev=str(dev),
        effort=given.effort,
    )
    return config


def joint_config(teacher: str, stores: Sequence[Store], dev: Path, *, given: Given) -> Config:
    """Return the config of a student that learns all corpora at once, and sees as many words of
    them as one that learns them in turn.

    teacher (str): of the first.
    """
    config, _ = init(
        teacher,
        preset=given.preset,
        store=[str(store.folder) for store in stores],
        vectors=str(given.vectors) if given.vectors else None,
        dev=str(dev),
    )
    set_steps(config, given.effort * sum(store.worth for store in stores))
    return config


def next_config(
    variant: Variant,
    old_self: Path,
    former_best: Path,
    new: Store,
    rehearsed: Store,
    former: Sequence[Store],
    dev: Path,
    *,
    given: Given,
) -> Config:
    """Return the config of a later stage, which begins with the weights of the one before.

    old_self (Path): the student that has annotated what is rehearsed. former_best (Path): the
        variant's own student of the stage before.
    former (Sequence[Store]): of the corpora before.
    RAISES (ValueError): if nothing of the new corpus can be learnt.
    """
    stores = variant.reads(new, rehearsed, former)
    config, _ = init(
        str(old_self),
        preset=given.preset,
        store=[str(store.folder) for store in stores],
        vectors=str(given.vectors) if given.vectors else None,
        dev=str(dev),
    )
    read: dict[str, Any] = config["paths"]["stores"]
    ratio = float(config["corpora"]["train"]["ratio"])
    chosen = variant.mix(
        new,
        rehearsed,
        former,
        words=given.effort * new.worth,
        rehearsal=given.rehearsal,
        ratio=ratio,
    )
    for row in read.values():
        folder = Path(row["path"])
        row["ratio"] = round(chosen.ratios.get(folder, 0.0), 4)
        row["share"] = 0.0 if folder in chosen.silent else 1.0
    set_steps(config, chosen.words)
    after = config["initialize"]["after_init"]
    after["first"] = {"@callbacks": BEGIN, "path": FORMER, "first": after["first"]}
    config["paths"]["former"] = str(former_best)
    return config


def moved_paths(written: Config, now: Config) -> dict[str, str | None]:
    """Return the paths of a config that was written where the folder was before, as they are now,
    by dotted name."""
    paths: dict[str, str | None] = {}
    for name, value in now["paths"].items():
        old = written["paths"].get(name)
        if isinstance(value, dict):
            rows = {row: each["path"] for row, each in value.items()}
            moved = {r: p for r, p in rows.items() if (old or {}).get(r, {}).get("path") != p}
            paths |= {f"{name}.{row}.path": path for row, path in moved.items()}
        elif old != value:
            paths[name] = value
    return paths


def strange_labels(rehearsed: Path, new: Path) -> dict[str, tuple[list[str], list[str]]]:
    """Return by layer that two annotated folders share the labels of each, if none is in both:
    perhaps they call the same by other names."""
    of_old, of_new = labels_of(rehearsed), labels_of(new)
    return {
        layer: (sorted(old), sorted(of_new[layer]))
        for layer, old in of_old.items()
        if old and of_new.get(layer) and not old & of_new[layer]
    }


def labels_of(store: Path) -> dict[str, set[str]]:
    """Return by layer the labels of an annotated folder, of several components all."""
    manifest = Manifest.from_disk(store)
    forms = manifest.forms()
    labels: dict[str, set[str]] = {}
    for pipe, layer in manifest.layers.items():
        labels.setdefault(layer, set()).update(forms[pipe].annotated)
    return labels


def variants_of(compare: Sequence[str]) -> list[Variant]:
    """Return what learns corpora in turn, the student that is wanted first."""
    return [each for each in IN_TURN.values() if each is WANTED or each.name in compare]
