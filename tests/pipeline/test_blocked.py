"""Tokens that `doc.set_ents(..., blocked=)` keeps out of entities: in prediction and in gold."""

import itertools

import numpy
import oracle
import pytest
from conftest import train
from entities import ENTITIES, blank_doc, examples, texts
from spacy.tokens import Doc, Span
from spacy.training import Example
from span_pipelines import each_kind, initialized

from spacy_skd.structures import LinearChain

TEXT = ENTITIES[0][0]  # Ann Lee saw Bob in New York City .


def blocked_doc(nlp, *spans, ents=()):
    doc = blank_doc(nlp, TEXT)
    ents = [Span(doc, start, end, label) for start, end, label in ents]
    doc.set_ents(ents, blocked=[doc[start:end] for start, end in spans], default="missing")
    return doc


def states(doc):
    return [(token.ent_iob_, token.ent_type_) for token in doc]


@pytest.fixture(scope="module", params=["linear_chain", "tokens", "segments"])
def nlp(request):
    nlp = initialized(request.param)
    train(nlp, examples(nlp), 60)
    assert texts(nlp(blank_doc(nlp, TEXT)))[0] == ("Ann Lee", "PER")
    return nlp


@pytest.mark.parametrize("overwrite", [False, True])
def test_no_entity_has_a_blocked_token_and_they_stay_blocked(nlp, overwrite):
    nlp.get_pipe("ner").task.overwrite = overwrite
    docs = [blocked_doc(nlp, (0, 2)), blank_doc(nlp, TEXT), blocked_doc(nlp, (6, 7), (8, 9))]
    docs.append(Doc(nlp.vocab, []))
    found = list(nlp.pipe(docs))
    assert texts(found[0]) == [("Bob", "PER"), ("New York City", "LOC")]
    assert states(found[0])[:3] == [("B", ""), ("B", ""), ("O", "")]
    assert len(texts(found[1])) == 3
    assert all(token.i not in (6, 8) for ent in found[2].ents for token in ent)
    assert [states(found[2])[i] for i in (6, 8)] == [("B", ""), ("B", "")]
    again = nlp(found[2])
    assert [states(again)[i] for i in (6, 8)] == [("B", ""), ("B", "")]


@pytest.mark.parametrize("overwrite", [False, True])
def test_entities_that_are_there_beside_blocked_ones(nlp, overwrite):
    nlp.get_pipe("ner").task.overwrite = overwrite
    doc = nlp(blocked_doc(nlp, (0, 1), ents=[(3, 4, "DOG")]))
    assert ("Bob", "PER" if overwrite else "DOG") in texts(doc)
    assert states(doc)[0] == ("B", "")


def test_a_doc_that_is_blocked_as_a_whole(nlp):
    doc = nlp(blocked_doc(nlp, (0, 9)))
    assert texts(doc) == []
    assert states(doc) == [("B", "")] * 9


def test_what_is_kept_of_probabilities_is_of_what_is_not_blocked(nlp):
    nlp.get_pipe("ner").save_activations = True
    found = nlp(blocked_doc(nlp, (0, 2)))._.activations["ner"]
    nlp.get_pipe("ner").save_activations = False
    marginals = found["marginals"]
    outside = marginals[:2, 0] if marginals.ndim == 2 else 1 - marginals[:2].sum(axis=(1, 2))
    numpy.testing.assert_allclose(outside, 1.0)
    assert found["spans"][:, 0].min() >= 2


@each_kind
def test_the_best_of_what_is_left_is_found(structure, scheme):
    """Not the best of all, less what is blocked: an untrained model, by listing all spans."""
    nlp = initialized(structure, scheme)
    ner = nlp.get_pipe("ner")
    rng = numpy.random.default_rng(0)
    for name in ("W", "E"):
        output = ner.model.get_ref("output_layer")
        if output.has_param(name):
            output.set_param(name, rng.normal(size=output.get_param(name).shape).astype("f"))
    doc = Doc(nlp.vocab, ["Ann", "Lee", "saw", "Bob"])
    doc.set_ents([], blocked=[doc[1:2]], default="missing")
    tok2vec = nlp.get_pipe("tok2vec")
    (belief,) = ner.believe(list(tok2vec.pipe([doc.copy()])))
    is_free = lambda spans: not any(a <= 1 < b for a, b, _ in spans)  # noqa: E731
    possible = filter(is_free, all_spans(4, ner.labels))
    best = max(possible, key=lambda spans: score(belief, spans, ner))
    found = nlp(doc)
    assert [(e.start, e.end, e.label_) for e in found.ents] == best


