"""Teachers that are no pipelines: the tokenizer whose words their beliefs are of, and the head of
the manifest, by which `spacy skd init` makes students of a folder alone."""

from collections.abc import Mapping, Sequence
from typing import Any

import spacy
from spacy.language import Language

from ...disk import digest
from ...shards.manifest import OUTSIDE, Manifest
from ...teachers.loading import explained, load_trained
from ...transfer.beliefs import Form
from .provenance import versions

PREFIX = "hf:"  # of a teacher that is a model of transformers


def tokenizer_of(lang: str, pipeline: str | None) -> Language:
    """Return a pipeline for its tokenizer.

    lang (str): of a language, for its own. pipeline (str | None): folder or package of one that has
        it, whose language counts then.
    RAISES (ValueError): if there is no such language or pipeline.
    """
    if pipeline is not None:
        return load_trained(pipeline, what="pipeline with the tokenizer")
    try:
        with explained(f"lang: cannot make the tokenizer of {lang!r}"):
            return spacy.blank(lang)
    except ImportError as error:  # spaCy's of a code that is none
        raise ValueError(f"lang: expected a language of spaCy's, as 'en', got {lang!r}") from error


def rules_of(nlp: Language) -> str:
    """Return a digest of what the tokenizer is saved as, but for the vocab."""
    tokenizer: Any = nlp.tokenizer
    return digest(tokenizer.to_bytes(exclude=["vocab"]))


def outside_manifest(
    nlp: Language,
    *,
    path: str,
    fingerprint: str,
    tokenizer: str | None,
    students: Mapping[str, Mapping[str, Any]],
    settings: dict[str, Any],
    inputs: Sequence[dict[str, Any]],
    forms: Mapping[str, Form],
    layers: Mapping[str, str],
) -> Manifest:
    """Make a manifest without shards. nlp (Language): see `tokenizer_of`; tokenizer (str | None):
    its `pipeline`. path, fingerprint (str): of who answers. students: settings of the components
    that learn it, by its own; forms, layers: likewise."""
    return Manifest(
        teacher={
            "path": path,
            "fingerprint": fingerprint,
            "lang": nlp.lang,
            "name": "",
            "version": "",
            OUTSIDE: {
                "tokenizer": tokenizer,
                "students": {name: dict(block) for name, block in students.items()},
            },
        },
        versions=versions(),
        settings=settings,
        inputs=list(inputs),
        pipes={name: form.to_json() for name, form in forms.items()},
        layers=dict(layers),
        counts=dict.fromkeys(("texts", "words", "blank", "rejected"), 0),
        of_words=True,
    )
