"""The report as one self-contained HTML file: no network, readable without JavaScript."""

import importlib.resources
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import spacy
from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup
from spacy.language import Language
from spacy.tokens import Doc

from ..disk import check_new_file, write_new
from . import charts, drawing
from .curves import Log
from .differing import Sentence
from .evidence import Evidence, gather
from .reliability import diagram
from .scores import SETTINGS, spans_key, titles
from .slices import Slices, seen_in
from .tables import Row, overall, score_rows

TEMPLATE = "page.html.jinja"
SETTING_TITLES = {
    "predicted_sentences": "gold tokens, own sentences",
    "gold_sentences": "gold tokens, gold sentences",
    "from_text": "own tokens, own sentences",
}


def write_html(
    output: Path,
    pipelines: Mapping[str, Language],
    references: Sequence[Doc],
    *,
    results: Mapping[str, Mapping[str, Any]] | None = None,
    teacher: str | None = None,
    slices: Sequence[str] = (),
    train: Sequence[Doc] | None = None,
    logs: Sequence[Log] = (),
    corpus: str = "",
    note: str = "",
    overwrite: bool = False,
) -> Evidence:
    """Compare pipelines on docs and write a page that shows it.

    output (Path): the HTML file.
    pipelines (Mapping[str, Language]): by name, one or more.
    references (Sequence[Doc]): with gold or without: then only how far the pipelines agree is
        shown.
    results (Mapping | None): by name what `spacy skd report` measures, scores by setting,
        `words_per_second` and `megabytes`; what is missing is not shown.
    teacher (str | None): the name of the pipeline that the others learnt from; without, they are
        compared with the first.
    slices (Sequence[str]): keys of what is said of docs, see `slices.value_of`.
    train (Sequence[Doc] | None): of which words and entities were seen. logs: of trainings.
    corpus (str): what the docs are called. note (str): what is to be said of the scores.
    RETURNS (Evidence): of which `numbers()` go into a JSON report.
    RAISES (ValueError): for a teacher that is none of the pipelines, a slice that no doc has;
        (NotOurs, FileExistsError): if there is another file at `output`.
    """
    check_new_file(output, overwrite=overwrite)
    seen = None if train is None else seen_in(train)
    evidence = gather(pipelines, references, slices=Slices(slices, seen=seen), teacher=teacher)
    page = render(evidence, results=results or {}, logs=logs, corpus=corpus, note=note)
    write_new(output, page.encode("utf8"), overwrite=overwrite)
    return evidence


