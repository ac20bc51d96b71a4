"""Token scorer and biaffine parser on vectors that are given."""

import numpy
import pytest
from gradients import as_float64, check_gradients, given_vectors, vectors
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_skd.codecs.units import make_buckets
from spacy_skd.models.biaffine import build_biaffine_parser
from spacy_skd.models.prediction import biaffine as biaffine_prediction
from spacy_skd.models.tokens import build_token_scorer
from spacy_skd.structures import Parts


def test_token_scorer_gradients():
    model = build_token_scorer(given_vectors(), nO=4)
    model.initialize()
    as_float64(model)
    X = vectors(3, 0, 5)
    weights = numpy.random.default_rng(3).normal(size=(8, 4))

    def forward():
        Y, backprop = model(X, True)
        assert Y.shape == (8, 4)
        return float((Y * weights).sum()), lambda: backprop(weights)

    check_gradients(model, forward, inputs=X)


SPANS = numpy.array([[0, 3], [3, 4], [4, 11], [11, 13]])
PAIRS = numpy.array([[0, 2], [1, -1], [1, 0], [5, 4], [12, -1], [12, 11], [0, 2]])


def make_parser(dropout=0.0, max_distance=0):
    model = build_biaffine_parser(
        given_vectors(), arc_hidden=5, label_hidden=3, dropout=dropout, max_distance=max_distance
    )
    model.get_ref("output_layer").set_dim("nO", 4)
    model.initialize()
    as_float64(model)
    return model


@pytest.mark.parametrize("max_distance", [0, 2, 30])
def test_biaffine_gradients(max_distance):
    model = make_parser(max_distance=max_distance)
    X = vectors(4, 9)
    rng = numpy.random.default_rng(3)
    buckets = make_buckets(SPANS)
    d_arcs = [
        Parts(
            {"arc": rng.normal(size=(len(b.units), b.n_tokens, b.n_tokens + 1)) * arc_mask(b)},
            b.lengths,
        )
        for b in buckets
    ]
    d_labels = rng.normal(size=(len(PAIRS), 4))

    def forward():
        scored, backprop = model((X, SPANS), True)
        arcs, labels = scored.arcs, scored.deprels(PAIRS)
        total = sum(float(d.dot(s).sum()) for d, s in zip(d_arcs, arcs))
        return total + float((labels * d_labels).sum()), lambda: backprop((d_arcs, d_labels))

    check_gradients(model, forward, inputs=X)


def arc_mask(bucket):
    """Gradients are 0 in the padding, as a structure gives them."""
    heads = numpy.concatenate([numpy.ones((len(bucket.units), 1), bool), bucket.inside], axis=1)
    return bucket.inside[:, :, None] & heads[:, None]


@pytest.mark.parametrize("limit", [0, 2, 30])
def test_biaffine_scores_equal_the_formula(limit):  # in prediction
    model = make_parser(max_distance=limit)
    X = vectors(4, 9)
    rows = numpy.concatenate(X)
    buckets, arcs, deprels = model.predict((X, SPANS))
    labels = deprels(PAIRS)
    scorer = model.get_ref("arc_scorer")

    def hidden(node, name, x):
        z = node.get_param(f"{name}_W") @ x + node.get_param(f"{name}_b")
        return numpy.where(z > 0, z, 0.1 * z)

    def vector(node, row):
        return node.get_param("root")[0] if row < 0 else rows[row]

    seen = 0
    for bucket, parts in zip(buckets, arcs):
        for i, unit in enumerate(bucket.units):
            start, end = SPANS[unit]
            for d in range(end - start):
                for h in range(end - start + 1):
                    dependent = hidden(scorer, "D", rows[start + d])
                    head = hidden(scorer, "H", vector(scorer, -1 if h == 0 else start + h - 1))
                    expected = dependent @ scorer.get_param("U") @ head
                    expected += scorer.get_param("u") @ head
                    if limit and h:
                        distance = min(max(h - 1 - d, -limit), limit)
                        by_distance = scorer.get_param("S") @ dependent + scorer.get_param("s")
                        expected += by_distance[distance + limit]
                    assert parts.arrays["arc"][i, d, h] == pytest.approx(expected)
                    seen += 1
    assert seen == sum(n * (n + 1) for n in (3, 1, 7, 2))
    scorer = model.get_ref("label_scorer")
    for (d, h), scores in zip(PAIRS, labels):
        left = numpy.append(hidden(scorer, "L", rows[d]), 1.0)
        right = numpy.append(hidden(scorer, "K", vector(scorer, h)), 1.0)
        expected = numpy.outer(left, right).reshape(-1) @ scorer.get_param("W")
        numpy.testing.assert_allclose(scores, expected)


