"""`decode = "marginal"` against enumeration."""

import itertools

import numpy
import oracle
import pytest
from parsers import build as build_parser
from parsers import gold_examples
from span_pipelines import each_kind, initialized

from spacy_skd.codecs.head_labels import decode_head_labels
from spacy_skd.structures import HeadSelection, Parts, ProjectiveTrees, SpanningTrees, tie

OUTPUTS = {
    SpanningTrees: (oracle.trees, oracle.trees),
    ProjectiveTrees: (oracle.projective_trees, oracle.projective_trees),
    HeadSelection: (oracle.head_choices, oracle.trees),
}


@pytest.mark.parametrize("structure", [SpanningTrees(), ProjectiveTrees(), HeadSelection()])
def test_trees(structure):
    """Of all trees the chosen one has the highest expected number of right heads."""
    nlp = build_parser(structure.name, decode="marginal")
    nlp.initialize(lambda: gold_examples(nlp))
    task, differ = nlp.get_pipe("parser").task, 0
    rng = numpy.random.default_rng(0)
    of_structure, decoded = OUTPUTS[type(structure)]
    for _ in range(60):
        arc = rng.normal(size=(4, 5))
        ys = numpy.stack(list(of_structure(4, 0)))
        logs = (ys * arc).sum(axis=(1, 2))
        p = numpy.exp(logs - logs.max())
        marginals = numpy.tensordot(p / p.sum(), ys, axes=1)
        trees = numpy.stack(list(decoded(4, 0)))
        best = trees[(trees * marginals).sum(axis=(1, 2)).argmax()]
        scores = Parts({"arc": arc[None].astype("float32")}, numpy.asarray([4]))
        (heads,) = task._best_heads([scores])
        assert heads[0].tolist() == best.argmax(axis=1).tolist()
        differ += (trees * arc).sum(axis=(1, 2)).argmax() != (trees == best).all((1, 2)).argmax()
    assert differ


def test_trees_of_tags():
    nlp = build_parser("offset_tags", decode="marginal")
    nlp.initialize(lambda: gold_examples(nlp))
    tags = nlp.get_pipe("parser").task.tags
    rng, trees = numpy.random.default_rng(0), numpy.stack(list(oracle.trees(4, 0)))
    for _ in range(10):
        scores = rng.normal(size=(4, len(tags.tags))).astype("float32") * 2
        chances = numpy.exp(scores) / numpy.exp(scores).sum(axis=1, keepdims=True)
        marginals = numpy.zeros((4, 5))
        for token, (tag, offset) in itertools.product(range(4), enumerate(tags.offsets.tolist())):
            head = 0 if offset == 0 else token + offset + 1
            if offset == 0 or 1 <= head <= 4:
                marginals[token, head] += chances[token, tag]
        found = decode_head_labels(
            tags, scores, rows=numpy.asarray([0]), lengths=numpy.asarray([4]), minimum_risk=True
        )
        heads = numpy.where(found[:, 1] < 0, 0, found[:, 1] + 1)
        expected = (trees * marginals).sum(axis=(1, 2)).max()
        assert marginals[numpy.arange(4), heads].sum() == pytest.approx(expected, rel=1e-5)


@each_kind
def test_spans(structure, scheme):
    """Of all sets the chosen one has the least expected number of wrong and missed spans."""
    task = initialized(structure, scheme, decode="marginal").get_pipe("ner").task
    rng, n, differ = numpy.random.default_rng(1), 4, 0
    for _ in range(6):
        if structure == "segments":
            arrays = {"span": rng.normal(size=(1, n, task.max_width, 2)) * 2 - 1}
        else:
            c = len(task.tags)
            arrays = {"unary": rng.normal(size=(1, n, c)) * 2}
            if structure == "linear_chain":
                arrays["transition"] = tie(rng.normal(size=(c, c)), 1)
        arrays = {key: array.astype("float32") for key, array in arrays.items()}
        _, read = task.read_as(Parts(arrays, numpy.asarray([n])))
        totals, sets = task.k_best_spans(read, k=200)
        p = numpy.exp(totals - totals.max())
        p /= p.sum()
        marginals: dict = {}
        for chance, spans in zip(p, sets):
            for span in spans:
                marginals[span] = marginals.get(span, 0) + chance

        def risk(spans, marginals=marginals):
            return sum(1 - 2 * marginals[span] for span in spans)

        (found,) = task.likely_spans(read)
        best = min(sets, key=risk)
        assert set(found) == set(best)
        differ += set(found) != set(sets[0])
        spans = list(dict.fromkeys(span for each in sets for span in each))
        chances = task.chances_of(read, [spans])
        numpy.testing.assert_allclose(chances, [marginals[s] for s in spans], rtol=1e-4)
    assert differ


def test_it_is_asked_for_by_the_setting():
    for setting in ("best", "marginal"):
        assert initialized(decode=setting).get_pipe("ner").task.decoding == setting
