"""Segments as students and as teachers: entities and span groups with a score for each span."""

import logging

import numpy
import pytest
import spacy
from conftest import LISTENER, TOK2VEC, train
from entities import ENTITIES, blank_doc, examples, span_examples, texts, tokenized_examples
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_skd.models.words import word_lengths
from spacy_skd.structures import FlatSegments
from spacy_skd.training.annotation.annotate import annotate
from spacy_skd.transfer.beliefs import SegmentBelief

SCORERS = {
    "tokens": "spacy-skd.TokenScorer.v1",
    "linear_chain": "spacy-skd.ChainScorer.v1",
    "segments": "spacy-skd.SegmentScorer.v1",
}
TEXT = ENTITIES[0][0]
FOUND = [("Ann Lee", "PER"), ("Bob", "PER"), ("New York City", "LOC")]


def build(*, structure="segments", max_width=4, **settings):
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": TOK2VEC})
    model = {"@architectures": SCORERS[structure], "tok2vec": LISTENER}
    if structure == "segments":
        model.update(max_width=max_width, hidden_width=16, dropout=0.0)
    config = {"layer": "ents", "structure": structure, "model": model, **settings}
    nlp.add_pipe("distilling_tagger", "ner", config=config)
    return nlp


def trained(steps=60, **settings):
    spacy.util.fix_random_seed(0)
    nlp = build(**settings)
    nlp.initialize(lambda: examples(nlp))
    train(nlp, examples(nlp), steps)
    return nlp


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Trained pipelines by structure."""
    folder = tmp_path_factory.mktemp("segments")
    for structure in SCORERS:
        trained(structure=structure).to_disk(folder / structure)
    return folder


@pytest.fixture
def nlp(folder):
    return spacy.load(folder / "segments")


def student(folder, teacher="segments", **settings):
    nlp = build(**{"distill_weight": 1.0, **settings})
    config = {"teacher": str(folder / teacher)}
    nlp.add_pipe("skd_teacher", "teacher", config=config, first=True)
    return nlp


def test_learns_from_gold_and_survives_disk_and_bytes(nlp, folder):
    assert nlp.evaluate(examples(nlp))["ents_f"] == 1.0
    assert nlp.get_pipe("ner").labels == ("LOC", "PER")
    assert nlp.get_pipe("ner").structure == FlatSegments(max_width=4)
    assert texts(nlp(blank_doc(nlp, TEXT))) == FOUND
    copy = spacy.load(folder / "segments")
    copy.from_bytes(nlp.to_bytes())
    assert texts(copy(blank_doc(copy, TEXT))) == FOUND


PAIRS = [(a, b) for a in SCORERS for b in SCORERS if "segments" in (a, b)]


@pytest.mark.parametrize(("teacher", "structure"), PAIRS)
def test_every_family_teaches_every_other(folder, teacher, structure):
    """Without gold, and the labels in another order."""
    spacy.util.fix_random_seed(0)
    wide = {"drop_wide": True} if structure == "segments" else {}
    nlp = student(folder, teacher, structure=structure, **wide)
    raw = examples(nlp, gold=False)
    nlp.initialize(lambda: raw)
    nlp.get_pipe("ner").cfg["labels"].reverse()
    losses = train(nlp, raw, 40)
    assert nlp.evaluate(examples(nlp))["ents_f"] == 1.0
    assert losses["ner"] < 0.2
    assert nlp.get_pipe("teacher").passes == len(raw)


def test_a_chain_that_may_find_wider_spans_is_refused_unless_they_are_dropped(folder):
    nlp = student(folder, "linear_chain", max_width=2)
    raw = examples(nlp, gold=False)
    nlp.initialize(lambda: raw)
    with pytest.raises(ValueError, match=r"up to \d tokens .* max_width = 2.*drop_wide = true"):
        train(nlp, raw, 1)


def test_what_is_dropped_is_reported(folder, caplog):
    nlp = student(folder, "linear_chain", max_width=2, drop_wide=True)
    raw = examples(nlp, gold=False)
    nlp.initialize(lambda: raw)
    train(nlp, raw, 40)
    assert "of the teacher's probability in a batch lies on what the student" in caplog.text
    assert texts(nlp(blank_doc(nlp, TEXT))) == FOUND[:2]  # New York City has three tokens


@pytest.mark.parametrize("teacher", SCORERS)
def test_a_teacher_of_wider_spans_is_conditioned_on_the_students(folder, teacher):
    """Of scores that can be masked, the rest is as likely as it was."""
    nlp = student(folder, teacher, max_width=1, drop_wide=teacher == "linear_chain")
    raw = examples(nlp, gold=False)
    nlp.initialize(lambda: raw)
    train(nlp, raw, 40)
    assert all(len(ent) == 1 for ent in nlp(blank_doc(nlp, TEXT)).ents)


def test_the_best_guess_is_one_segmentation(folder):
    nlp = student(folder, target="top1")
    raw = examples(nlp, gold=False)
    nlp.initialize(lambda: raw)
    beliefs = nlp.get_pipe("teacher").beliefs(raw[:1], "ner")
    lesson = nlp.get_pipe("ner").task.lesson_without_gold(beliefs)
    rows = numpy.full((len(raw[0].predicted), 4, 2), -50, dtype="float32")
    rows[0, 1, 1] = rows[3, 0, 1] = rows[5, 2, 0] = 50
    loss, gradient = nlp.get_pipe("ner").task.loss(lesson, rows)
    assert loss == pytest.approx(0, abs=1e-3)
    assert abs(gradient).max() < 1e-3


def test_a_certain_teacher_of_spans_that_the_student_lacks_does_not_count(folder, caplog):
    nlp = student(folder, target="top1")
    raw, ner = examples(nlp, gold=False), nlp.get_pipe("ner")
    ner.initialize(lambda: raw, nlp=nlp, labels=["PER"])
    beliefs = nlp.get_pipe("teacher").beliefs(raw, "ner")
    rows = numpy.zeros((sum(len(eg.predicted) for eg in raw), 4, 1), dtype="float32")
    loss, gradient = ner.task.loss(ner.task.lesson(raw, beliefs), rows)
    assert 0 < loss < numpy.inf
    assert ner.lost_mass.skipped == 2  # of three docs; two have a place
    assert not gradient[:12].any()
    assert gradient[12:].any()


def test_annotated_spans_that_are_too_wide_are_unknown_and_counted(caplog):
    nlp = build(max_width=2)
    nlp.initialize(lambda: examples(nlp))
    train(nlp, examples(nlp), 40)
    ner = nlp.get_pipe("ner")
    assert ner.task.wide == 40
    assert caplog.text.count("1 annotated spans of a batch are wider than max_width = 2") == 1
    assert texts(nlp(blank_doc(nlp, TEXT)))[:2] == FOUND[:2]


def test_unknown_tokens_are_partial_gold():
    spacy.util.fix_random_seed(0)
    nlp = build()
    reference = blank_doc(nlp, "Ann Lee saw Bob")
    reference.set_ents([Span(reference, 0, 2, "PER")], default="missing")
    eg = Example(blank_doc(nlp, "Ann Lee saw Bob"), reference)
    nlp.initialize(lambda: [eg])
    losses = train(nlp, [eg], 40)
    assert losses["ner"] < 0.01  # what is unknown costs nothing
    assert ("Ann Lee", "PER") in texts(nlp(blank_doc(nlp, "Ann Lee saw Bob")))


def test_span_groups_with_spans_that_overlap():
    """Of spans that nest in the annotation the longest is learnt."""
    spacy.util.fix_random_seed(0)
    nlp = build(layer="spans")
    egs = span_examples(nlp)
    for eg in egs:
        group = eg.reference.spans["sc"]
        group.extend([Span(eg.reference, s.start, s.start + 1, "PER") for s in group if len(s) > 1])
    nlp.initialize(lambda: egs)
    train(nlp, egs, 60)
    assert nlp.get_pipe("ner").task.layer.overlapping > 0
    assert nlp.evaluate(span_examples(nlp))["spans_sc_f"] == 1.0


@pytest.mark.parametrize("words", [[], ["Ann"], ["Ann", "\n", "Lee"], [" "]])
def test_short_and_odd_docs(nlp, words):
    docs = [Doc(nlp.vocab, words), blank_doc(nlp, TEXT), Doc(nlp.vocab, [])]
    assert [texts(doc) for doc in nlp.pipe(docs)][1] == FOUND
    believed = nlp.get_pipe("ner").believe(list(nlp.get_pipe("tok2vec").pipe(docs)))
    assert [b.scores.shape for b in believed] == [(n, 4, 2) for n in word_lengths(docs)]
    for doc in (docs[0], docs[2]):
        eg = Example(Doc(nlp.vocab, [t.text for t in doc]), doc)
        assert numpy.isfinite(nlp.update([eg])["ner"])


def test_a_long_doc(nlp):
    doc = nlp(Doc(nlp.vocab, TEXT.split() * 600))
    assert len(doc.ents) > 600


def test_stored_beliefs(folder, tmp_path):
    """What is stored trains as the teacher itself does."""
    (tmp_path / "raw.txt").write_text("\n".join(text for text, _ in ENTITIES))
    annotate(folder / "segments", [str(tmp_path / "raw.txt")], tmp_path / "out")
    live, stored = student(folder), student(folder)
    stored.get_pipe("teacher").store = str(tmp_path / "out")
    targets = []
    for nlp in (live, stored):
        raw = tokenized_examples(nlp)
        nlp.initialize(lambda raw=raw: raw)
        beliefs = nlp.get_pipe("teacher").beliefs(raw, "ner")
        assert all(isinstance(belief, SegmentBelief) for belief in beliefs)
        rows = numpy.zeros((sum(len(eg.predicted) for eg in raw), 4, 2), dtype="float32")
        ner = nlp.get_pipe("ner")
        targets.append(ner.task.loss(ner.task.lesson_without_gold(beliefs), rows)[1])
    assert live.get_pipe("teacher").passes == len(ENTITIES)
    assert stored.get_pipe("teacher").passes == 0
    numpy.testing.assert_allclose(*targets, atol=2e-3)


def test_rehearsal_keeps_what_was_learnt(nlp):
    nlp.replace_listeners("tok2vec", "ner", ["model.tok2vec"])
    nlp.resume_training()
    raw = examples(nlp, gold=False)
    losses = nlp.get_pipe("ner").rehearse(raw, losses={})
    (scores, _), beliefs = (
        nlp.get_pipe("ner").model.begin_update([eg.predicted for eg in raw]),
        nlp.get_pipe("ner").believe([eg.predicted for eg in raw]),
    )
    loss, gradient = nlp.get_pipe("ner").get_teacher_student_loss(beliefs, scores)
    assert abs(gradient).max() < 1e-5  # it is what it was
    assert losses["ner"] == pytest.approx(loss / 14, rel=1e-3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_width": 0}, "max_width: expected a whole number of at least 1, got 0"),
        ({"layer": "tag"}, "layer 'tag' has 'tokens' alone, got 'segments'"),
        ({"temperature": 0.0}, "temperature"),
    ],
)
def test_settings_that_do_not_fit(settings, message):
    with pytest.raises(ValueError, match=message):
        build(**settings)


@pytest.mark.parametrize("structure", ["tokens", "linear_chain"])
def test_a_model_of_another_structure(structure):
    nlp = spacy.blank("en")
    model = {"@architectures": "spacy-skd.SegmentScorer.v1", "tok2vec": TOK2VEC}
    config = {"layer": "ents", "structure": structure, "model": model}
    with pytest.raises(ValueError, match=f"structure '{structure}' needs the architecture"):
        nlp.add_pipe("distilling_tagger", config=config)


def test_scores_that_are_nan_are_an_error(nlp):
    nlp.get_pipe("ner").model.get_ref("output_layer").get_param("width")[0] = numpy.nan
    with pytest.raises(ValueError, match="scores are NaN"):
        nlp("Ann saw Bob")


def test_labels_that_differ_are_named(folder, caplog):
    caplog.set_level(logging.WARNING)
    nlp = student(folder, "tokens")
    raw = examples(nlp, gold=False)
    nlp.config["initialize"]["components"]["ner"] = {"labels": ["PER", "ORG"]}
    nlp.initialize(lambda: raw)
    train(nlp, raw, 1)
    assert "only the teacher has the labels ['LOC']" in caplog.text
    assert "only the student has the labels ['ORG']" in caplog.text
