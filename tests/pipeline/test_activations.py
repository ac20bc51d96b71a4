"""`doc._.activations`: the probabilities behind the annotation."""

import numpy
import pytest
import spacy
from all_components import NAMES, TEXTS, annotation, build, gold_examples
from conftest import train
from spacy.tokens import Doc

from spacy_skd.structures import (
    HeadSelection,
    IndependentLabels,
    LinearChain,
    Parts,
    Run,
    SpanningTrees,
    run_probabilities,
)

SPAN_PIPES = ("ner", "bio", "spans")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    spacy.util.fix_random_seed(0)
    nlp = build()
    nlp.initialize(lambda: gold_examples(nlp))
    train(nlp, gold_examples(nlp), 30)
    folder = tmp_path_factory.mktemp("activations")
    nlp.to_disk(folder)
    return folder


@pytest.fixture
def nlp(folder):
    nlp = spacy.load(folder)
    for name in NAMES:
        nlp.get_pipe(name).save_activations = True
    return nlp


def test_off_by_default_and_nothing_is_computed(folder, monkeypatch):
    nlp = spacy.load(folder)

    def never(*args):
        raise AssertionError("marginals were computed")

    for structure in (IndependentLabels, LinearChain, SpanningTrees, HeadSelection):
        monkeypatch.setattr(structure, "infer", never)
    for name in ("textcat", "multilabel"):  # which write marginals
        nlp.remove_pipe(name)
    docs = list(nlp.pipe(TEXTS))
    assert not any(doc.user_data for doc in docs)
    nlp.get_pipe("tag").save_activations = True
    with pytest.raises(AssertionError, match="marginals were computed"):
        nlp("Go !")


def test_the_setting_of_the_config(folder):
    config = {"components.ner.save_activations": True, "components.parser.save_activations": True}
    doc = spacy.load(folder, config=config)("Go !")
    assert set(doc._.activations) == {"ner", "parser"}


def test_the_annotation_and_the_passes_are_the_same(nlp, folder):
    passes = dict.fromkeys(NAMES, 0)

    def counted(name, forward):
        def count(*args, **kwargs):
            passes[name] += 1
            return forward(*args, **kwargs)

        return count

    for name in NAMES:
        model = nlp.get_pipe(name).model
        model._func = counted(name, model._func)
    found = [annotation(doc) for doc in nlp.pipe(TEXTS, batch_size=100)]
    assert found == [annotation(doc) for doc in spacy.load(folder).pipe(TEXTS)]
    assert set(passes.values()) == {1}


@pytest.mark.parametrize("name", ["sent", "tag", "pos", "morph"])
def test_tokens(nlp, name):
    pipe = nlp.get_pipe(name)
    for doc in nlp.pipe(TEXTS):
        found = doc._.activations[name]
        assert found["marginals"].shape == (len(doc), len(pipe.labels))
        numpy.testing.assert_allclose(found["marginals"].sum(axis=1), 1, atol=1e-5)
        if name != "sent":
            assert (found["label_ids"] == found["marginals"].argmax(axis=1)).all()
        chosen = found["marginals"][numpy.arange(len(doc)), found["label_ids"]]
        numpy.testing.assert_array_equal(found["confidences"], chosen)
        if name == "tag":
            assert [pipe.labels[i] for i in found["label_ids"]] == [t.tag_ for t in doc]


@pytest.mark.parametrize("structure", [SpanningTrees(single_root=True), HeadSelection()])
def test_trees(nlp, structure):
    parser = nlp.get_pipe("parser")
    parser.task.structure = structure
    docs = list(nlp.pipe(TEXTS))
    beliefs = parser.believe(docs)
    for doc, belief in zip(docs, beliefs):
        found = doc._.activations["parser"]
        numpy.testing.assert_array_equal(found["units"], belief.units)
        assert [parser.labels[i] for i in found["label_ids"]] == [t.dep_ for t in doc]
        pairs = [tuple(pair) for pair in belief.pairs.tolist()]
        for (start, end), marginals, arc in zip(found["units"], found["marginals"], belief.arcs):
            assert marginals.shape == (end - start, end - start + 1)
            scores = Parts({"arc": arc[None]}, numpy.asarray([len(arc)]))
            expected = structure.infer(scores)[1].arrays["arc"][0]
            numpy.testing.assert_allclose(marginals, expected, atol=1e-4)
            for token in doc[start:end]:
                head = 0 if token.head == token else token.head.i - start + 1
                pair = (token.i, -1 if head == 0 else token.head.i)
                deprels = belief.label_scores[pairs.index(pair)].astype("float64")
                deprels = numpy.exp(deprels - deprels.max())
                deprels /= deprels.sum()
                numpy.testing.assert_allclose(found["label_marginals"][token.i], deprels, atol=1e-4)
                chance = expected[token.i - start, head] * deprels[found["label_ids"][token.i]]
                assert found["confidences"][token.i] == pytest.approx(chance, abs=1e-4)


