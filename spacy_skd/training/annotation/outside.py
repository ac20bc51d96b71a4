"""Teachers that are no pipelines: the tokenizer whose words their beliefs are of, and the head of
the manifest, by which `spacy skd init` makes students of a folder alone."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import spacy
from spacy.language import Language

from ...disk import digest
from ...shards.manifest import OUTSIDE
from ...teachers.fingerprint import fingerprint_of
from ...teachers.loading import explained, load_trained
from ...teachers.token_classifier import Reading, load_classifier
from ...teachers.views import Source

LANG = "en"  # by default
PREFIX = "hf:"  # of a teacher that is a model of transformers


def tokenizer_of(lang: str, pipeline: str | None) -> Language:
    """Return a pipeline for its tokenizer.

    lang (str): of a language, for its own. pipeline (str | None): folder or package of one that has
        it, whose language counts then.
    RAISES (ValueError): if there is no such language or pipeline, or the pipeline is of another.
    """
    if pipeline is not None:
        nlp = load_trained(pipeline, what="pipeline with the tokenizer")
        if lang not in (LANG, nlp.lang):
            raise ValueError(
                f"lang: expected that of the tokenizer's pipeline {pipeline!r}, {nlp.lang!r}, got "
                f"{lang!r}; name one of the two"
            )
        return nlp
    try:
        with explained(f"lang: cannot make the tokenizer of {lang!r}"):
            return spacy.blank(lang)
    except ImportError as error:  # spaCy's of a code that is none
        raise ValueError(f"lang: expected a language of spaCy's, as 'en', got {lang!r}") from error


def rules_of(nlp: Language) -> str:
    """Return a digest of what the tokenizer is saved as, but for the vocab."""
    tokenizer: Any = nlp.tokenizer
    return digest(tokenizer.to_bytes(exclude=["vocab"]))


def described(
    nlp: Language,
    *,
    path: str,
    fingerprint: str,
    tokenizer: str | None,
    students: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Return what stands in a manifest of a teacher that is no pipeline.

    nlp (Language): see `tokenizer_of`; tokenizer (str | None): its `pipeline`. path, fingerprint
        (str): of who answers. students: settings of the components that learn it, by its own.
    """
    return {
        "path": path,
        "fingerprint": fingerprint,
        "lang": nlp.lang,
        "name": "",
        "version": "",
        OUTSIDE: {
            "tokenizer": tokenizer,
            "students": {name: dict(block) for name, block in students.items()},
        },
    }


# A teacher to annotate with


@dataclass(frozen=True)
class Outside:
    """How a teacher of transformers is asked. reading (Reading): of its labels. lang, tokenizer:
    see `tokenizer_of`."""

    reading: Reading = field(default_factory=Reading)
    lang: str = LANG
    tokenizer: str | None = None


@dataclass(frozen=True)
class Teacher:
    """nlp (Language): the pipeline, or what makes the words. sources: what is asked that is no
    component. described: see above, None of a pipeline. settings: what else shards depend on."""

    nlp: Language
    sources: Mapping[str, Source] = field(default_factory=dict)
    described: dict[str, Any] | None = None
    settings: dict[str, Any] = field(default_factory=dict)


def is_outside(teacher: str | Path) -> bool:
    return str(teacher).startswith(PREFIX)


def folder_of(teacher: str) -> str:
    """Return the folder that a teacher may be."""
    return teacher.removeprefix(PREFIX)


def check_outside(teacher: str | Path, outside: Outside | None) -> None:
    """Raise ValueError if settings are of another kind of teacher."""
    if outside not in (None, Outside()) and not is_outside(teacher):
        raise ValueError(
            f"layer, scheme, lang and tokenizer are of teachers like {PREFIX}NAME: leave them out, "
            f"since the pipeline {str(teacher)!r} has its own"
        )


def load_teacher(teacher: str | Path, outside: Outside | None = None) -> Teacher:
    """Load a trained pipeline, or what "hf:" names.

    outside (Outside | None): see `annotate`.
    RAISES (ValueError): if there is no such teacher, or it cannot teach.
    """
    if not is_outside(teacher):
        return Teacher(load_trained(teacher, what="teacher"))
    how = outside or Outside()
    nlp = tokenizer_of(how.lang, how.tokenizer)
    words = nlp if how.tokenizer is None else _bare(nlp)
    source = load_classifier(str(teacher).removeprefix(PREFIX), how.reading, words)
    name = source.layer.full_name.replace(":", "_")
    said = described(
        nlp,
        path=str(teacher),
        fingerprint=fingerprint_of(
            [source.classifier.fingerprint(), how.reading.layer, how.reading.scheme, rules_of(nlp)]
        ),
        tokenizer=how.tokenizer,
        students={},
    )
    return Teacher(words, {name: source}, said, {OUTSIDE: asdict(how)})


def _bare(nlp: Language) -> Language:
    """Return a pipeline of nothing but another's tokenizer and vocab."""
    bare = type(nlp)(nlp.vocab)
    bare.tokenizer = nlp.tokenizer
    bare.max_length = nlp.max_length
    return bare
