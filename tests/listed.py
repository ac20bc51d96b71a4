"""The targets of listed tags of spans, as students of their codecs have them."""

from dataclasses import replace

from thinc.api import get_current_ops

from spacy_skd.codecs.bioes import labels_of_tags, scheme_of
from spacy_skd.codecs.labels import match_labels
from spacy_skd.structures import FlatSegments, LinearChain
from spacy_skd.transfer.beliefs import LabelCandidates
from spacy_skd.transfer.students import SegmentStudent, TagStudent
from spacy_skd.transfer.target import STRUCTURAL


def student_of(labels, structure, temperature):
    """What a student of spans is but for its tags."""

    def match(teacher):
        return match_labels(teacher=teacher, student=labels, what="test")

    return {"name": "pipe", "teacher": lambda: "theirs", "labels": tuple(labels), "match": match,
            "structure": structure, "ops": get_current_ops(),
            "objective": replace(STRUCTURAL, temperature=temperature)}  # fmt: skip


def expect_chains(beliefs, tags, *, temperature=1.0):
    """Of a student of tags: unary (B, N, C) and transition (B, C, C)."""
    base = student_of(labels_of_tags(tags), LinearChain(), temperature)
    student = TagStudent(**base, scheme=scheme_of(tags))
    assert student.tags == tuple(tags)
    return LabelCandidates.target_of_spans(beliefs, student)


def expect_segments(beliefs, labels, *, max_width, temperature=1.0):
    """Of a student of segments: span (B, N, W, L)."""
    base = student_of(labels, FlatSegments(max_width=max_width), temperature)
    student = SegmentStudent(**base, scheme="BIOES", drop_wide=True)
    return LabelCandidates.target_of_spans(beliefs, student)
