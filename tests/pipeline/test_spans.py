"""The distilling tagger of entities and of span groups; layer morph."""

import logging
from typing import Any

import numpy
import pytest
import spacy
from conftest import LISTENER, TOK2VEC, train
from entities import ENTITIES, blank_doc, examples, span_examples, texts
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example

from spacy_skd.models.words import word_lengths
from spacy_skd.training.annotation.annotate import annotate

SCORERS = {"linear_chain": "spacy-skd.ChainScorer.v1", "tokens": "spacy-skd.TokenScorer.v1"}


def build(*, structure: str = "linear_chain", architecture: str | None = None, **settings: Any):
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": TOK2VEC})
    model = {"@architectures": architecture or SCORERS[structure], "tok2vec": LISTENER}
    config = {"layer": "ents", "structure": structure, "model": model, **settings}
    nlp.add_pipe("distilling_tagger", "ner", config=config)
    return nlp


@pytest.fixture(scope="module", params=["linear_chain", "tokens"])
def teacher(request, tmp_path_factory):
    spacy.util.fix_random_seed(0)
    nlp = build(structure=request.param, scheme="BIO" if request.param == "tokens" else "BIOES")
    nlp.initialize(lambda: examples(nlp))
    train(nlp, examples(nlp), 60)
    folder = tmp_path_factory.mktemp("spans") / request.param
    nlp.to_disk(folder)
    return folder


def test_learns_from_gold_and_survives_disk_and_bytes(teacher):
    nlp = spacy.load(teacher)
    scores = nlp.evaluate(examples(nlp))
    assert scores["ents_f"] == 1.0
    assert nlp.get_pipe("ner").labels == ("LOC", "PER")
    doc = nlp(blank_doc(nlp, ENTITIES[0][0]))
    assert texts(doc) == [("Ann Lee", "PER"), ("Bob", "PER"), ("New York City", "LOC")]
    copy = spacy.load(teacher)
    copy.from_bytes(nlp.to_bytes())
    assert texts(copy(blank_doc(copy, ENTITIES[1][0]))) == [("Paris", "LOC")]


@pytest.mark.parametrize("structure", ["linear_chain", "tokens"])
@pytest.mark.parametrize("scheme", ["BIO", "BIOES"])
def test_learns_from_a_teacher_without_gold(teacher, structure, scheme):
    spacy.util.fix_random_seed(0)
    nlp = build(structure=structure, scheme=scheme, distill_weight=1.0)
    nlp.add_pipe("skd_teacher", "teacher", config={"teacher": str(teacher)}, first=True)
    raw = examples(nlp, gold=False)
    nlp.initialize(lambda: raw)
    losses = train(nlp, raw, 60)
    assert losses["ner"] < 0.05
    assert nlp.evaluate(examples(nlp))["ents_f"] == 1.0
    assert nlp.get_pipe("teacher").passes == len(raw)


def test_the_best_guess_is_one_sequence(teacher):
    nlp = build(distill_weight=1.0, target="top1")
    config = {"teacher": str(teacher)}
    nlp.add_pipe("skd_teacher", "teacher", config=config, first=True)
    raw = examples(nlp, gold=False)
    nlp.initialize(lambda: raw)
    ner = nlp.get_pipe("ner")
    beliefs = ner.task.learnt(nlp.get_pipe("teacher").beliefs(raw[:1], "ner"))
    bucket_target = ner.task._target(beliefs, ner.task.span_student())
    values = bucket_target.marginals.arrays["unary"][0]
    assert set(values.round(6).ravel().tolist()) == {0.0, 1.0}


def test_a_certain_teacher_of_spans_that_the_student_lacks_does_not_count(teacher, caplog):
    nlp = build(distill_weight=1.0, target="top1")
    config = {"teacher": str(teacher)}
    nlp.add_pipe("skd_teacher", "teacher", config=config, first=True)
    raw = examples(nlp, gold=False)
    ner = nlp.get_pipe("ner")
    labels = nlp.get_pipe("teacher").labels_of("ner")
    ner.initialize(lambda: raw, nlp=nlp, labels=labels[1:])
    beliefs = nlp.get_pipe("teacher").beliefs(raw, "ner")
    lesson = ner.task.lesson(raw, beliefs)
    rows = numpy.zeros((sum(len(eg.predicted) for eg in raw), len(ner.task.tags)), dtype="float32")
    scores = (rows, numpy.zeros((len(ner.task.tags),) * 2, dtype="float32"))
    loss, (gradient, _) = ner.task.loss(lesson, scores)
    assert 0 < loss < numpy.inf
    assert 0 < ner.lost_mass.skipped < len(raw)
    assert "ner: the teacher is certain of labels that the student lacks" in caplog.text
    unmoved = 0
    for eg in raw:
        mine, gradient = gradient[: len(eg.predicted)], gradient[len(eg.predicted) :]
        unmoved += not mine.any()
    assert unmoved == ner.lost_mass.skipped


