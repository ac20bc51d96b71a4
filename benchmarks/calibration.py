"""How far probabilities are true, on corpora that a student was not calibrated on.

    python benchmarks/calibration.py STUDENT dev.spacy test=test.spacy gum=gum.spacy
    python benchmarks/calibration.py STUDENT dev.spacy test=test.spacy --stock stock=PIPELINE

The student is calibrated on dev as `spacy skd calibrate` does, in memory. Of each corpus and
component: the excess calibration error (points), and the AUROC of right against wrong, at T = 1 and
at the temperature of dev; of spans also precision and recall from the threshold on that has
--precision on dev, recall relative to that without one. `--stock` measures spaCy's own `parser` and
`ner` beside, whose probabilities are those of `beam_parse`. `--rename` gives gold entities other
labels, where a corpus has those of another scheme: person=PER,location=LOC.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import spacy
from spacy.language import Language
from spacy.tokens import Doc, Span

from spacy_skd.layers.known import known_layers
from spacy_skd.report.calibration import Calibrated, calibrate, told
from spacy_skd.report.deciding import decisions_of, judged
from spacy_skd.report.reliability import measure, precision_recall
from spacy_skd.report.scores import read_docs, unannotated
from spacy_skd.report.thresholds import ALL

BATCH = 64
STOCK = ("parser", "ner")
COLUMNS = ("n", "accuracy", "ece", "excess_ece", "auroc")


def of_student(
    nlp: Language, fitted: dict[str, Calibrated], references: list[Doc]
) -> dict[str, Any]:
    """By component, before and after."""
    results: dict[str, Any] = {}
    for name, decisions in decisions_of(nlp, references, fitted):
        each = fitted[name]
        if not len(decisions.right):
            continue
        pairs = (("before", 1.0), ("after", each.temperature.value))
        results[name] = {what: told(decisions, at=t).measures.to_json() for what, t in pairs}
        threshold = each.thresholds.get(ALL)
        if threshold is not None and threshold.least is not None:
            confidences = decisions.confidences(each.temperature.value)
            kept = precision_recall(confidences, decisions.right, threshold=threshold.least)
            results[name]["threshold"] = {"min_confidence": threshold.least, **kept._asdict()}
    return results


def of_stock(nlp: Language, references: list[Doc], *, width: int, density: float) -> dict[str, Any]:
    """By component, of the likeliest annotation, the probability that a beam gives it."""
    results = {}
    for name in STOCK:
        if name not in nlp.pipe_names:
            continue
        pipe: Any = nlp.get_pipe(name)
        (layer,) = [each for each in known_layers() if each.stock_factory == name
                    or each.is_made_by(nlp.get_pipe_config(name))]  # fmt: skip
        docs = list(nlp.pipe(unannotated(nlp, references), disable=[name]))
        chances: list[float] = []
        right: list[float] = []
        for start in range(0, len(docs), BATCH):
            batch = docs[start : start + BATCH]
            scored = _of_beams(pipe, batch, width=width, density=density)
            annotated = list(pipe.pipe([doc.copy() for doc in batch]))
            for doc, scores, reference in zip(annotated, scored, references[start:]):
                facts = layer.decisions(doc)
                chances += [scores.get(_key(fact), 0.0) for fact in facts]
                right += judged(layer, facts, reference).tolist()
        rights = numpy.asarray(right)
        known = numpy.isfinite(rights)
        if not known.any():
            continue
        results[name] = measure(numpy.asarray(chances)[known], rights[known] == 1).to_json()
    return results


def _of_beams(pipe: Any, docs: list[Doc], *, width: int, density: float) -> list[dict[Any, float]]:
    """See `_scored`; nothing of a doc whose hypotheses are all stuck, which thinc asserts not to
    happen."""
    try:
        return list(_scored(pipe, pipe.beam_parse(docs, beam_width=width, beam_density=density)))
    except AssertionError:
        if len(docs) == 1:
            return [{}]
        singly = (_of_beams(pipe, [doc], width=width, density=density) for doc in docs)
        return [scores for (scores,) in singly]


def _scored(pipe: Any, beams: list[Any]) -> Iterator[dict[Any, float]]:
    """Of each doc, the probability of each entity, or of each arc with its deprel."""
    if hasattr(pipe, "scored_ents"):
        yield from pipe.scored_ents(beams)
        return
    for beam in beams:
        scores: dict[Any, float] = {}
        for score, arcs in pipe.moves.get_beam_parses(beam):
            for head, child, label in arcs:
                scores[child, head, label] = scores.get((child, head, label), 0.0) + score
        yield scores


def _key(fact: Any) -> tuple[Any, ...]:
    """As `scored_ents` and `_scored` have it."""
    start, end = fact.tokens
    return (start, end, fact.label) if fact.head is None else (start, fact.head, fact.label)


def renamed(docs: list[Doc], names: dict[str, str]) -> list[Doc]:
    """Docs whose entities have other labels."""
    for doc in docs if names else ():
        ents = [Span(doc, e.start, e.end, names.get(e.label_, e.label_)) for e in doc.ents]
        doc.set_ents(ents)
    return docs


def rows(corpus: str, system: str, results: dict[str, Any]) -> Iterator[str]:
    """A line of each component, before and after."""
    for name, of_one in results.items():
        for what in ("before", "after"):
            measures = of_one.get(what, of_one if what == "before" else None)
            if measures is not None:
                cells = [measures[column] for column in COLUMNS]
                yield line(corpus, system, name, what if what in of_one else "beam", cells)
        if "threshold" in of_one:
            least, precision, recall = of_one["threshold"].values()
            yield (
                f"{corpus:10} {system:10} {name:10} from {least:.4g} on: precision "
                f"{100 * precision:.1f}, {100 * recall:.1f} % of what is right"
            )


def line(corpus: str, system: str, name: str, what: str, cells: list[Any]) -> str:
    n, accuracy, ece, excess, auroc = cells
    shown = "" if auroc is None else f"{auroc:.3f}"
    return (
        f"{corpus:10} {system:10} {name:10} {what:8} {n:7} {100 * accuracy:6.1f} {100 * ece:6.2f} "
        f"{100 * excess:6.2f} {shown:>6}"
    )


def _pairs(items: list[str]) -> dict[str, str]:
    return dict(item.split("=", 1) for item in items)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("student")
    parser.add_argument("dev", type=Path)
    parser.add_argument("corpora", nargs="+", help="NAME=FILE.spacy of each to measure on")
    parser.add_argument("--stock", action="append", default=[], help="NAME=PIPELINE")
    parser.add_argument("--precision", type=float, default=0.9)
    parser.add_argument("--rename", default="")
    parser.add_argument("--beam-width", type=int, default=16)
    parser.add_argument("--beam-density", type=float, default=0.0001)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    names = _pairs(options.rename.split(",")) if options.rename else {}
    nlp = spacy.load(options.student)
    pipes: list[Any] = [pipe for _, pipe in nlp.pipeline if hasattr(pipe, "task")]
    has_spans = any(pipe.task.least_confidence is not None for pipe in pipes)
    dev = renamed(read_docs(options.dev, nlp), names)
    fitted = calibrate(nlp, dev, precision=options.precision if has_spans else None)
    results: dict[str, Any] = {"dev": fitted.to_json()}
    print(f"{'corpus':10} {'system':10} {'':10} {'':8} {'n':>7}  right    ECE excess  AUROC")
    for name, each in fitted.components.items():
        print(f"{'dev':10} {'student':10} {name:10} T = {each.temperature.value:.3f}")
    stock = {name: spacy.load(path) for name, path in _pairs(options.stock).items()}
    for corpus, path in _pairs(options.corpora).items():
        found = of_student(nlp, fitted.components, renamed(read_docs(Path(path), nlp), names))
        results[corpus] = {"student": found}
        print("\n".join(rows(corpus, "student", found)), flush=True)
        for system, pipeline in stock.items():
            references = renamed(read_docs(Path(path), pipeline), names)
            width, density = options.beam_width, options.beam_density
            found = of_stock(pipeline, references, width=width, density=density)
            results[corpus][system] = found
            print("\n".join(rows(corpus, system, found)), flush=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf8")


if __name__ == "__main__":
    main()
