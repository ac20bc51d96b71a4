"""Mean field against a plain loop over triples, and second-order scores as a model."""

import itertools

import numpy
import pytest
from gradients import as_float64, check_gradients, given_vectors, vectors
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_skd.codecs.units import make_buckets
from spacy_skd.models.mean_field import Factors, mean_field
from spacy_skd.models.second_order import build_second_order_parser
from spacy_skd.structures import HeadSelection, Parts

RANK = 3


def random_factors(rng, b, n, *, scale=0.7):
    rows = {"H": n + 1, "D": n, "G": n + 1, "M": n, "E": n}
    return Factors(*(rng.normal(0, scale, (b, rows[name], RANK)) for name in Factors._fields))


def by_loops(arc, factors, iterations):
    """One unit, by definition. arc: (n, n + 1); factors: (n or n + 1, RANK) each. Nodes: 0 is ROOT,
    i + 1 is token i."""
    n = len(arc)
    H, D, G, M, E = factors
    nodes, tokens = range(n + 1), range(1, n + 1)

    def sib(a, b, c):
        return sum(H[a, r] * D[b - 1, r] * D[c - 1, r] for r in range(RANK))

    def gp(a, b, c):
        return sum(G[a, r] * M[b - 1, r] * E[c - 1, r] for r in range(RANK))

    score = {(a, b): arc[b - 1, a] for a in nodes for b in tokens if a != b}
    refined = dict(score)
    for _ in range(iterations):
        total = {b: sum(numpy.exp(refined[a, b]) for a in nodes if a != b) for b in tokens}
        q = {(a, b): numpy.exp(refined[a, b]) / total[b] for a, b in refined}
        refined = dict(score)
        for (a, b), c in itertools.product(score, nodes):
            if c in (a, b):
                continue
            if c != 0:
                refined[a, b] += q[a, c] * sib(a, b, c) + q[b, c] * gp(a, b, c)
            if a != 0:
                refined[a, b] += q[c, a] * gp(c, a, b)
    return refined


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 5), st.integers(1, 4))
def test_it_equals_loops_over_triples(seed, n, iterations):
    rng = numpy.random.default_rng(seed)
    arc, factors = rng.normal(size=(1, n, n + 1)), random_factors(rng, 1, n)
    found, _ = mean_field(Parts({"arc": arc}, numpy.array([n])), factors, iterations=iterations)
    expected = by_loops(arc[0], [factor[0] for factor in factors], iterations)
    for (a, b), score in expected.items():
        assert found.arrays["arc"][0, b - 1, a] == pytest.approx(score, abs=1e-9)


def test_padding_and_junk_in_it_change_nothing():
    rng = numpy.random.default_rng(0)
    lengths, n = [3, 5, 1], 6
    arc, factors = rng.normal(size=(3, n, n + 1)), random_factors(rng, 3, n)
    weights = rng.normal(size=arc.shape)
    for unit, length in enumerate(lengths):
        weights[unit, length:] = weights[unit, :, length + 1 :] = 0
    whole, backprop = mean_field(Parts({"arc": arc}, numpy.array(lengths)), factors, iterations=3)
    d_arc, d_factors = backprop(Parts({"arc": weights}, numpy.array(lengths)))
    for unit, k in enumerate(lengths):
        mine = Factors(*(f[unit : unit + 1, : k + f.shape[1] - n] for f in factors))
        alone, back = mean_field(
            Parts({"arc": arc[unit : unit + 1, :k, : k + 1]}, numpy.array([k])), mine, iterations=3
        )
        off = ~numpy.eye(k, k + 1, 1, dtype=bool)
        numpy.testing.assert_allclose(
            whole.arrays["arc"][unit, :k, : k + 1][off], alone.arrays["arc"][0][off]
        )
        weight = weights[unit : unit + 1, :k, : k + 1]
        d_alone, d_mine = back(Parts({"arc": weight}, numpy.array([k])))
        numpy.testing.assert_allclose(d_arc.arrays["arc"][unit, :k, : k + 1],
                                      d_alone.arrays["arc"][0], atol=1e-12)  # fmt: skip
        for a, b in zip(d_factors, d_mine):
            numpy.testing.assert_allclose(a[unit, : b.shape[1]], b[0], atol=1e-12)
            assert not a[unit, b.shape[1] :].any()