def test_unknown_tokens_are_partial_gold():
    spacy.util.fix_random_seed(0)
    nlp = build()
    reference = blank_doc(nlp, "Ann Lee saw Bob")
    reference.set_ents([Span(reference, 0, 2, "PER")], default="missing")
    eg = Example(blank_doc(nlp, "Ann Lee saw Bob"), reference)
    nlp.initialize(lambda: [eg])
    pipe = nlp.get_pipe("ner")
    assert pipe.task.layer.gold(eg, scheme="BIOES") == ["B-PER", "E-PER", None, None]
    losses = train(nlp, [eg], 40)
    assert losses["ner"] < 0.01  # what is unknown costs nothing
    assert ("Ann Lee", "PER") in texts(nlp(blank_doc(nlp, "Ann Lee saw Bob")))


def test_tokens_that_do_not_align_are_unknown():
    nlp = build()
    reference = Doc(nlp.vocab, ["New", "York", "City"], ents=["O", "B-LOC", "I-LOC"])
    predicted = Doc(nlp.vocab, ["New York", "City"])
    tags = nlp.get_pipe("ner").task.layer.gold(Example(predicted, reference), scheme="BIOES")
    assert tags[0] is None


def test_docs_without_entities_annotation_have_no_gold():
    nlp = build()
    eg = Example(blank_doc(nlp, "a b"), blank_doc(nlp, "a b"))
    assert nlp.get_pipe("ner").task.layer.gold(eg, scheme="BIOES") == [None, None]


@pytest.mark.parametrize("words", [[], ["Ann"], ["Ann", "\n", "Lee"], [" "]])
def test_short_and_odd_docs(teacher, words):
    nlp = spacy.load(teacher)
    docs = [Doc(nlp.vocab, words), blank_doc(nlp, ENTITIES[0][0]), Doc(nlp.vocab, [])]
    for doc in nlp.pipe(docs):
        assert all(ent.label_ in ("PER", "LOC") for ent in doc.ents)
    believed = nlp.get_pipe("ner").believe(list(nlp.get_pipe("tok2vec").pipe(docs)))
    assert [len(b.scores) for b in believed] == word_lengths(docs)


def test_a_long_doc(teacher):
    nlp = spacy.load(teacher)
    doc = nlp(Doc(nlp.vocab, ENTITIES[0][0].split() * 600))
    assert len(doc.ents) > 600


def test_entities_that_are_there_are_kept_unless_overwrite(teacher):
    nlp = spacy.load(teacher)
    for overwrite, expected in ((False, [("Lee saw", "X"), ("Bob", "PER")]),
                                (True, [("Ann Lee", "PER"), ("Bob", "PER")])):  # fmt: skip
        nlp.get_pipe("ner").task.overwrite = overwrite
        doc = blank_doc(nlp, "Ann Lee saw Bob in New York City .")
        doc.set_ents([Span(doc, 1, 3, "X")])
        assert texts(nlp(doc))[:2] == expected


@pytest.mark.parametrize("structure", ["linear_chain", "tokens"])
def test_span_groups(structure):
    spacy.util.fix_random_seed(0)
    nlp = build(structure=structure, layer="spans")
    nlp.initialize(lambda: span_examples(nlp))
    train(nlp, span_examples(nlp), 60)
    scores = nlp.evaluate(span_examples(nlp))
    assert scores["spans_sc_f"] == 1.0
    doc = nlp(blank_doc(nlp, ENTITIES[0][0]))
    assert [s.text for s in doc.spans["sc"]] == ["Ann Lee", "Bob", "New York City"]
    assert not doc.ents


def test_spans_that_overlap_are_filtered_and_counted(caplog):
    nlp = build(layer="spans")
    eg = examples(nlp)[0]
    ref = eg.reference
    ref.spans["sc"] = [Span(ref, 0, 1, "PER"), Span(ref, 0, 2, "PER"), Span(ref, 3, 4, "PER")]
    layer = nlp.get_pipe("ner").task.layer
    tags = layer.gold(eg, scheme="BIO")
    assert tags[:4] == ["B-PER", "I-PER", "O", "B-PER"]
    assert layer.overlapping == 1
    layer.gold(eg, scheme="BIO")
    assert layer.overlapping == 2
    assert caplog.text.count("spans['sc']: 1 annotated spans of a doc overlap") == 1


def test_a_label_that_the_student_lacks_is_unknown(caplog):
    nlp = build()
    egs = examples(nlp)
    with nlp.select_pipes(enable=["tok2vec", "ner"]):
        nlp.get_pipe("ner").add_label("PER")
    nlp.get_pipe("ner").initialize(lambda: egs, nlp=nlp, labels=["PER"])
    gold = nlp.get_pipe("ner").task.gold(
        [nlp.get_pipe("ner").task.layer.gold(egs[1], scheme="BIOES")]
    )
    assert gold.known.tolist() == [[False, True, True]]