@pytest.mark.parametrize("name", SPAN_PIPES)
def test_spans(nlp, name):
    """Of one token, a span's probability is that of its tag (S; B that nothing follows)."""
    pipe = nlp.get_pipe(name)
    some = 0
    for doc in nlp.pipe(TEXTS):
        found = doc._.activations[name]
        assert found["marginals"].shape == (len(doc), len(pipe.task.tags))
        numpy.testing.assert_allclose(found["marginals"].sum(axis=1), 1, atol=1e-5)
        assert found["confidences"].shape == (len(found["spans"]),)
        assert ((found["confidences"] > 0) & (found["confidences"] <= 1)).all()
        for (start, end, label), chance in zip(found["spans"], found["confidences"]):
            some += 1
            tags = [pipe.task.tags[tag] for tag in found["label_ids"][start:end]]
            assert {tag[2:] for tag in tags} == {pipe.labels[label]}
            marginal = found["marginals"][start, found["label_ids"][start]]
            if end - start == 1 and name != "bio":
                assert chance == pytest.approx(marginal, abs=1e-5)
            assert chance <= marginal + 1e-6
    assert some
    doc = nlp(TEXTS[0])
    entities = {(ent.start, ent.end, ent.label_) for ent in doc.ents}
    spans = doc._.activations["bio"]["spans"].tolist()
    assert {(a, b, nlp.get_pipe("bio").labels[c]) for a, b, c in spans} == entities


def test_a_span_of_bio_ends_where_its_label_does_not_go_on(nlp):
    """P(B) = P(a span of this one token) + P(B, I)."""
    bio = nlp.get_pipe("bio")
    doc = nlp(TEXTS[0])
    (belief,) = bio.believe([doc])
    n = len(belief.labels)
    arrays = {"unary": belief.scores[None], "transition": numpy.zeros((1, n, n), "float32")}
    scores = bio.task.rules.add_to(Parts(arrays, numpy.asarray([len(doc)])))
    found = doc._.activations["bio"]
    assert len(found["spans"])
    for (start, end, label), chance in zip(found["spans"].tolist(), found["confidences"]):
        assert end == start + 1
        b, i = (bio.task.tags.index(f"{prefix}-{bio.labels[label]}") for prefix in "BI")
        (longer,) = run_probabilities(scores, [Run(0, start, (b, i))])
        assert longer > 1e-6
        assert chance + longer == pytest.approx(found["marginals"][start, b], rel=1e-5)


def test_segments(nlp):
    """The probability of each span, under the belief's scores."""
    pipe, some = nlp.get_pipe("segments"), 0
    docs = list(nlp.pipe(TEXTS))
    for doc, belief in zip(docs, pipe.believe(docs)):
        found = doc._.activations["segments"]
        assert found["marginals"].shape == (len(doc), pipe.task.max_width, len(pipe.labels))
        written = [(span.start, span.end, span.label_) for span in doc.spans["seg"]]
        assert [(a, b, pipe.labels[c]) for a, b, c in found["spans"]] == written
        if len(doc):
            scores = Parts({"span": belief.scores[None]}, numpy.asarray([len(doc)]))
            expected = pipe.structure.infer(scores)[1].arrays["span"][0]
            numpy.testing.assert_allclose(found["marginals"], expected, atol=1e-5)
        for (start, end, label), chance in zip(found["spans"], found["confidences"]):
            assert chance == found["marginals"][start, end - start - 1, label] > 0.1
            some += 1
    assert some


def assert_same(a, b):
    if isinstance(a, dict):
        assert set(a) == set(b)
        for key in a:
            assert_same(a[key], b[key])
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b)
        for x, y in zip(a, b):
            assert_same(x, y)
    else:
        assert a.dtype == b.dtype
        numpy.testing.assert_array_equal(a, b)


def test_bytes(nlp):
    for doc in nlp.pipe(TEXTS):
        again = Doc(nlp.vocab).from_bytes(doc.to_bytes())
        assert_same(again._.activations, doc._.activations)
        assert set(doc._.activations) == set(NAMES)


def test_processes(nlp):
    texts = TEXTS * 3
    expected = [doc._.activations for doc in nlp.pipe(texts, batch_size=4)]
    found = [doc._.activations for doc in nlp.pipe(texts, n_process=2, batch_size=4)]
    for a, b in zip(expected, found):
        assert_same(a, b)


def test_an_extension_of_ones_own_of_that_name(folder):
    nlp = spacy.load(folder, config={"components.tag.save_activations": True})
    own = Doc.get_extension("activations")
    Doc.set_extension("activations", default=None, force=True)
    try:
        with pytest.raises(ValueError, match=r"tag: save_activations: expected a dict in doc\._\."):
            nlp("Go !")
    finally:
        Doc.set_extension("activations", default=own[0], force=True)