def test_no_iteration_or_no_triples_leave_the_scores():
    rng = numpy.random.default_rng(0)
    parts = Parts({"arc": rng.normal(size=(2, 3, 4))}, numpy.array([3, 2]))
    factors = random_factors(rng, 2, 3)
    none = Factors(*(0 * factor for factor in factors))
    for given_factors, iterations in ((factors, 0), (none, 3)):
        found, backprop = mean_field(parts, given_factors, iterations=iterations)
        numpy.testing.assert_array_equal(found.arrays["arc"], parts.arrays["arc"])
        d_arc, _ = backprop(parts)
        numpy.testing.assert_allclose(d_arc.arrays["arc"], parts.arrays["arc"])


SPANS = numpy.array([[0, 3], [3, 4], [4, 11], [11, 13]])
PAIRS = numpy.array([[0, 2], [1, -1], [1, 0], [5, 4], [12, -1]])


def make_parser(dropout=0.0, **settings):
    model = build_second_order_parser(
        given_vectors(), arc_hidden=5, label_hidden=3, triple_hidden=4, rank=3, dropout=dropout,
        **settings
    )  # fmt: skip
    model.get_ref("output_layer").set_dim("nO", 4)
    model.initialize()
    return model


@pytest.mark.parametrize("max_distance", [0, 3])
def test_gradients(max_distance):
    model = make_parser(max_distance=max_distance)
    as_float64(model)
    X = vectors(4, 9)
    rng = numpy.random.default_rng(3)
    gold = []
    for bucket in make_buckets(SPANS):
        parts = Parts(
            {"arc": rng.normal(size=(len(bucket.units), bucket.n_tokens, bucket.n_tokens + 1))},
            bucket.lengths,
        )
        gold.append(HeadSelection().infer(parts)[1])
    d_labels = rng.normal(size=(len(PAIRS), 4))

    def forward():
        """The loss of head selection, whose gradient is 0 of self-arcs and in the padding."""
        scored, backprop = model((X, SPANS), True)
        arcs, labels = scored.arcs, scored.deprels(PAIRS)
        total, d_arcs = float((labels * d_labels).sum()), []
        for parts, target in zip(arcs, gold):
            log_z, marginals = HeadSelection().infer(parts)
            total += float((log_z - target.dot(parts)).sum())
            d_arcs.append(marginals - target)
        return total, lambda: backprop((d_arcs, d_labels))

    check_gradients(model, forward, inputs=X)


def test_it_starts_as_the_biaffine_scores_and_can_leave_them():
    model, X = make_parser(), [x.astype("float32") for x in vectors(4, 9)]
    arcs = model.get_ref("arc_scorer").layers[0]
    arcs.set_param("U", numpy.ones_like(arcs.get_param("U")))
    found = model.predict((X, SPANS)).arcs
    rows = numpy.concatenate(X)
    first = arcs.predict((rows, make_buckets(SPANS)))
    for a, b in zip(found, first):
        numpy.testing.assert_array_equal(a.arrays["arc"], b.arrays["arc"])
        assert a.arrays["arc"].dtype == numpy.float32
    scored, backprop = model((X, SPANS), True)
    scores, labels = scored.arcs, scored.deprels(PAIRS)
    backprop(([Parts({"arc": p.arrays["arc"] * _allowed(p)}, p.lengths) for p in scores], labels))
    node = model.get_ref("arc_scorer")
    assert all(abs(node.get_grad(f"{name}_P")).max() > 0 for name in "HM")


def _allowed(parts):
    return HeadSelection().infer(parts)[1].arrays["arc"] > 0


def test_settings():
    for setting in ("iterations", "rank", "triple_hidden"):
        with pytest.raises(ValueError, match=f"{setting}: expected a number from 1"):
            build_second_order_parser(given_vectors(), **{setting: 0})
    with pytest.raises(ValueError, match="max_distance"):
        build_second_order_parser(given_vectors(), max_distance=-1)


def test_nan_scores_are_named():
    parts = Parts({"arc": numpy.full((1, 2, 3), numpy.nan)}, numpy.array([2]))
    with pytest.raises(ValueError, match="nan in unit 0"):
        mean_field(parts, random_factors(numpy.random.default_rng(0), 1, 2), iterations=1)
