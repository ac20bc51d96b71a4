"""`spacy skd report`: scores, speed and size of pipelines, side by side."""

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import spacy
import typer
from spacy.cli._util import import_code
from wasabi import msg
from wasabi.tables import table as make_table

from ..disk import check_apart, check_new_file, write_new
from ..report.curves import Log, read_log
from ..report.page import write_html
from ..report.predicting import Predicting, PredictingPlan, predict
from ..report.scores import SETTINGS, read_docs, score, spans_key, titles
from ..report.slices import Slices
from ..report.speed import megabytes, words_per_second
from ..report.tables import agreement
from ..teachers.loading import load_trained
from ..training.conversion.multiwords import real_text
from ..training.conversion.spaceless import count_words
from ..training.engines.choice import Workers, make_engine
from .code import CODE
from .progress import progress
from .texts.names import named_path
from .told.failing import fail
from .workers import ADDRESS, ENGINE, GPUS, WORKERS, use_gpu

AGREEMENT = "agreement"
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
    workers: Workers | None = None,
    speed_words: int = 20_000,
    gpu_id: int = -1,
) -> dict[str, Any]:
    """Measure scores in each setting, words per second from text on one thread, megabytes on disk.

    corpus (Path): labelled docs, `.spacy`.
    pipelines (Mapping[str, Union[str, Path]]): folders or packages, by a name of your choice.
    workers (Workers | None): who annotates what is scored; by default this process. The speed is
        that of this process, after the others are gone.
    speed_words (int): about how many words of the corpus's texts the speed is measured on.
    RETURNS (dict[str, Any]): by pipeline; numbers only.
    RAISES (ValueError): if a file or pipeline is missing.
    """
    use_gpu(gpu_id)
    loaded = _load(pipelines)
    results: dict[str, Any] = {name: {} for name in loaded}
    texts: list[str] = []
    plan = PredictingPlan.of(pipelines, loaded)
    predicting = Predicting(loaded.__getitem__)
    with closing(make_engine(workers or Workers(), plan, predicting)) as engine:
        for name, nlp in loaded.items():
            references = read_docs(corpus, nlp)
            texts = [real_text(doc) for doc in references]
            by_workers = partial(predict, engine, pipeline=name)
            for setting in SETTINGS:
                results[name][setting] = score(nlp, references, setting=setting, predict=by_workers)
            results[name]["megabytes"] = megabytes(nlp.path)
    for name, speed in words_per_second(_load(pipelines), _some(texts, speed_words)).items():
        results[name]["words_per_second"] = speed
    return results


def _load(pipelines: Mapping[str, str | Path]) -> dict[str, Any]:
    return {name: load_trained(path, what=f"pipeline {name}") for name, path in pipelines.items()}


def _some(texts: list[str], words: int) -> list[str]:
    """Take about as many words, of a dozen texts or more; a small corpus is taken several times."""
    chosen: list[str] = []
    total = 0
    for text in cycle(texts):
        if total >= words and len(chosen) >= 12:
            return chosen
        chosen.append(text)
        total += count_words(text) or 1
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


@dataclass(frozen=True)
class Page:
    """What an HTML page is to show beside the results.

    teacher (str | None): the name of one of the pipelines. slices (Sequence[str]): keys of what is
        said of docs. train (Path | None): labelled docs, `.spacy`. logs (Sequence[str]): FILE or
        NAME=FILE of each training. note (str): what is to be said of the scores.
    """

    path: Path
    teacher: str | None = None
    slices: Sequence[str] = ()
    train: Path | None = None
    logs: Sequence[str] = ()
    note: str = ""

    @property
    def named_logs(self) -> list[tuple[str, Path]]:
        """Return name, "" for that of the file, and path of each log."""
        return [(name, Path(path)) for name, path in map(named_path, self.logs)]

    def check(self, corpus: Path, names: Sequence[str]) -> list[Log]:
        """Check what can be known before anything is measured, and return the logs.

        RAISES (ValueError): if something that it is to show is not there.
        """
        if self.teacher is not None and self.teacher not in names:
            raise ValueError(
                f"teacher: expected one of the pipelines {', '.join(names)}, got {self.teacher!r}"
            )
        blank = spacy.blank("xx")
        if self.train is not None:
            read_docs(self.train, blank)
        Slices(self.slices).check(read_docs(corpus, blank))
        return [read_log(path, name=name) for name, path in self.named_logs]


