"""An arc's probability is that given its sentence, times that of the sentence."""

from itertools import product

import numpy
import pytest
import spacy
from all_components import build, gold_examples
from conftest import train
from spacy.tokens import Doc

from spacy_skd.layers.confidences import records_of
from spacy_skd.pipeline.tasks.tree_chances import chances_of_cuts

SENTENCES = [[0, 4], [4, 7]]
HEADS = [1, 0, -1, -2, 2, 1, 0]  # offsets; the roots are words 1 and 6
TEXT = "Ann saw a ship . Dogs sleep well . Go !"


def of_arcs(starts, units=SENTENCES, offsets=HEADS):
    """Of the second of three docs; the others have an arc and a root each."""
    other, units = numpy.asarray([0.9, 0.2]), numpy.asarray(units) + 2
    around = [[0, 2], *units.tolist(), [len(starts) + 2, len(starts) + 4]]
    heads = [numpy.asarray(of) for of in ([1, 0], offsets, [0, -1])]
    found = chances_of_cuts([other, numpy.asarray(starts), other], numpy.asarray(around), heads)
    assert found[[0, 1, -2, -1]] == pytest.approx([0.8, 1, 1, 0.8])
    return found[2:-2]


def test_of_an_arc_it_is_that_of_all_cuts_that_leave_it_whole():
    rng = numpy.random.default_rng(0)
    p = rng.uniform(0.05, 0.95, size=7)
    whole = numpy.zeros(7)
    for starts in product((0, 1), repeat=6):
        chance = numpy.prod(numpy.where(starts, p[1:], 1 - p[1:]))
        for i, offset in enumerate(HEADS):
            first, last = sorted((i, i + offset))
            whole[i] += chance * (not any(starts[first:last]))
    arcs = numpy.asarray(HEADS) != 0
    assert of_arcs(p)[arcs] == pytest.approx(whole[arcs])


def test_a_root_is_one_of_two_where_a_border_is_none():
    p = numpy.asarray([0.5, 0.1, 0.1, 0.1, 0.6, 0.1, 0.1])
    assert of_arcs(p)[[1, 6]] == pytest.approx([0.8, 0.8])  # the doc's own borders are certain
    p[4] = 1
    assert of_arcs(p)[[1, 6]] == pytest.approx([1, 1])
    three = of_arcs(p, units=[[0, 2], [2, 4], [4, 7]], offsets=[1, 0, 0, -1, 2, 1, 0])
    assert three[[1, 2, 6]] == pytest.approx([0.55, 0.55, 1])


def test_what_nobody_tells_is_certain():
    assert of_arcs([numpy.nan] * 7) == pytest.approx(1)
    assert of_arcs([numpy.nan, 1, *[numpy.nan] * 5])[0] == pytest.approx(0, abs=1e-9)


@pytest.fixture(scope="module")
def nlp():
    spacy.util.fix_random_seed(0)
    nlp = build()
    nlp.initialize(lambda: gold_examples(nlp))
    train(nlp, gold_examples(nlp), 5)
    return nlp


def confidences(nlp, doc, *names):
    """Of the parser, as confidences and as activations."""
    pipes = [nlp.get_pipe(name) for name in names]
    for pipe in pipes:
        pipe.confidences = pipe.save_activations = True
    try:
        for name, pipe in nlp.pipeline:
            if name in ("sent", "parser"):
                doc = pipe(doc)
    finally:
        for pipe in pipes:
            pipe.confidences = pipe.save_activations = False
    told = doc._.activations["parser"]["confidences"]
    assert numpy.nan_to_num(records_of(doc)["parser"]["confidences"], nan=1) == pytest.approx(
        told, rel=1e-4
    )
    return doc, told


@pytest.mark.parametrize("space", [[], ["\n"]])
def test_a_parser_counts_starts_of_which_another_component_tells(nlp, space):
    words = [*TEXT.split()[:4], *space, *TEXT.split()[4:]]
    given, alone = confidences(nlp, Doc(nlp.vocab, words), "parser")
    doc, told = confidences(nlp, Doc(nlp.vocab, words), "sent", "parser")
    assert [t.head.i for t in doc] == [t.head.i for t in given]
    p = numpy.asarray(doc._.activations["sent"]["marginals"])[:, 1]
    for token in doc:
        if token.is_space:
            continue
        expected, (first, last) = 1.0, sorted((token.i, token.head.i))
        for k in range(first + 1, last + 1):
            expected *= 1 if doc[k].is_space else 1 - p[k]
        if token.head == token:
            borders = (token.sent.start, token.sent.end)
            expected = numpy.prod([(1 + p[k]) / 2 for k in borders if 0 < k < len(doc)])
        assert told[token.i] / alone[token.i] == pytest.approx(expected, rel=1e-3)
    assert (told[: len(doc)] < alone).any()


def test_a_start_that_somebody_else_set_is_certain(nlp):
    first = nlp.make_doc(TEXT)
    nlp.get_pipe("sent").confidences = True
    first = nlp.get_pipe("sent")(first)
    nlp.get_pipe("sent").confidences = False
    changed = first.copy()
    for token in changed:
        token.is_sent_start = token.i in (0, 5, 9)
    untold = changed.copy()
    untold.user_data.clear()
    parser = nlp.get_pipe("parser")
    same = [t.i for t in first if t.i and first[t.i].is_sent_start == changed[t.i].is_sent_start]
    parser.confidences = True
    told, alone = (parser.predict([doc]).confidences[0] for doc in (changed, untold))
    parser.confidences = False
    starts = parser.layer.chances_of_starts(changed)
    assert numpy.isfinite(starts)[1:].tolist() == [i in same for i in range(1, len(first))]
    assert parser.layer.chances_of_starts(untold) is None
    assert (told <= alone + 1e-6).all()


def test_a_start_that_somebody_else_set_at_whitespace_is_certain(nlp):
    """A sentence that starts with whitespace starts with the next word."""
    sent, parser = nlp.get_pipe("sent"), nlp.get_pipe("parser")
    sent.confidences = True
    doc = sent(Doc(nlp.vocab, ["Ann", "saw", "\n", "a", "ship"]))
    sent.confidences = False
    for token in doc:
        token.is_sent_start = token.i in (0, 2)
    found = parser.layer.chances_of_starts(doc)
    assert numpy.isnan(found).tolist() == [False, False, True, False]
    assert doc[3]._.sent_start_confidence is not None
