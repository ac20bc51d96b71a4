"""What is asked of `spacy skd stream`, checked before anything takes long."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from spacy.util import is_package

from ...disk import check_apart, digest_of
from ...errors import check_between, check_one_of, check_positive
from ...layers.known import annotated_layers, known_layers
from ...teachers.fingerprint import fingerprint
from ...teachers.loading import load_trained
from ...training.configs.paths import check_paths
from ...training.configs.plan import check_trained, make_plan
from ...training.configs.presets import DEFAULT, find_preset
from ..distillation.state import describe
from ..texts.docs import docs_in
from .corpora import Corpus
from .variants import IN_TURN, WANTED, Plain

JOINT = "joint"  # learns all corpora at once
BESIDE = (*(name for name in IN_TURN if name != WANTED.name), JOINT)


@dataclass(frozen=True)
class Request:
    """See `spacy skd stream --help`."""

    corpora: tuple[Corpus, ...]
    preset: str = DEFAULT
    effort: float = 1.0
    rehearsal: float = 1.0
    compare: tuple[str, ...] = BESIDE
    vectors: bool = True
    max_words: int = 300
    code: Path | None = None
    gpu_id: int = -1


@dataclass(frozen=True)
class Checked:
    """A request that can be fulfilled. settings: of the state: those of all stages, and under
    "corpora" those of each corpus by its name."""

    request: Request
    settings: dict[str, Any]

    def of(self, corpus: Corpus) -> dict[str, Any]:
        """Return the settings of a corpus."""
        settings: dict[str, Any] = self.settings["corpora"][corpus.name]
        return settings


def check(
    request: Request, stored: Mapping[str, Any], annotated: Mapping[str, Collection[str]]
) -> Checked:
    """Read all that is given once, and load all teachers that are still to be asked.

    stored (Mapping): the settings of a run before. annotated (Mapping): by name the corpora that
        their teachers have annotated in it, with the layers of that: of these raw text and teacher
        may be gone.
    RAISES (ValueError): for whatever is wrong, with the remedy.
    """
    find_preset(request.preset)
    check_positive("effort", request.effort)
    check_between("rehearsal", request.rehearsal, low=0, high=1000)
    for name in request.compare:
        check_one_of("compare", name, BESIDE)
    before = stored.get("corpora", {})
    code = request.code
    described: dict[str, dict[str, Any]] = {}
    taught = set[str]()  # layers of this corpus and those before
    for place, each in enumerate(request.corpora):
        was = before.get(each.name) if each.name in annotated else None
        teacher, layers = _teacher(each, was, annotated.get(each.name, ()))
        described[each.name] = {**_docs(each), "raw": _raw(each, was), "teacher": teacher}
        taught.update(layers)
        if taught and (place == 0 or Plain.name in request.compare):
            _check_scored(each, taught)
    settings = {
        **{name: getattr(request, name) for name in ("preset", "effort", "rehearsal", "vectors")},
        "max_words": request.max_words,
        "code": code and {"file": code.name, "blake2b": digest_of(code)},
        "corpora": described,
    }
    return Checked(request, settings)


def _docs(corpus: Corpus) -> dict[str, Any]:
    """Describe the labelled docs of a corpus, by digest. RAISES (ValueError): if they are not."""
    for path in (corpus.gold, corpus.dev, corpus.test):
        if path is not None and not _layers_in(path):
            layers = ", ".join(layer.name for layer in known_layers())
            raise ValueError(f"{path}: expected labelled docs, found none with any of {layers}")
    return {
        "dev": describe([corpus.dev]),
        "test": describe([corpus.test]),
        "gold": describe([corpus.gold]) if corpus.gold else [],
    }


def _teacher(
    corpus: Corpus, before: Mapping[str, Any] | None, annotated: Collection[str]
) -> tuple[dict[str, Any], Collection[str]]:
    """Describe the teacher of a corpus, by digest, and return the layers that it teaches; of one
    that is trained first those that it may, of its gold.

    before (Mapping | None): what the corpus was made of when its teacher annotated it, if it did.
        annotated: the layers of that.
    """
    if corpus.config is not None:
        told = {"file": corpus.config.name, "blake2b": digest_of(corpus.config)}
        return told, _layers_in(corpus.gold)
    if before is not None and is_gone(str(corpus.teacher)):
        return before["teacher"], annotated
    nlp = load_trained(str(corpus.teacher), what=f"teacher of {corpus.name}")
    plan = make_plan(nlp)  # which a teacher that cannot teach has none of
    check_trained(nlp, plan)
    told = {"name": nlp.meta["name"], "blake2b": fingerprint(nlp)}
    return told, [student.layer for student in plan.students]


def _layers_in(gold: Path | None) -> list[str]:
    """Return all layers that labelled docs have."""
    docs = [] if gold is None else list(docs_in(gold))
    layers = [each for layer in known_layers() for each in layer.variants(docs)]
    return annotated_layers(docs, [layer.full_name for layer in layers])


def _check_scored(corpus: Corpus, taught: Collection[str]) -> None:
    """Check that a student of some layers can be evaluated on a corpus alone."""
    if not annotated_layers(docs_in(corpus.dev), sorted(taught)):
        raise ValueError(
            f"{corpus.dev}: dev of {corpus.name}: expected docs with some of the layers that the "
            f"student has then, {', '.join(sorted(taught))}, found none: annotate one of them, or "
            f"let `spacy skd silver` write what the teacher says. (If it is not the first corpus, "
            f"only {Plain.name} of --compare is evaluated on it alone)"
        )


def _raw(corpus: Corpus, before: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Describe raw text; of what was read before some may be gone. RAISES (ValueError): if more
    is."""
    found = describe(corpus.raw_files())
    if corpus.is_whole:
        return found
    if before is None:
        missing = next(path for path in corpus.raw if not replace(corpus, raw=(path,)).is_whole)
        raise ValueError(f"{missing}: raw of {corpus.name}: no such file, and no folder of any")
    known: list[dict[str, Any]] = before["raw"]
    return known if all(each in known for each in found) else found


def is_gone(pipeline: str) -> bool:
    """Whether there is neither such a folder nor such a package."""
    return not Path(pipeline).exists() and not is_package(pipeline)


def check_output(request: Request, output: Path) -> None:
    """Check where the output lies. RAISES (ValueError): if it is among the inputs, or around, or
    a student's config could not name it, or a teacher."""
    check_paths([output, *(each.teacher for each in request.corpora)])
    for each in request.corpora:
        paths = [*each.texts, each.dev, each.test, *filter(None, [each.config, request.code])]
        check_apart(output, [*paths, *([each.teacher] if each.teacher else [])])