def test_labels_of_teacher_and_student_that_differ_are_named(teacher, caplog):
    nlp = build(distill_weight=1.0)
    nlp.add_pipe("skd_teacher", "teacher", config={"teacher": str(teacher)}, first=True)
    raw = examples(nlp, gold=False)
    caplog.set_level(logging.WARNING)
    nlp.initialize(lambda: raw)
    nlp.get_pipe("ner").initialize(lambda: raw, nlp=nlp, labels=["PER", "ORG"])
    assert "only the teacher has the labels ['LOC']" in caplog.text
    assert "only the student has the labels ['ORG']" in caplog.text
    other = build(distill_weight=1.0)
    other.add_pipe("skd_teacher", "teacher", config={"teacher": str(teacher)}, first=True)
    other._link_components()
    with pytest.raises(ValueError, match="share no label"):
        other.get_pipe("ner").initialize(lambda: raw, nlp=other, labels=["ORG"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"structure": "trees"}, "structure: expected one of tokens, linear_chain"),
        ({"scheme": "IOB1"}, "scheme: expected one of BIO, BIOES"),
        ({"structure": "tokens", "architecture": "spacy-skd.ChainScorer.v1"}, "needs the arch"),
        ({"architecture": "spacy-skd.TokenScorer.v1"}, "spacy-skd.ChainScorer.v1"),
        ({"layer": "tag"}, "layer 'tag' has 'tokens' alone"),
        ({"layer": "none"}, "layer: expected one of tag, pos, morph, lemma, sent, ents, spans"),
    ],
)
def test_settings_that_do_not_fit(settings, message):
    if settings.get("structure") == "trees":
        settings = {**settings, "architecture": "spacy-skd.ChainScorer.v1"}
    if settings.get("layer") == "none":
        settings = {**settings, "structure": "tokens"}
    with pytest.raises(ValueError, match=message):
        build(**settings)


def test_scores_that_are_nan_are_an_error(teacher):
    nlp = spacy.load(teacher)
    nlp.get_pipe("ner").model.get_ref("output_layer").get_param("b")[0] = numpy.nan
    with pytest.raises(ValueError, match="scores are NaN"):
        nlp("Ann saw Bob")


def test_a_teacher_of_another_layer_is_an_error(teacher):
    spacy.util.fix_random_seed(0)
    other = spacy.blank("en")
    model = {"@architectures": "spacy-skd.TokenScorer.v1", "tok2vec": TOK2VEC}
    other.add_pipe("distilling_tagger", "ner", config={"layer": "pos", "model": model})
    doc = Doc(other.vocab, ["Ann", "sleeps"], pos=["PROPN", "VERB"])
    other.initialize(lambda: [Example(Doc(other.vocab, ["Ann", "sleeps"]), doc)])
    believed = other.get_pipe("ner").believe([doc])
    ner = spacy.load(teacher).get_pipe("ner")
    with pytest.raises(ValueError, match="expected a teacher of spans"):
        ner.get_teacher_student_loss(believed, ner.model.predict([doc]))


def test_morphological_features():
    spacy.util.fix_random_seed(0)
    nlp = spacy.blank("en")
    model = {"@architectures": "spacy-skd.TokenScorer.v1", "tok2vec": TOK2VEC}
    nlp.add_pipe("distilling_tagger", "morph", config={"layer": "morph", "model": model})
    words, morphs = ["Dogs", "sleep", "!"], ["Number=Plur", "Tense=Pres|VerbForm=Fin", "_"]
    eg = Example(Doc(nlp.vocab, words), Doc(nlp.vocab, words, morphs=morphs))
    nlp.initialize(lambda: [eg])
    assert set(nlp.get_pipe("morph").labels) == set(morphs)
    train(nlp, [eg], 60)
    doc = nlp(Doc(nlp.vocab, words))
    assert [str(token.morph) for token in doc] == ["Number=Plur", "Tense=Pres|VerbForm=Fin", ""]
    assert all(token.has_morph() for token in doc)
    assert nlp.evaluate([eg])["morph_acc"] == 1.0
    assert nlp.evaluate([eg])["morph_per_feat"]["Number"]["f"] == 1.0
    unknown = Example(Doc(nlp.vocab, words), Doc(nlp.vocab, words))
    assert not any(nlp.get_pipe("morph").task.layer.gold(unknown))


def test_a_student_of_stored_beliefs_has_the_teachers_labels_not_its_tags(teacher, tmp_path):
    gold = spacy.load(teacher)
    DocBin(docs=[eg.reference for eg in examples(gold)]).to_disk(tmp_path / "gold.spacy")
    annotate(teacher, [str(tmp_path / "gold.spacy")], tmp_path / "out")
    nlp = build()
    stored = {"teacher": None, "store": str(tmp_path / "out")}
    nlp.add_pipe("skd_teacher", "teacher", config=stored, first=True)
    unlabelled = examples(nlp, gold=False)
    nlp.initialize(lambda: unlabelled)
    assert set(nlp.get_pipe("ner").labels) == {"PER", "LOC"}
    assert train(nlp, unlabelled, 3)["ner"] > 0
