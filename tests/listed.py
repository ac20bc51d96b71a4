"""The targets of listed tags of spans, by a student's codec alone."""

from spacy_skd.codecs.bioes import encode_chains, legality, scheme_of, span_tags
from spacy_skd.codecs.spans import encode_segments
from spacy_skd.transfer.beliefs.listed_labels import expect_spans


def expect_chains(beliefs, tags, rules, *, temperature=1.0):
    """Of a student of tags: unary (B, N, C) and transition (B, C, C)."""
    return expect_spans(
        beliefs,
        lambda rows: encode_chains(rows, tags, rules)[0],
        scheme=scheme_of(tags),
        temperature=temperature,
    )


def expect_segments(beliefs, labels, *, max_width, temperature=1.0):
    """Of a student of segments: span (B, N, W, L)."""
    tags = span_tags(labels, scheme="BIOES")
    return expect_spans(
        beliefs,
        lambda rows: encode_segments(rows, tags, legality(tags), max_width=max_width)[0],
        scheme="BIOES",
        temperature=temperature,
    )
