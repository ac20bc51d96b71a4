"""A component's saved `cfg`, checked when it is loaded: labels that do not fit the model's output
would be written wrong, or fail at the first text."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from spacy.language import Language
from spacy.util import SimpleFrozenList
from thinc.api import Model

from ..disk import held_folder, write_atomically
from ..errors import HOTTEST

COUNTS = ("step", "seen")
CALIBRATION = "calibration"
EXCEPT_CFG = ("model", "vocab")
NONE: Iterable[str] = SimpleFrozenList()


class _Labelled(Protocol):
    def check_labels(self, labels: Sequence[str]) -> None: ...

    def check_settings(self, labels: Sequence[str]) -> None: ...

    def n_outputs(self, labels: Sequence[str]) -> int: ...


class _Saved(Protocol):
    name: str
    model: Model[Any, Any]
    cfg: dict[str, Any]

    @property
    def task(self) -> _Labelled: ...


@contextmanager
def checked_cfg(pipe: _Saved, where: str, exclude: Iterable[str]) -> Iterator[None]:
    """While a component is loaded.

    where (str): the file, for errors. exclude (Iterable[str]): what is not loaded.
    RAISES (ValueError): if the `cfg` that was read does not fit the model.
    """
    if "cfg" in exclude:
        yield
        return
    cfg = {key: value for key, value in pipe.cfg.items() if key != CALIBRATION}
    pipe.cfg = {**cfg, "labels": None}
    yield
    try:
        _check(pipe, has_model="model" not in exclude)
    except ValueError as error:
        raise ValueError(
            f"{pipe.name}: {where} does not fit: {error}. The two belong together; save the "
            f"component again, or restore the file"
        ) from error
    pipe.task.check_settings(pipe.cfg["labels"])


def save_anew(nlp: Language, folder: Path, names: Iterable[str], *, config: bool) -> None:
    """Write into the folder that a pipeline was loaded from what changed of components beside their
    weights. All files are complete before the first is put in the place of its earlier version.

    names (Iterable[str]): of the components. config (bool): whether settings changed, too.
    RAISES (Held): if another run writes to the folder; (OSError).
    """
    with held_folder(folder) as drafts:
        files = [Path(name) / "cfg" for name in names]
        for file in files:
            pipe: Any = nlp.get_pipe(file.parent.name)
            pipe.to_disk(drafts / file.parent, exclude=EXCEPT_CFG)
        if config:
            files.append(Path("config.cfg"))
            nlp.config.to_disk(drafts / files[-1])
        for file in files:
            target = Path(os.path.realpath(folder / file))  # a link stays one
            write_atomically(target, (drafts / file).read_bytes(), drafts=drafts)


def new_cfg(labels: Sequence[str]) -> dict[str, Any]:
    """Return the `cfg` of a component that has learnt nothing yet."""
    return {"labels": list(labels), **dict.fromkeys(COUNTS, 0)}


def check_calibration(value: Any) -> float:
    """Return the temperature. RAISES (ValueError): if it is none."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not 1 / HOTTEST <= value <= HOTTEST:
        raise ValueError(
            f"{CALIBRATION}: expected a temperature from {1 / HOTTEST} to {HOTTEST}, got {value!r}"
        )
    return float(value)


def check_outputs(pipe: _Saved, labels: Sequence[str]) -> None:
    """Check the model. RAISES (ValueError): if it has another number of outputs already."""
    output, n = pipe.model.get_ref("output_layer"), pipe.task.n_outputs(labels)
    if output.has_dim("nO") and output.get_dim("nO") != n:
        raise ValueError(
            f"{pipe.name}: cannot initialize with {len(labels)} labels, which need nO = {n}: "
            f"the model has nO = {output.get_dim('nO')} already, from the config (leave it "
            f"null) or from an earlier initialize (use add_label for more labels, or a new "
            f"component for others)"
        )


def _check(pipe: _Saved, *, has_model: bool) -> None:
    labels = pipe.cfg["labels"]
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise ValueError(f"expected labels, a list of strings, got {labels!r}")
    if twice := sorted(label for label, n in Counter(labels).items() if n > 1):
        raise ValueError(f"expected each label once, got {twice} more often")
    for name in COUNTS:
        count = pipe.cfg.get(name, 0)
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            raise ValueError(f"{name}: expected a whole number from 0 on, got {count!r}")
    check_calibration(pipe.cfg.get(CALIBRATION, 1.0))
    pipe.task.check_labels(labels)
    output, n = pipe.model.get_ref("output_layer"), pipe.task.n_outputs(labels)
    if has_model and output.has_dim("nO") and output.get_dim("nO") != n:
        raise ValueError(
            f"expected labels for the {output.get_dim('nO')} outputs of the model, got "
            f"{len(labels)} labels, which need {n}"
        )