def all_spans(n, labels):
    """All ways to have labelled spans of n tokens that do not overlap."""
    if n == 0:
        return [[]]
    ways = []
    for spans in all_spans(n - 1, labels):
        ways.append(spans)
    for start in range(n):
        for spans, label in itertools.product(all_spans(start, labels), labels):
            ways.append([*spans, (start, n, label)])
    return ways


def score(belief, spans, ner):
    if ner.task.rows_name == "span":
        ids = {label: i for i, label in enumerate(ner.labels)}
        return sum(belief.scores[a, b - a - 1, ids[label]] for a, b, label in spans)
    tags = ["O"] * len(belief.scores)
    for a, b, label in spans:
        tags[a:b] = [f"I-{label}"] * (b - a)
        tags[a] = f"B-{label}"
        if ner.task.scheme == "BIOES":
            tags[b - 1] = f"E-{label}" if b - a > 1 else f"S-{label}"
    ids = [ner.task.tags.index(tag) for tag in tags]
    assert oracle.parse_tags(tuple(tags), ner.task.scheme) == spans
    total = belief.scores[range(len(ids)), ids].sum()
    if isinstance(ner.structure, LinearChain):
        total += belief.transition[ids[:-1], ids[1:]].sum()
    return total


def test_a_teacher_annotates_its_docs_so_too(nlp):
    ner, tok2vec = nlp.get_pipe("ner"), nlp.get_pipe("tok2vec")
    docs = [blank_doc(nlp, TEXT), blocked_doc(nlp, (0, 2))]
    beliefs = ner.believe(list(tok2vec.pipe([doc.copy() for doc in docs])))
    ner.write_beliefs(docs, beliefs)
    assert [texts(doc)[0][0] for doc in docs] == ["Ann Lee", "Bob"]


def test_blocked_gold_is_outside_and_the_rest_unknown():
    nlp = initialized()
    layer = nlp.get_pipe("ner").task.layer
    reference = blocked_doc(nlp, (0, 2), (4, 5), ents=[(3, 4, "PER")])
    eg = Example(blank_doc(nlp, TEXT), reference)
    expected = ["O", "O", None, "S-PER", "O", None, None, None, None]
    assert layer.gold(eg, scheme="BIOES") == expected
    predicted = Doc(nlp.vocab, ["Ann Lee", "saw", "Bob in", "New", "York", "City", "."])
    assert layer.gold(Example(predicted, reference), scheme="BIO")[:3] == ["O", None, None]


@each_kind
def test_blocked_gold_is_learnt(structure, scheme):
    nlp = initialized(structure, scheme)
    train(nlp, examples(nlp), 40)
    assert texts(nlp(blank_doc(nlp, TEXT)))[0] == ("Ann Lee", "PER")
    eg = Example(blank_doc(nlp, TEXT), blocked_doc(nlp, (0, 2)))
    train(nlp, [eg], 30)
    doc = nlp(blank_doc(nlp, TEXT))
    assert not any(ent.start < 2 for ent in doc.ents)


def test_whitespace_beside_and_within(nlp):
    words = ["Ann", "\n", "Lee", "\n", "saw", "Bob"]
    doc = Doc(nlp.vocab, words)
    doc.set_ents([], blocked=[doc[0:1], doc[3:4]], default="missing")
    doc = nlp(doc)
    assert [states(doc)[i] for i in (0, 3)] == [("B", ""), ("B", "")]
    assert all(ent.start > 0 for ent in doc.ents)
    doc = Doc(nlp.vocab, words)
    doc.set_ents([], blocked=[doc[1:2]], default="missing")
    doc = nlp(doc)
    assert states(doc)[1] == ("B", "")
    assert not any(ent.start < 1 < ent.end for ent in doc.ents)
