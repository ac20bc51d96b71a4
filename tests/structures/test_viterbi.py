"""The best sequence by few pairs is that of all pairs, ties included."""

import numpy
import pytest

from spacy_skd.structures import LinearChain, Parts, viterbi
from spacy_skd.structures.chain import _k_best, sorted_chains
from spacy_skd.structures.parts import IMPOSSIBLE
from spacy_skd.structures.viterbi import Pairs, best_sequences


def chains_of(rng, *, lengths, c, share, ties):
    """A batch with a share of pairs that are impossible; with ties, scores are small integers."""
    b, n = len(lengths), max(lengths, default=0)
    draw = (lambda *shape: rng.integers(0, 2, shape)) if ties else (lambda *s: rng.normal(size=s))
    unary = draw(b, n, c).astype("float32")
    unary[rng.random(unary.shape) < share / 4] = IMPOSSIBLE
    unary[..., 0] = 0.0  # one label of each token is possible
    transition = draw(c, c).astype("float32")
    transition[rng.random((c, c)) < share] = IMPOSSIBLE
    transition[0] = transition[:, 0] = 0.0
    tied = numpy.broadcast_to(transition, (b, c, c))
    return Parts({"unary": unary, "transition": tied}, numpy.asarray(lengths, "int64"))


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.95])
@pytest.mark.parametrize("c", [1, 3, 9, 40])
@pytest.mark.parametrize("many", [0, viterbi.MANY])
def test_it_is_that_of_all_pairs(c, share, ties, many, monkeypatch):
    monkeypatch.setattr(viterbi, "MANY", many)
    rng = numpy.random.default_rng([c, int(100 * share), ties])
    for lengths in ([3, 0, 7, 7, 1], [1], [12]):
        parts = chains_of(rng, lengths=lengths, c=c, share=share, ties=ties)
        chains = sorted_chains(parts)
        assert len(chains.transition) == 1
        expected, labels = _k_best(numpy, chains, 1)
        totals, found = best_sequences(numpy, chains)
        numpy.testing.assert_array_equal(totals, expected[:, 0])
        numpy.testing.assert_array_equal(found, labels[:, 0])


def test_of_many_labels_those_that_cannot_be_chosen_are_left_out(monkeypatch):
    """Where a token's scores are far apart, few totals are added up: none of a label that stays
    below another, whatever follows."""
    widths = []
    first_highest = viterbi._first_highest

    def counted(xp, choices):
        choices = list(choices)
        widths.append(len(choices))
        return first_highest(xp, iter(choices))

    monkeypatch.setattr(viterbi, "_first_highest", counted)
    rng = numpy.random.default_rng(0)
    parts = chains_of(rng, lengths=[6, 4], c=100, share=0.0, ties=False)
    parts.arrays["unary"][..., 7] += 20
    _, labels = best_sequences(numpy, sorted_chains(parts))
    assert (labels[labels >= 0] == 7).all()
    assert widths == [1] * 5


def test_labels_that_follow_few_are_looked_up_alone():
    impossible = numpy.full((6, 6), -numpy.inf)
    impossible[:, 0] = impossible[0] = 0.0
    impossible[3, 4] = 1.0
    pairs = Pairs.of(numpy, impossible)
    assert pairs.many.tolist() == [0]
    assert pairs.before.tolist() == [0, 1, 2, 3, 4, 5]
    assert pairs.few.tolist() == [1, 2, 3, 4, 5]
    assert pairs.before_few[:, 3].tolist() == [0, 3]
    assert pairs.scores_few[:, 3].tolist() == [0.0, 1.0]


def test_a_unit_without_a_sequence_is_named():
    unary = numpy.zeros((2, 2, 2), dtype="float32")
    unary[1, 0, 0] = unary[1, 1, 0] = IMPOSSIBLE
    transition = numpy.asarray([[0, 0], [0, IMPOSSIBLE]], dtype="float32")
    tied = numpy.broadcast_to(transition, (2, 2, 2))
    parts = Parts({"unary": unary, "transition": tied}, numpy.asarray([2, 2]))
    with pytest.raises(ValueError, match="unit 1 of the batch"):
        LinearChain().best(parts, k=1)
