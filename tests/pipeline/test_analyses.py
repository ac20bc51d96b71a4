"""`pipe.analyses`: the k likeliest of each unit, with exact probabilities."""

import itertools

import numpy
import oracle
import pytest
import spacy
from all_components import NAMES, build, gold_examples
from conftest import make_doc, train
from parsers import build as build_parser
from spacy.tokens import Doc, DocBin

from spacy_skd.pipeline.analyses import analyses_of

WORDS = ("sent", "tag", "pos", "morph", "lemma")
SPANS = ("ner", "bio", "spans", "segments", "nested")
CATS = ("textcat", "multilabel")
TEXT = "The cat sees Ann . Go !"
MANY = 10_000


@pytest.fixture(scope="module")
def nlp():
    spacy.util.fix_random_seed(0)
    nlp = build()
    nlp.initialize(lambda: gold_examples(nlp))
    train(nlp, gold_examples(nlp), 15)
    return nlp


def key_of(annotation):
    if isinstance(annotation, dict):
        return tuple(sorted(annotation.items()))
    if isinstance(annotation, str):
        return annotation
    if annotation and isinstance(annotation[0], tuple):
        return tuple(annotation)
    return tuple((span.start, span.end, span.label) for span in annotation)


def by_unit(analyses):
    return [list(group) for _, group in itertools.groupby(analyses, key=lambda each: each[:2])]


@pytest.mark.parametrize("name", NAMES)
def test_all_of_them_are_different_and_sum_to_one(nlp, name):
    doc = nlp(TEXT)
    before = doc.to_bytes()
    units = by_unit(nlp.get_pipe(name).analyses(doc, MANY))
    assert doc.to_bytes() == before
    expected = {"parser": len(list(doc.sents)), **dict.fromkeys(WORDS, len(doc))}.get(name, 1)
    assert len(units) == expected
    for unit in units:
        chances = [each.probability for each in unit]
        assert chances == sorted(chances, reverse=True)
        assert len({key_of(each.annotation) for each in unit}) == len(unit)
        total = sum(chances)
        if name == "parser":  # with the best deprels alone
            assert total < 1 + 1e-6
        elif len(unit) < MANY:
            assert total == pytest.approx(1, abs=1e-4)
        else:
            assert 0.9 < total < 1 + 1e-6
    few = by_unit(nlp.get_pipe(name).analyses(doc, 2))
    assert [key_of(each.annotation) for unit in few for each in unit] == [
        key_of(each.annotation) for unit in units for each in unit[:2]
    ]


def test_the_first_is_what_is_annotated(nlp):
    doc = nlp(TEXT)
    first = {name: [unit[0] for unit in by_unit(analyses_of(nlp, name, doc, 1))] for name in NAMES}
    assert [each.annotation for each in first["tag"]] == [token.tag_ for token in doc]
    assert [each.annotation for each in first["lemma"]] == [token.lemma_ for token in doc]
    arcs = [arc for each in first["parser"] for arc in each.annotation]
    assert arcs == [(token.head.i, token.dep_) for token in doc]
    assert first["bio"][0].annotation == list(doc.ents)
    assert first["segments"][0].annotation == list(doc.spans["seg"])
    (chances,) = nlp.get_pipe("textcat").predict([doc]).best
    assert first["textcat"][0].probability == pytest.approx(chances.max(), abs=1e-5)


