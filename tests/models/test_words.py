"""Scorers on docs with whitespace tokens: finite differences, and rows of 0 for whitespace."""

import numpy
import pytest
from gradients import as_float64, check_gradients, given_vectors, vectors

from spacy_skd.codecs.units import make_buckets
from spacy_skd.models.biaffine import build_biaffine_parser
from spacy_skd.models.chain import build_chain_scorer
from spacy_skd.models.segments import build_segment_scorer
from spacy_skd.models.tokens import build_token_scorer
from spacy_skd.structures import Parts

LENGTHS, SPACES = (4, 0, 2, 3, 1), ([0, 2], [], [0, 1], [2], [])  # 5 words


def batch(*, spaced=True):
    """The same words, among whitespace or alone."""
    docs = vectors(*LENGTHS, spaces=SPACES)
    if spaced:
        return docs
    alone = vectors(*(n - len(spaces) for n, spaces in zip(LENGTHS, SPACES)))
    for doc, words in zip(docs, alone):
        words[...] = doc[~doc.is_space]
    return alone


SCORERS = {
    "tokens": lambda: build_token_scorer(given_vectors(), nO=3),
    "chain": lambda: build_chain_scorer(given_vectors(), nO=3),
    "segments": lambda: build_segment_scorer(
        given_vectors(), max_width=2, hidden_width=4, dropout=0.0, nO=3
    ),
}


def scorer(name):
    model = SCORERS[name]()
    model.initialize()
    as_float64(model)
    return model


def flat(output):
    return list(output) if isinstance(output, tuple) else [output]


@pytest.mark.parametrize("name", SCORERS)
def test_words_are_scored_as_if_alone(name):
    model = scorer(name)
    spaced, alone = (flat(model.predict(batch(spaced=spaced))) for spaced in (True, False))
    for mine, theirs in zip(spaced, alone, strict=True):
        numpy.testing.assert_allclose(mine, theirs)
    assert len(spaced[0]) == 5


@pytest.mark.parametrize("name", SCORERS)
def test_gradients_among_whitespace(name):
    model, X = scorer(name), batch()
    rng = numpy.random.default_rng(3)
    weights = [rng.normal(size=part.shape) for part in flat(model.predict(X))]

    def forward():
        Y, backprop = model(X, True)
        possible = [numpy.where(y > -1e6, y, 0.0) for y in flat(Y)]
        d_Y = tuple(w * (y > -1e6) for w, y in zip(weights, flat(Y)))
        value = float(sum((w * y).sum() for w, y in zip(weights, possible)))
        return value, lambda: backprop(d_Y if isinstance(Y, tuple) else d_Y[0])

    check_gradients(model, forward, inputs=X)
    for doc, d_doc in zip(X, forward()[1](), strict=True):
        assert d_doc.shape == doc.shape
        assert not d_doc[doc.is_space].any()


@pytest.mark.parametrize("max_distance", [0, 2])
def test_arcs_among_whitespace(max_distance):
    model = build_biaffine_parser(
        given_vectors(), arc_hidden=5, label_hidden=3, dropout=0.0, max_distance=max_distance
    )
    model.get_ref("output_layer").set_dim("nO", 4)
    model.initialize()
    as_float64(model)
    X, spans = batch(), numpy.array([[0, 2], [2, 4], [4, 5]])
    pairs = numpy.array([[0, 1], [1, -1], [3, 2], [4, -1]])
    rng = numpy.random.default_rng(3)
    d_labels = rng.normal(size=(len(pairs), 4))
    d_arcs = []
    for bucket in make_buckets(spans):
        rows, n = bucket.inside, bucket.n_tokens
        inside = rows[:, :, None] & numpy.concatenate([rows[:, :1], rows], axis=1)[:, None]
        d_arcs.append(
            Parts({"arc": rng.normal(size=(len(rows), n, n + 1)) * inside}, bucket.lengths)
        )

    def forward():
        scored, backprop = model((X, spans), True)
        arcs, labels = scored.arcs, scored.deprels(pairs)
        total = float((labels * d_labels).sum())
        total += sum(float((a.arrays["arc"] * d.arrays["arc"]).sum()) for a, d in zip(arcs, d_arcs))
        return total, lambda: backprop((d_arcs, d_labels))

    check_gradients(model, forward, inputs=X)
    for doc, d_doc in zip(X, forward()[1](), strict=True):
        assert not d_doc[doc.is_space].any()