def write_page(
    page: Page,
    corpus: Path,
    pipelines: Mapping[str, str | Path],
    results: dict[str, Any],
    *,
    overwrite: bool = False,
) -> None:
    """Write the page, and add to the results what it knows beside them.

    RAISES (ValueError): see `Page.check`; (NotOurs, FileExistsError): if there is another file.
    """
    logs = page.check(corpus, [*pipelines])
    loaded = _load(pipelines)
    nlp = loaded[page.teacher or next(iter(loaded))]
    evidence = write_html(
        page.path,
        loaded,
        read_docs(corpus, nlp),
        results=results,
        teacher=page.teacher,
        slices=page.slices,
        train=None if page.train is None else read_docs(page.train, nlp),
        logs=logs,
        corpus=corpus.name,
        note=page.note,
        overwrite=overwrite,
    )
    for name, numbers in evidence.numbers().items():
        results[name].update(numbers)
    for name, scores in agreement(evidence).items():
        results[name][AGREEMENT] = {"with": evidence.base, **scores}


def report_cli(
    corpus: Path = typer.Argument(..., help="Labelled docs, .spacy"),
    pipelines: list[str] = typer.Argument(..., help="NAME=FOLDER or NAME=PACKAGE of each"),
    output: Path = typer.Option(None, "--output", "-o", help="JSON file to write as well"),
    html: Path = typer.Option(None, "--html", help="HTML page to write as well"),
    teacher: str = typer.Option(None, "--teacher", help="Of --html: NAME of the others' teacher"),
    slices: list[str] = typer.Option([], "--slice", help="Of --html: a key of the docs' meta"),
    train: Path = typer.Option(None, "--train", help="Of --html: what was trained on, .spacy"),
    logs: list[str] = typer.Option([], "--log", help="Of --html: NAME=FILE, log of a training"),
    speed_words: int = typer.Option(20_000, "--speed-words", help="Words to measure the speed on"),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace the files"),
    gpu_id: int = typer.Option(-1, "--gpu-id", "-g", help="GPU, -1 for CPU"),
    engine: str = ENGINE,
    workers: int = WORKERS,
    address: str = ADDRESS,
    gpus: float = GPUS,
    code_path: Path = CODE,
) -> None:
    """Compare pipelines: scores, words per second on one thread, megabytes on disk."""
    import_code(code_path)
    named: dict[str, str | Path] = {}
    for item in pipelines:
        name, _, pipeline = item.partition("=")
        if not pipeline:
            msg.fail(f"Expected NAME=FOLDER or NAME=PACKAGE, got {item!r}", exits=1)
        if name in named:
            msg.fail(f"Expected a NAME for each pipeline, got {name!r} twice", exits=1)
        named[name] = pipeline
    page = Page(html, teacher, slices, train, logs) if html else None
    if page is None and (teacher or slices or train or logs):
        msg.fail("--teacher, --slice, --train and --log are of --html FILE; give one", exits=1)
    if output and html and output.absolute() == html.absolute():
        msg.fail(f"Expected a file for --output and another for --html, got {html} twice", exits=1)
    failed = ""
    try:
        who = Workers(engine, workers, address, gpus, code=code_path, gpu=gpu_id)
        inputs = [corpus, *named.values(), *([train] if train else [])]
        if page:
            inputs += [path for _, path in page.named_logs]
        for path in (output, html):
            if path:
                check_new_file(path, overwrite=overwrite)
                check_apart(path, inputs)
        if page:
            page.check(corpus, [*named])
        with progress("report", bar=False):
            results = report(corpus, named, workers=who, speed_words=speed_words, gpu_id=gpu_id)
            if page:
                failed = _failure(page, corpus, named, results, overwrite=overwrite)
    except (ValueError, OSError) as error:
        fail("No report", error)
    print(table(results))
    if output:
        text = json.dumps(results, indent=2) + "\n"
        try:
            write_new(output, text.encode("utf8"), overwrite=overwrite)
        except OSError as error:
            fail("Not saved", error)
        msg.good(f"Saved to {output}")
    if failed:
        msg.fail("No page", failed, exits=1)
    if page:
        msg.good(f"Saved to {html}")


def _failure(
    page: Page,
    corpus: Path,
    pipelines: Mapping[str, str | Path],
    results: dict[str, Any],
    *,
    overwrite: bool,
) -> str:
    """Write the page. RETURNS (str): why it could not be written, "" if it was: what was measured
    is not lost with it."""
    try:
        write_page(page, corpus, pipelines, results, overwrite=overwrite)
    except (ValueError, OSError) as error:
        return str(error)
    return ""