@pytest.mark.parametrize("kind", ["tree", "projective_tree", "head_selection", "offset_tags"])
def test_trees_against_enumeration(kind):
    nlp = build_parser(kind, **({} if kind == "offset_tags" else {"label_floor": 0.0}))
    examples = gold_examples(nlp)
    nlp.initialize(lambda: examples)
    parser, n = nlp.get_pipe("parser"), 5
    doc = make_doc(nlp, [(["Ann", "sees", "a", "dog", "."], [1, 1, 3, 1, 1],
                          "nsubj ROOT det obj punct", "NNP VBZ DT NN .")])  # fmt: skip
    parser.calibration = 2.0
    (belief,) = parser.believe([doc])
    found = {tuple(each.annotation): each.probability for each in parser.analyses(doc, MANY)}
    outputs = oracle.projective_trees if kind == "projective_tree" else oracle.trees
    expected = {}
    if kind == "offset_tags":
        scores = belief.scores.astype("float64")
        logs = scores - numpy.log(numpy.exp(scores).sum(1, keepdims=True))
        for y in outputs(n, 0):
            heads = y.argmax(axis=1)
            offsets = numpy.where(heads == 0, 0, heads - 1 - numpy.arange(n))
            tags, deprels = parser.task.tags.of_arcs(belief.scores, offsets)
            if (tags >= 0).all():
                names = [parser.task.tags.deprels[i] for i in deprels]
                arcs = [(i if h == 0 else int(h) - 1, names[i]) for i, h in enumerate(heads)]
                expected[tuple(arcs)] = numpy.exp(sum(logs[range(n), tags]))
    else:
        arc = belief.arcs[0].astype("float64")
        weights = numpy.exp(arc - arc.max())
        rows = {tuple(p): s.astype("float64") for p, s in zip(belief.pairs.tolist(),
                                                              belief.label_scores)}  # fmt: skip
        normal = oracle.head_choices if kind == "head_selection" else outputs
        z = sum(numpy.prod(weights[y > 0]) for y in normal(n, 0))
        for y in outputs(n, 0):
            chance, arcs = numpy.prod(weights[y > 0]) / z, []
            for token, head in enumerate(y.argmax(axis=1).tolist()):
                labels = numpy.exp(rows[token, head - 1])
                chance *= labels.max() / labels.sum()
                arcs.append((token if head == 0 else head - 1, parser.labels[labels.argmax()]))
            expected[tuple(arcs)] = chance
    assert set(found) == set(expected)
    for arcs, chance in expected.items():
        assert found[arcs] == pytest.approx(chance, rel=1e-3)


def test_docs_without_words(nlp):
    for text in ("", " \n "):
        doc = nlp(text)
        for name in NAMES:
            found = nlp.get_pipe(name).analyses(doc, 3)
            if name in SPANS:
                assert found == [(0, len(doc), 1.0, [])]
            elif name not in CATS:
                assert found == []


def test_whitespace_is_part_of_what_is_told_of_its_sentence(nlp):
    doc = nlp("The cat  sees Ann .")
    (best,) = nlp.get_pipe("parser").analyses(doc, 1)
    assert best.annotation == [(token.head.i, token.dep_) for token in doc]
    assert {each.start for each in nlp.get_pipe("tag").analyses(doc)} == {0, 1, 3, 4, 5}


@pytest.mark.parametrize("k", [0, -1, 10_001, 1.5, True])
def test_what_is_no_k(nlp, k):
    with pytest.raises(ValueError, match="^tag: k: expected a whole number from 1 to 10000"):
        nlp.get_pipe("tag").analyses(nlp.make_doc("Go"), k)


@pytest.mark.parametrize("name", ["tag", "textcat"])
def test_a_doc_without_the_vectors_that_it_listens_to_is_refused(nlp, name):
    doc = nlp(TEXT)
    stored = DocBin(docs=[doc], store_user_data=True).to_bytes()
    (read,) = DocBin().from_bytes(stored).get_docs(nlp.vocab)
    with pytest.raises(ValueError, match=rf"^{name}: .* without vectors.* nlp\(doc, disable="):
        analyses_of(nlp, name, read)
    expected = analyses_of(nlp, name, doc)
    assert analyses_of(nlp, name, nlp(read)) == expected
    assert analyses_of(nlp, name, Doc(nlp.vocab).from_bytes(doc.to_bytes())) == expected


def test_a_doc_that_a_doc_cleaner_has_emptied_is_refused_with_what_helps(nlp):
    nlp.add_pipe("doc_cleaner")
    try:
        doc = nlp(TEXT)
        with pytest.raises(ValueError, match=r"nlp\(doc, disable=\['doc_cleaner'\]\)"):
            analyses_of(nlp, "tag", doc)
        expected = analyses_of(nlp, "tag", nlp(TEXT, disable=["doc_cleaner"]))
        assert analyses_of(nlp, "tag", nlp(doc, disable=["doc_cleaner"])) == expected
    finally:
        nlp.remove_pipe("doc_cleaner")