def test_prediction_equals_training_without_dropout_and_hidden_dropout_is_its_own():
    model = make_parser(dropout=0.5)
    X = vectors(4, 9)
    one = model((X, SPANS), True)[0].deprels(PAIRS)
    two = model((X, SPANS), True)[0].deprels(PAIRS)
    assert not numpy.allclose(one, two)
    assert not any("dropout_rate" in node.attrs for node in model.walk())
    still = make_parser()
    three = still((X, SPANS), True)[0].deprels(PAIRS)
    numpy.testing.assert_allclose(still.predict((X, SPANS)).deprels(PAIRS), three)


@pytest.mark.parametrize("is_train", [False, True])
def test_of_docs_alone_each_is_a_unit(is_train):
    model, X = make_parser(), vectors(4, 0, 9)
    found, _ = model(X, is_train)
    expected, _ = model((X, numpy.asarray([[0, 4], [4, 4], [4, 13]])), is_train)
    for arcs, others in zip(found.arcs, expected.arcs, strict=True):
        numpy.testing.assert_array_equal(arcs.arrays["arc"], others.arrays["arc"])
        assert arcs.lengths.tolist() == others.lengths.tolist()


@pytest.mark.parametrize("rows", [1, 10, 512])
def test_prediction_a_few_units_at_a_time_equals_training(rows, monkeypatch):
    monkeypatch.setattr(biaffine_prediction, "ROWS", rows)
    model = make_parser(max_distance=3)
    lengths = [4, 1, 5, 4, 0, 6, 30, 3, 28, 29, 5]
    ends = numpy.cumsum(lengths)
    spans = numpy.stack([ends - lengths, ends], axis=1)
    X = vectors(int(ends[-1]))
    (buckets, expected, _), _ = model((X, spans), True)
    found = model.predict((X, spans))[1]
    assert max(len(bucket.units) for bucket in buckets) > 2
    for bucket, mine, theirs in zip(buckets, found, expected):
        mask = arc_mask(bucket)
        numpy.testing.assert_allclose(mine.arrays["arc"][mask], theirs.arrays["arc"][mask])


@pytest.mark.parametrize("heads", [[2, 0, 4], [-1, -1, -1], [-1, 0, 0], []])
def test_predicted_deprels_equal_those_of_training(heads):
    pairs = numpy.stack([numpy.arange(len(heads)), numpy.asarray(heads, dtype="int64")], axis=1)
    model, X = make_parser(), vectors(4, 9)
    expected = model((X, SPANS), True)[0].deprels(pairs)
    found = model.predict((X, SPANS)).deprels(pairs)
    assert found.shape == (len(heads), 4)
    numpy.testing.assert_allclose(found, expected)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 60), max_size=30))
def test_buckets_hold_each_unit_once_and_little_padding(lengths):
    ends = numpy.cumsum(lengths, dtype="int64")
    spans = numpy.stack([ends - lengths, ends], axis=1).astype("int64")
    buckets = make_buckets(spans)
    units = sorted(int(u) for b in buckets for u in b.units)
    assert units == [i for i, n in enumerate(lengths) if n]
    for bucket in buckets:
        assert bucket.n_tokens <= bucket.lengths.min() * 1.25 + 2
        inside = bucket.index(padding=-1)
        for i, unit in enumerate(bucket.units):
            row = inside[i][inside[i] >= 0].tolist()
            assert row == list(range(*spans[unit].tolist()))
