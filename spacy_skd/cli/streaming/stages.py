"""The config of a student at one stage of a stream: from which stores it learns, how much of each,
and with whose weights it begins."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thinc.api import Config

from ...shards.manifest import Manifest
from ...training.configs.plan import Plan
from ...training.resume import BEGIN
from ..init import init
from ..prepare import set_steps, student_words
from .request import GOLD, PLAIN, STREAM

FORMER = "${paths.former}"


@dataclass(frozen=True)
class Store:
    """An annotated folder. labelled, unlabelled: words."""

    folder: Path
    labelled: int
    unlabelled: int

    @staticmethod
    def of(folder: Path) -> "Store":
        """Read the manifest of a folder."""
        shards = Manifest.from_disk(folder).shards.values()
        words = {
            is_gold: sum(s.words for s in shards if s.labelled is is_gold)
            for is_gold in (True, False)
        }
        return Store(folder, words[True], words[False])

    @property
    def worth(self) -> float:
        """Words that a student is to see of it."""
        return student_words(self.labelled + self.unlabelled)


@dataclass(frozen=True)
class Mix:
    """What a student sees. ratios: of each folder, words of its unlabelled docs for each labelled
    word. silent: folders whose teachers say nothing. words: of the whole training."""

    ratios: dict[Path, float]
    silent: tuple[Path, ...]
    words: float


@dataclass(frozen=True)
class Given:
    """What is the same in all stages. vectors (Path | None): their folder."""

    preset: str
    effort: float
    rehearsal: float
    vectors: Path | None


def mix(
    variant: str,
    new: Store,
    rehearsed: Store,
    former: Sequence[Store],
    *,
    given: Given,
    ratio: float,
) -> Mix:
    """Decide how much of each store a student sees. Of the new corpus all variants see as much.

    variant (str): STREAM, PLAIN or GOLD. former (Sequence[Store]): of the corpora before.
    ratio (float): words of the new unlabelled docs for each new labelled word.
    """
    words = given.effort * new.worth
    gold = sum(store.labelled for store in former)
    if not new.labelled:
        ratio = 1.0
    # Of a pass: words of the new corpus, for each of its labelled words or, where it has none, for
    # each unlabelled one.
    seen = (1.0 + ratio) if new.labelled and new.unlabelled else 1.0
    if variant == STREAM and given.rehearsal:
        ratios = {rehearsed.folder: given.rehearsal * seen, new.folder: ratio}
        return Mix(ratios, (), words * (1 + given.rehearsal))
    silent = (rehearsed.folder,)
    if variant != GOLD or not gold:
        return Mix({rehearsed.folder: 0.0, new.folder: ratio}, silent, words)
    # Each labelled word, old or new, brings along its part of the new unlabelled ones.
    base = new.labelled or new.unlabelled
    unlabelled = base * ratio if new.unlabelled else 0.0
    share = gold / (unlabelled + new.labelled)
    ratios = {rehearsed.folder: 0.0, new.folder: unlabelled / (gold + new.labelled) or ratio}
    ratios |= {store.folder: 0.0 for store in former}
    return Mix(ratios, (*silent, *(store.folder for store in former)), words * (1 + share))


def first_config(teacher: str, store: Path, dev: Path, *, given: Given) -> tuple[Config, Plan]:
    """Return the config of the first stage, as `spacy skd init` makes it, and what becomes of each
    component of the teacher."""
    return init(
        teacher,
        preset=given.preset,
        store=str(store),
        vectors=str(given.vectors) if given.vectors else None,
        dev=str(dev),
        effort=given.effort,
    )


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
    variant: str,
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
    stores = [rehearsed, new, *(former if variant == GOLD else ())]
    config, _ = init(
        str(old_self),
        preset=given.preset,
        store=[str(store.folder) for store in stores],
        vectors=str(given.vectors) if given.vectors else None,
        dev=str(dev),
    )
    read: dict[str, Any] = config["paths"]["stores"]
    ratio = float(config["corpora"]["train"]["ratio"])
    chosen = mix(variant, new, rehearsed, former, given=given, ratio=ratio)
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
    of_old, of_new = _labels(rehearsed), _labels(new)
    return {
        layer: (sorted(old), sorted(of_new[layer]))
        for layer, old in of_old.items()
        if old and of_new.get(layer) and not old & of_new[layer]
    }


def _labels(store: Path) -> dict[str, set[str]]:
    manifest = Manifest.from_disk(store)
    forms = manifest.forms()
    return {layer: set(forms[pipe].annotated) for pipe, layer in manifest.layers.items()}


def variants_of(compare: Sequence[str]) -> list[str]:
    """Return what learns corpora in turn."""
    return [STREAM, *(name for name in (PLAIN, GOLD) if name in compare)]