def render(
    evidence: Evidence,
    *,
    results: Mapping[str, Mapping[str, Any]],
    logs: Sequence[Log] = (),
    corpus: str = "",
    note: str = "",
) -> str:
    """Return the page. See `write_html`."""
    names = [*evidence.found]
    rows = score_rows(evidence)
    agreement = score_rows(evidence, against="agreement")
    environment = Environment(
        loader=FunctionLoader(_source), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template(TEMPLATE).render(
        style=Markup(_source("page.css")),
        script=Markup(_source("page.js")),
        version=metadata.version("spacy-skd"),
        spacy_version=spacy.__version__,
        corpus=corpus,
        note=note,
        evidence=evidence,
        names=names,
        others=[name for name in names if name != evidence.base],
        keys=[Markup(charts.key(i)) for i in range(max(len(names), len(logs)))],
        overview=_overview(results, names),
        scatters=_scatters(evidence, rows, agreement, results),
        overall=overall(rows),
        labels=_grouped(rows, is_label=True),
        slices=_grouped(rows, is_label=False),
        agreement=overall(agreement),
        nats=_nats(evidence),
        reliability={name: evidence.found[name].reliability() for name in names},
        diagrams=_diagrams(evidence, names),
        curves=_curves(logs),
        runs=[log.name for log in logs],
        differences=_differences(evidence),
        layers=[*dict.fromkeys(evidence.layers.values())],
        titles=evidence.titles,
        label_names=sorted({row.value for row in rows if row.dimension == "label"}),
        slice_names=[*dict.fromkeys(
            (row.dimension, row.value) for row in rows if row.dimension not in ("", "label")
        )],
    )  # fmt: skip


def _source(name: str) -> str:
    folder = importlib.resources.files(__package__) / "template"
    return (folder / name).read_text(encoding="utf8")


def _overview(
    results: Mapping[str, Mapping[str, Any]], names: Sequence[str]
) -> dict[str, Any] | None:
    """Return titles and rows of what was measured, in the three settings; None of nothing."""
    measured = [results[name] for name in names if name in results]
    if not measured:
        return None
    found = {key for result in measured for s in SETTINGS for key in result.get(s, {})}
    groups = {key: f"SPANS:{spans_key(key)}" for key in sorted(found) if spans_key(key)}
    shown = {**{key: title for key, title in titles().items() if key in found}, **groups}
    rows = []
    for name in names:
        result = results.get(name, {})
        for i, setting in enumerate(SETTINGS):
            scores = [result.get(setting, {}).get(key) for key in shown]
            speed = [result.get(k) for k in ("words_per_second", "megabytes")] if not i else None
            rows.append((name, SETTING_TITLES[setting], scores, speed))
    return {"titles": [*shown.values()], "rows": rows}


def _scatters(
    evidence: Evidence,
    rows: Sequence[Row],
    agreement: Sequence[Row],
    results: Mapping[str, Mapping[str, Any]],
) -> list[tuple[str, str, Markup]]:
    """Return layer, title and picture of each score that two pipelines have, or of how far they
    agree, where there is no gold."""
    pictures = []
    scored = overall(rows) or overall(agreement)
    kind = "F1" if overall(rows) else f"agreement with {evidence.base}"
    for row in scored:
        points = []
        for i, (name, score) in enumerate(zip(evidence.found, row.scores)):
            speed = results.get(name, {}).get("words_per_second")
            if score is not None and score.f1 is not None and speed:
                points.append(charts.Point(name, speed, 100 * score.f1, i))
        if len(points) > 1:
            drawn = charts.scatter(points, x_title="words/s", y_title=f"{row.title}, {kind}")
            pictures.append((row.layer, row.title, Markup(drawn)))
    return pictures


def _grouped(rows: Sequence[Row], *, is_label: bool) -> dict[str, list[Row]]:
    """Return the rows of labels, or of slices, by title."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        if row.dimension and (row.dimension == "label") == is_label:
            groups.setdefault(row.title, []).append(row)
    return groups


def _nats(evidence: Evidence) -> list[tuple[str, list[float | None]]]:
    """Return by layer the KL from the base to each of the others, nats a word."""
    others = [found for name, found in evidence.found.items() if name != evidence.base]
    layers = dict.fromkeys(layer for found in others for layer in found.nats)
    rows: list[tuple[str, list[float | None]]] = []
    for layer in layers:
        pairs = [found.nats.get(layer) for found in others]
        rows.append((layer, [None if p is None else max(0.0, p[0] / max(1, p[1])) for p in pairs]))
    return rows


def _diagrams(evidence: Evidence, names: Sequence[str]) -> list[tuple[str, Markup]]:
    layers = dict.fromkeys(la for found in evidence.found.values() for la in found.right)
    pictures = []
    for layer in layers:
        bins = {i: diagram(*evidence.found[name].predictions(layer))
                for i, name in enumerate(names) if layer in evidence.found[name].right}  # fmt: skip
        pictures.append((layer, Markup(charts.reliability_diagram(bins, names))))
    return pictures


def _curves(logs: Sequence[Log]) -> list[tuple[str, Markup]]:
    names = [log.name for log in logs]
    shown = dict.fromkeys(score for log in logs for score in log.values)
    return [
        (score, Markup(charts.curves(lines, names)))
        for score in shown
        if (lines := {i: log.values[score] for i, log in enumerate(logs) if log.values.get(score)})
    ]


def _differences(evidence: Evidence) -> list[dict[str, Any]]:
    """Return by pipeline which labels it confuses, and the sentences as they are drawn."""
    shown = []
    number = 0
    for name, found in evidence.found.items():
        sentences = []
        for sentence in found.differences.sentences:
            drawn = []
            for side, whose in enumerate((evidence.base, name)):
                markup = drawing.draw(sentence, side=side, name=whose, number=number)
                drawn.append((whose, Markup(markup)))
                number += 1
            sentences.append((sentence, drawn, _labels(sentence)))
        if sentences or found.differences.confusions:
            shown.append(
                {"name": name, "confusions": found.differences.confusions, "sentences": sentences}
            )
    return shown


def _labels(sentence: Sentence) -> list[str]:
    """Return the labels in which a sentence differs."""
    return sorted({m.label for side in sentence.sides for m in side.marks if m.differs})
