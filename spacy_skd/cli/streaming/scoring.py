"""Scores of one student on several corpora."""

from collections.abc import Mapping
from pathlib import Path

from ...report.scores import SETTINGS, read_docs, score
from ...teachers.loading import load_trained


def score_on(student: Path, corpora: Mapping[str, Path]) -> dict[str, dict[str, float]]:
    """Return by corpus the scores of what it has annotation of, 0 to 1, on its tokens, with the
    student's own sentences.

    corpora (Mapping[str, Path]): labelled docs, `.spacy`, by name.
    """
    nlp = load_trained(student, what="student")
    return {
        name: score(nlp, read_docs(path, nlp), setting=SETTINGS[0])
        for name, path in corpora.items()
    }
