"""`spacy skd report`: scores, speed and size of pipelines, side by side."""

import json
from collections.abc import Mapping
from itertools import cycle
from pathlib import Path
from typing import Any

import spacy
import typer
from spacy.cli._util import import_code
from wasabi import msg
from wasabi.tables import table as make_table

from ..disk import check_file_apart, check_new_file, write_new
from ..report.scores import SETTINGS, read_docs, score, spans_key, titles
from ..report.speed import megabytes, words_per_second
from ..teachers.loading import load_trained
from ..training.conversion.multiwords import real_text
from .code import CODE
from .progress import progress

PUNCTUATED = {"all_uas": "UAS+punct", "all_las": "LAS+punct"}
WHOSE = {
    "predicted_sentences": "gold, own",
    "gold_sentences": "gold, gold",
    "from_text": "own, own",
}


def report(
    corpus: Path,
    pipelines: Mapping[str, str | Path],
    *,
    speed_words: int = 20_000,
    gpu_id: int = -1,
) -> dict[str, Any]:
    """Measure scores in each setting, words per second from text on one thread, megabytes on disk.

    corpus (Path): labelled docs, `.spacy`.
    pipelines (Mapping[str, Union[str, Path]]): folders or packages, by a name of your choice.
    speed_words (int): about how many words of the corpus's texts the speed is measured on.
    RETURNS (dict[str, Any]): by pipeline; numbers only.
    RAISES (ValueError): if a file or pipeline is missing.
    """
    _use_device(gpu_id)
    loaded = _load(pipelines)
    results: dict[str, Any] = {name: {} for name in loaded}
    texts: list[str] = []
    for name, nlp in loaded.items():
        references = read_docs(corpus, nlp)
        texts = [real_text(doc) for doc in references]
        for setting in SETTINGS:
            results[name][setting] = score(nlp, references, setting=setting)
        results[name]["megabytes"] = megabytes(nlp.path)
    for name, speed in words_per_second(_load(pipelines), _some(texts, speed_words)).items():
        results[name]["words_per_second"] = speed
    return results


def _load(pipelines: Mapping[str, str | Path]) -> dict[str, Any]:
    return {name: load_trained(path, what=f"pipeline {name}") for name, path in pipelines.items()}


def _use_device(gpu_id: int) -> None:
    if gpu_id >= 0:
        spacy.require_gpu(gpu_id)


def _some(texts: list[str], words: int) -> list[str]:
    """Take about as many words, of a dozen texts or more; a small corpus is taken several times."""
    chosen: list[str] = []
    total = 0
    for text in cycle(texts):
        if total >= words and len(chosen) >= 12:
            return chosen
        chosen.append(text)
        total += len(text.split()) or 1
    return chosen


def table(results: Mapping[str, Any]) -> str:
    """Tabulate every score of what some pipeline annotates, a row for each setting; speed and
    size."""
    measured = [result[setting] for result in results.values() for setting in SETTINGS]
    spans = {key: f"SPANS:{name}" for scores in measured for key in scores
             if (name := spans_key(key)) is not None}  # fmt: skip
    shown = {**titles(), **dict(sorted(spans.items())), **PUNCTUATED}
    keys = [key for key in shown if any(key in scores for scores in measured)]
    header = ["", "tokens, sentences", *(shown[key] for key in keys), "words/s", "MB"]
    rows = []
    for name, result in results.items():
        speed_and_size = [f"{result['words_per_second']:,.0f}", f"{result['megabytes']:.1f}"]
        for setting in SETTINGS:
            values = [result[setting].get(key) for key in keys]
            cells = ["" if value is None else f"{100 * value:.1f}" for value in values]
            rows.append([name, WHOSE[setting], *cells, *speed_and_size])
            name, speed_and_size = "", ["", ""]
    aligns: Any = ["l", "l"] + ["r"] * (len(header) - 2)
    return make_table(rows, header=header, aligns=aligns, divider=True)


def report_cli(
    corpus: Path = typer.Argument(..., help="Labelled docs, .spacy"),
    pipelines: list[str] = typer.Argument(..., help="NAME=FOLDER or NAME=PACKAGE of each"),
    output: Path = typer.Option(None, "--output", "-o", help="JSON file to write as well"),
    speed_words: int = typer.Option(20_000, "--speed-words", help="Words to measure the speed on"),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace the JSON file"),
    gpu_id: int = typer.Option(-1, "--gpu-id", "-g", help="GPU, -1 for CPU"),
    code_path: Path = CODE,
) -> None:
    """Compare pipelines: scores, words per second on one thread, megabytes on disk."""
    import_code(code_path)
    named: dict[str, str | Path] = {}
    for item in pipelines:
        name, _, pipeline = item.partition("=")
        if not pipeline:
            msg.fail(f"Expected NAME=FOLDER or NAME=PACKAGE, got {item!r}", exits=1)
        named[name] = pipeline
    try:
        if output:
            check_new_file(output, overwrite=overwrite)
            check_file_apart(output, [corpus, *named.values()])
        with progress("report", bar=False):
            results = report(corpus, named, speed_words=speed_words, gpu_id=gpu_id)
    except (ValueError, OSError) as error:
        msg.fail("No report", str(error), exits=1)
    print(table(results))
    if output:
        text = json.dumps(results, indent=2) + "\n"
        try:
            write_new(output, text.encode("utf8"), overwrite=overwrite)
        except OSError as error:
            msg.fail("Not saved", str(error), exits=1)
        msg.good(f"Saved to {output}")
