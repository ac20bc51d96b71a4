"""A component whose saved `cfg` is checked when it is loaded: labels that do not fit the model's
output would be written wrong, or fail at the first text."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from spacy.pipeline import TrainablePipe
from spacy.util import SimpleFrozenList
from thinc.api import Model

COUNTS = ("step", "seen")
NONE: Iterable[str] = SimpleFrozenList()


class CheckedPipe(TrainablePipe):
    """`cfg` holds the labels and counts that are saved beside the weights."""

    model: Model[Any, Any]
    cfg: dict[str, Any]

    def _n_outputs(self, labels: Sequence[str]) -> int:
        """How many outputs of the model labels need."""
        return len(labels)

    def _check_labels(self, labels: Sequence[str]) -> None:
        """RAISES (ValueError): if a label is none of this component."""

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = NONE) -> "CheckedPipe":
        """As spaCy's. RAISES (ValueError): if the file `cfg` does not fit the model."""
        with _Checked(self, f"{Path(path) / 'cfg'}", exclude):
            super().from_disk(path, exclude=exclude)
        return self

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = NONE) -> "CheckedPipe":
        """As spaCy's. RAISES (ValueError): if the saved `cfg` does not fit the model."""
        with _Checked(self, "the saved cfg", exclude):
            super().from_bytes(bytes_data, exclude=exclude)
        return self


class _Checked:
    """While a pipe is loaded. where (str): the file, for errors."""

    def __init__(self, pipe: CheckedPipe, where: str, exclude: Iterable[str]):
        self.pipe = pipe
        self.where = where
        self.is_read = "cfg" not in exclude
        self.has_model = "model" not in exclude

    def __enter__(self) -> None:
        if self.is_read:
            self.pipe.cfg = {**self.pipe.cfg, "labels": None}

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if error is None and self.is_read:
            try:
                self._check(self.pipe.cfg)
            except ValueError as found:
                raise ValueError(
                    f"{self.pipe.name}: {self.where} does not fit: {found}. The two belong "
                    f"together; save the component again, or restore the file"
                ) from found

    def _check(self, cfg: dict[str, Any]) -> None:
        labels = cfg["labels"]
        if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
            raise ValueError(f"expected labels, a list of strings, got {labels!r}")
        twice = sorted({label for label in labels if labels.count(label) > 1})
        if twice:
            raise ValueError(f"expected each label once, got {twice} more often")
        for name in COUNTS:
            count = cfg.get(name, 0)
            if not isinstance(count, int) or isinstance(count, bool) or count < 0:
                raise ValueError(f"{name}: expected a whole number from 0 on, got {count!r}")
        self.pipe._check_labels(labels)
        output = self.pipe.model.get_ref("output_layer")
        n = self.pipe._n_outputs(labels)
        if self.has_model and output.has_dim("nO") and output.get_dim("nO") != n:
            raise ValueError(
                f"expected labels for the {output.get_dim('nO')} outputs of the model, got "
                f"{len(labels)} labels, which need {n}"
            )
