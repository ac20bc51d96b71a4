"""`spacy skd calibrate`: probabilities that are true, and thresholds for a wanted precision."""

import json
import math
from collections.abc import Collection, Iterator
from pathlib import Path

import typer
from spacy.cli._util import import_code
from wasabi import msg
from wasabi.tables import table as make_table

from ..disk import (
    check_apart,
    check_folder,
    check_new_file,
    new_folder,
    write_new,
)
from ..pipeline.saved import save_anew
from ..report.calibration import Calibrated, Calibration
from ..report.calibration import calibrate as fit
from ..report.reliability import COVERAGES
from ..report.scores import read_docs
from ..report.thresholds import ALL, LEAST, PER_LABEL, Threshold, check_precision
from ..teachers.loading import load_trained
from .code import CODE
from .progress import progress
from .told.failing import fail
from .workers import use_gpu

BY = "calibrate"
# Of thresholds: of the spans that are kept, and of all.
THRESHOLDS = ("precision", "precision of all", "recall", "recall of all")
HEADER = ("", "", "T", "n", "ECE", "excess", "Brier", "NLL", "AUROC",
          *(f"acc@{100 * share:g}" for share in COVERAGES))  # fmt: skip


def calibrate(
    student: str | Path,
    dev: Path,
    output: Path | None = None,
    *,
    components: Collection[str] = (),
    precision: float | None = None,
    per_label: bool = False,
    overwrite: bool = False,
) -> Calibration:
    """Fit temperatures, and thresholds for a precision, on gold and save them with the pipeline.

    student (Union[str, Path]): folder or package. dev (Path): labelled docs, `.spacy`.
    output (Path | None): folder to write; None changes the student's own, of which nothing else is
        touched.
    overwrite (bool): whether to replace an output that this command wrote.
    RAISES (ValueError): see `spacy_skd.report.calibration.calibrate`; if the student cannot be
        loaded, the output is not empty, or without one the student is no folder.
    """
    if precision is not None:
        check_precision(precision)
    elif per_label:
        raise ValueError("per_label: expected a precision that each label is to have; add one")
    folder = Path(student)
    if output is None and not folder.is_dir():
        raise ValueError(
            f"expected the folder of a trained pipeline, got {str(student)!r}; a package is not "
            f"changed where it is installed: name a folder to write to by --output"
        )
    if output is not None:
        check_apart(output, [student, dev])
        check_folder(output, by=BY, overwrite=overwrite)
    nlp = load_trained(folder if folder.is_dir() else student)
    settings = {"components": components, "precision": precision, "per_label": per_label}
    outcome = fit(nlp, read_docs(dev, nlp), **settings)  # type: ignore[arg-type]
    if output is None:
        save_anew(nlp, folder, outcome.components, config=precision is not None)
    else:
        with new_folder(output, by=BY, overwrite=overwrite) as draft:
            nlp.to_disk(draft)
    return outcome


def table(outcome: Calibration) -> str:
    """Tabulate the measures of each component at T = 1, and at its temperature. ECE, its excess and
    what is right are percent, the NLL nats."""
    rows = [row for name, each in outcome.components.items() for row in _rows(name, each)]
    aligns = ("l", "l", *"r" * (len(HEADER) - 2))
    return make_table(rows, header=HEADER, aligns=aligns, divider=True)


def _rows(name: str, calibrated: Calibrated) -> Iterator[list[str]]:
    after = calibrated.temperature.value, calibrated.after
    for title, t, told in (("before", 1.0, calibrated.before), ("after", *after)):
        m = told.measures
        percent = [f"{100 * value:.2f}" for value in (m.ece, m.excess_ece)]
        auroc = (
            "" if math.isnan(m.auroc) else f"{m.auroc:.3f}"
        )  # nothing is wrong, or nothing right
        further = [f"{m.brier:.4f}", f"{m.nll:.4f}", auroc]
        at = [f"{100 * value:.1f}" for value in m.accuracy_at.values()]
        yield [name, title, f"{t:.3f}", f"{m.n:,}", *percent, *further, *at]
        name = ""


def thresholds_table(outcome: Calibration) -> str:
    """Tabulate the thresholds that were chosen, "" if there are none. In percent."""
    header = ("", "label", LEAST, *THRESHOLDS, "found", "gold")
    rows = [
        [name, "all" if label == ALL else label, *_cells(each)]
        for name, calibrated in outcome.components.items()
        for label, each in calibrated.thresholds.items()
    ]
    if not rows:
        return ""
    aligns = ("l", "l", *"r" * (len(header) - 2))
    return make_table(rows, header=header, aligns=aligns, divider=True)


def _cells(threshold: Threshold) -> list[str]:
    pairs = zip(threshold.kept, threshold.everything)
    shares = [share for pair in pairs for share in pair]
    percent = ["" if math.isnan(share) else f"{100 * share:.1f}" for share in shares]
    least = "none" if threshold.least is None else f"{threshold.least:.4g}"
    return [least, *percent, f"{threshold.n:,}", f"{threshold.n_gold:,}"]


def calibrate_cli(
    student: str = typer.Argument(..., help="Folder or package of a trained pipeline"),
    dev: Path = typer.Argument(..., help="Labelled docs, .spacy, that training has not seen"),
    output: Path = typer.Option(None, "--output", "-o", help="Folder to write; else in place"),
    components: list[str] = typer.Option(None, "--component", help="Some components, by name"),
    precision: float = typer.Option(None, "--precision", help="That spans are to have: 0.95"),
    per_label: bool = typer.Option(False, "--per-label", help="A threshold for each label"),
    json_path: Path = typer.Option(None, "--json", help="JSON file to write as well"),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace OUTPUT and the JSON file"),
    gpu_id: int = typer.Option(-1, "--gpu-id", "-g", help="GPU, -1 for CPU"),
    code_path: Path = CODE,
) -> None:
    """Make the probabilities that STUDENT tells true, by a temperature for each component, and
    choose min_confidence for a precision. What is annotated stays the same, but for that."""
    import_code(code_path)
    try:
        use_gpu(gpu_id)
        if json_path:
            check_new_file(json_path, overwrite=overwrite)
            check_apart(json_path, [dev, student])
        with progress("calibrate", bar=False):
            outcome = calibrate(
                student, dev, output, components=components or (), precision=precision,
                per_label=per_label, overwrite=overwrite,
            )  # fmt: skip
    except (ValueError, OSError) as error:
        fail("Not calibrated", error)
    print(table(outcome))
    if chosen := thresholds_table(outcome):
        print(chosen)
    for name, reason in outcome.skipped.items():
        msg.warn(f"{name} is as it was: {reason}")
    for doubt in outcome.doubts:
        msg.warn(doubt)
    if json_path:
        text = json.dumps(outcome.to_json(), indent=2, ensure_ascii=False) + "\n"
        try:
            write_new(json_path, text.encode("utf8"), overwrite=overwrite)
        except OSError as error:
            fail("The JSON file was not saved", error)
    what = f"calibration of {', '.join(outcome.components)}"
    if outcome.components and precision is not None:
        what += f", and {PER_LABEL if per_label else LEAST}"
    msg.good(f"Saved to {output or student}: {what}")
