"""Spans that nest and cross, as students and as teachers."""

import numpy
import pytest
import spacy
from conftest import LISTENER, TOK2VEC, train
from entities import blank_doc
from spacy.cli.find_threshold import find_threshold
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example
from spacy.util import filter_spans

from spacy_skd.layers.base import Drawing
from spacy_skd.layers.known import find_layer
from spacy_skd.structures import IndependentSpans
from spacy_skd.training.annotation.annotate import annotate
from spacy_skd.transfer.beliefs import SegmentBelief

TEXTS = {
    "the mayor of New York City spoke": [(0, 6, "PER"), (3, 6, "LOC"), (5, 6, "LOC")],
    "Ann met the friends of Bob": [(0, 1, "PER"), (2, 6, "PER"), (5, 6, "PER")],
    "Go !": [],
}
TEXT, NESTED = next(iter(TEXTS.items()))
SCORERS = {
    "independent_spans": "SegmentScorer",
    "segments": "SegmentScorer",
    "linear_chain": "ChainScorer",
}


def build(*, structure="independent_spans", max_width=6, layer="spans", **settings):
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": TOK2VEC})
    model = {"@architectures": f"spacy-skd.{SCORERS[structure]}.v1", "tok2vec": LISTENER}
    if structure != "linear_chain":
        model.update(max_width=max_width, hidden_width=16, dropout=0.0)
    config = {"layer": layer, "structure": structure, "model": model, **settings}
    nlp.add_pipe("distilling_tagger", "sc", config=config)
    return nlp


def annotated(nlp, text, spans):
    doc = blank_doc(nlp, text)
    doc.spans["sc"] = [Span(doc, *span) for span in spans]
    return doc


def gold(nlp):
    docs = [annotated(nlp, text, spans) for text, spans in TEXTS.items()]
    return [Example(blank_doc(nlp, doc.text), doc) for doc in docs]


def raw(nlp):
    return [Example(blank_doc(nlp, text), blank_doc(nlp, text)) for text in TEXTS]


def found(doc):
    return sorted((s.start, s.end, s.label_) for s in doc.spans["sc"])


def trained(steps=80, **settings):
    spacy.util.fix_random_seed(0)
    nlp = build(**settings)
    nlp.initialize(lambda: gold(nlp))
    train(nlp, gold(nlp), steps)
    return nlp


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("spans")
    for structure in SCORERS:
        trained(structure=structure).to_disk(folder / structure)
    trained(max_positive=None).to_disk(folder / "yes-no")
    nlp = spacy.blank("en")
    DocBin(docs=[eg.reference for eg in gold(nlp)]).to_disk(folder / "dev.spacy")
    return folder


@pytest.fixture
def nlp(folder):
    return spacy.load(folder / "independent_spans")


def student(folder, teacher="independent_spans", **settings):
    nlp = build(**{"distill_weight": 1.0, **settings})
    config = {"teacher": str(folder / teacher)}
    nlp.add_pipe("skd_teacher", "teacher", config=config, first=True)
    return nlp


@pytest.mark.parametrize("kind", ["independent_spans", "yes-no"])
def test_learns_nested_spans_and_survives_disk_and_bytes(folder, kind):
    nlp = spacy.load(folder / kind)
    assert nlp.evaluate(gold(nlp))["spans_sc_f"] == 1.0
    structure = IndependentSpans(max_width=6, one_label=kind == "independent_spans")
    assert nlp.get_pipe("sc").structure == structure
    assert found(nlp(blank_doc(nlp, TEXT))) == sorted(NESTED)
    copy = spacy.load(folder / kind)
    copy.from_bytes(nlp.to_bytes())
    assert found(copy(blank_doc(copy, TEXT))) == sorted(NESTED)


@pytest.mark.parametrize("max_positive", [1, None])
def test_it_starts_with_as_many_spans_as_gold_has(max_positive):
    """By width and label: what gold says, and where it says nothing one span in four words."""
    nlp = build(max_positive=max_positive)
    examples = gold(nlp) * 400
    nlp.initialize(lambda: examples)
    pipe = nlp.get_pipe("sc")
    docs = list(nlp.get_pipe("tok2vec").pipe([blank_doc(nlp, TEXT)]))
    (belief,) = pipe.believe(docs)
    spans = [s for eg in examples for s in eg.reference.spans["sc"]]
    rates = numpy.zeros((6, len(pipe.labels)))
    for span in spans:
        rates[len(span) - 1, pipe.labels.index(span.label_)] += 1
    rates /= sum(len(eg.predicted) for eg in examples)
    odds = numpy.exp(belief.scores[0].astype("float64"))
    none = 1 + (odds.sum(axis=1, keepdims=True) if max_positive else odds)
    numpy.testing.assert_allclose(odds / none, rates, rtol=0.5, atol=0.01)

    nlp = build(max_positive=max_positive)
    nlp.get_pipe("sc").add_label("A")
    nlp.initialize(lambda: raw(nlp))
    width = nlp.get_pipe("sc").model.get_ref("output_layer").get_param("width")
    assert numpy.exp(width.astype("float64")).sum() == pytest.approx(1 / 4, rel=0.05)


PAIRS = [(teacher, structure) for teacher in (*SCORERS, "yes-no") for structure in SCORERS
         if "independent_spans" in (teacher, structure) or teacher == "yes-no"]  # fmt: skip


@pytest.mark.parametrize(("teacher", "structure"), PAIRS)
def test_every_family_teaches_every_other(folder, teacher, structure):
    """Without gold. What is flat learns what is likeliest without an overlap."""
    spacy.util.fix_random_seed(0)
    nlp = student(folder, teacher, structure=structure)
    examples = raw(nlp)
    nlp.initialize(lambda: examples)
    nlp.get_pipe("sc").cfg["labels"].reverse()
    train(nlp, examples, 80)
    own = spacy.load(folder / teacher)
    for text in TEXTS:
        expected, learnt = (found(each(blank_doc(each, text))) for each in (own, nlp))
        if structure == "independent_spans" or teacher in SCORERS and "ind" not in teacher:
            assert learnt == expected
        else:
            assert set(learnt) <= set(expected)
            assert bool(learnt) == bool(expected)


@pytest.mark.parametrize("structure", ["independent_spans", "segments"])
@pytest.mark.parametrize("target", ["top1", "topk"])
def test_best_guesses_are_learnt(folder, structure, target):
    nlp = student(folder, structure=structure, target=target, **({"k": 2} if "k" in target else {}))
    examples = raw(nlp)
    nlp.initialize(lambda: examples)
    train(nlp, examples, 60)
    learnt = found(nlp(blank_doc(nlp, TEXT)))
    if structure == "segments":
        assert set(learnt) < set(NESTED)
        assert learnt
    elif target == "top1":
        assert learnt == sorted(NESTED)


def test_stored_beliefs(folder, tmp_path):
    """What is stored trains as the teacher itself does."""
    (tmp_path / "raw.txt").write_text("\n".join(TEXTS))
    annotate(folder / "yes-no", [str(tmp_path / "raw.txt")], tmp_path / "out")
    live, stored = student(folder, "yes-no"), student(folder, "yes-no")
    stored.get_pipe("teacher").store = str(tmp_path / "out")
    targets = []
    for nlp in (live, stored):
        docs = [nlp.make_doc(text) for text in TEXTS]
        examples = [Example(doc, doc.copy()) for doc in docs]
        nlp.initialize(lambda examples=examples: examples)
        beliefs = nlp.get_pipe("teacher").beliefs(examples, "sc")
        assert all(isinstance(belief, SegmentBelief) for belief in beliefs)
        assert {belief.structure for belief in beliefs} == {IndependentSpans(6, one_label=False)}
        rows = numpy.zeros((sum(map(len, docs)), 6, 2), dtype="float32")
        pipe = nlp.get_pipe("sc")
        targets.append(pipe.task.loss(pipe.task.lesson_without_gold(beliefs), rows)[1])
    assert stored.get_pipe("teacher").passes == 0
    numpy.testing.assert_allclose(*targets, atol=2e-3)


# Prediction


def chances(nlp, text):
    """(start, end, label) -> probability, of all spans."""
    docs = list(nlp.get_pipe("tok2vec").pipe([blank_doc(nlp, text)]))
    (belief,) = nlp.get_pipe("sc").believe(docs)
    odds = numpy.exp(belief.scores.astype("float64"))
    total = 1 + (odds.sum(axis=-1, keepdims=True) if belief.structure.one_label else odds)
    return {
        (i, i + w + 1, belief.labels[label]): p
        for (i, w, label), p in numpy.ndenumerate(odds / total)
        if i + w < len(docs[0])
    }


@pytest.mark.parametrize("threshold", [0.0, 0.001, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("max_positive", [1, 2, None])
def test_a_span_has_the_likeliest_labels_from_the_threshold_on(folder, threshold, max_positive):
    task = {"threshold": threshold, "max_positive": max_positive}
    kind = "independent_spans" if max_positive == 1 else "yes-no"
    nlp = spacy.load(folder / kind, config={"components": {"sc": task}})
    expected = chances(nlp, TEXT)
    doc = nlp(blank_doc(nlp, TEXT))
    kept = []
    for edges in {span[:2] for span in expected}:
        of_span = sorted((-p, s) for s, p in expected.items() if s[:2] == edges and p >= threshold)
        kept += [span for _, span in of_span[:max_positive]]
    assert found(doc) == sorted(kept)
    scores = doc.spans["sc"].attrs["scores"].tolist()
    assert scores == pytest.approx([expected[s.start, s.end, s.label_] for s in doc.spans["sc"]])


def test_annotation_that_is_there_stays_unless_it_may_be_replaced(folder, nlp):
    doc = annotated(nlp, TEXT, [(6, 7, "ACT")])
    assert found(nlp(doc)) == sorted([*NESTED, (6, 7, "ACT")])
    assert numpy.isnan(doc.spans["sc"].attrs["scores"]).tolist() == [True, False, False, False]
    doc.spans["sc"] = [Span(doc, s.start, s.end, s.label, kb_id="Q1") for s in doc.spans["sc"]]
    assert found(nlp(doc)) == sorted([*NESTED, (6, 7, "ACT")])  # each is there once, as it is
    assert {span.kb_id_ for span in doc.spans["sc"]} == {"Q1"}
    assert numpy.isnan(doc.spans["sc"].attrs["scores"]).tolist() == [True, False, False, False]
    nlp = spacy.load(folder / "yes-no", config={"components": {"sc": {"overwrite": True}}})
    doc = nlp(annotated(nlp, TEXT, [(6, 7, "ACT")]))
    assert found(doc) == sorted(NESTED)
    assert len(doc.spans["sc"].attrs["scores"]) == 3
    assert found(Doc(nlp.vocab).from_bytes(doc.to_bytes())) == sorted(NESTED)


def test_spacy_finds_a_threshold(folder):
    best, score, _ = find_threshold(
        str(folder / "independent_spans"), folder / "dev.spacy", "sc", "threshold", "spans_sc_f",
        n_trials=3,
    )  # fmt: skip
    assert (best, score) == (0.5, 1.0)


def test_activations(nlp):
    nlp.get_pipe("sc").save_activations = True
    doc = nlp(Doc(nlp.vocab, ["\n", *TEXT.split()]))
    kept = doc._.activations["sc"]
    assert kept["marginals"].shape == (8, 6, 2)
    labels = nlp.get_pipe("sc").labels
    spans = [(a, b, labels[label]) for a, b, label in kept["spans"].tolist()]
    assert sorted(spans) == sorted((a + 1, b + 1, label) for a, b, label in NESTED)
    numpy.testing.assert_allclose(kept["confidences"], doc.spans["sc"].attrs["scores"], atol=1e-6)


@pytest.mark.parametrize("words", [[], ["Ann"], ["Ann", "\n", "Lee"], [" "]])
def test_short_and_odd_docs(nlp, words):
    docs = [Doc(nlp.vocab, words), blank_doc(nlp, TEXT), Doc(nlp.vocab, [])]
    assert [found(doc) for doc in nlp.pipe(docs)][1] == sorted(NESTED)
    for doc in (docs[0], docs[2]):
        eg = Example(Doc(nlp.vocab, [t.text for t in doc]), doc)
        assert numpy.isfinite(nlp.update([eg])["sc"])


def test_draws_for_groups_overlap_and_those_of_entities_do_not(folder):
    """Gold for stock components, of a teacher that holds all sets of spans alike."""
    nlp = spacy.blank("en")
    scores = numpy.zeros((4, 3, 2), dtype="float32")
    belief = SegmentBelief(IndependentSpans(3), ("LOC", "PER"), scores)
    how = Drawing(numpy.random.default_rng(0), 1.0, False, nlp)
    overlaps = 0
    for _ in range(20):
        doc = blank_doc(nlp, "a b c d")
        find_layer("ents").draw(doc, belief, how)
        find_layer("spans:sc").draw(doc, belief, how)
        overlaps += len(filter_spans(doc.spans["sc"])) < len(doc.spans["sc"])
    assert overlaps > 10


# Gold


def lesson(nlp, reference, words=None):
    """(gold of one bucket, its task)."""
    predicted = Doc(nlp.vocab, words or [token.text for token in reference])
    task = nlp.get_pipe("sc").task
    return task.gold([task.known(Example(predicted, reference))]), task


def cells(array):
    return [tuple(cell) for cell in numpy.argwhere(array[0]).tolist()]


def test_a_doc_without_the_group_is_unknown_and_an_empty_group_says_that_there_is_none(nlp):
    none, _ = lesson(nlp, blank_doc(nlp, TEXT))
    empty, _ = lesson(nlp, annotated(nlp, TEXT, []))
    assert none.empty.all()
    assert empty.complete.all()
    assert not empty.indicators.arrays["span"].any()
    task = nlp.get_pipe("sc").task
    assert not task.has_gold(Example(blank_doc(nlp, TEXT), blank_doc(nlp, TEXT)))
    assert task.has_gold(Example(blank_doc(nlp, TEXT), annotated(nlp, TEXT, [])))


def test_spans_that_are_too_wide_are_left_out_and_counted(caplog):
    nlp = build(max_width=3)
    nlp.initialize(lambda: gold(nlp))
    train(nlp, gold(nlp), 80)
    task = nlp.get_pipe("sc").task
    assert task.wide == 160
    warning = "2 annotated spans of a batch are wider than max_width = 3; they are left out"
    assert caplog.text.count(warning) == 1
    assert found(nlp(blank_doc(nlp, TEXT))) == sorted(NESTED[1:])


def test_a_span_with_two_labels_is_unknown_where_it_has_one(folder, caplog):
    both = [(0, 2, "PER"), (0, 2, "LOC"), (3, 4, "LOC"), (3, 4, "LOC")]
    nlp = spacy.load(folder / "independent_spans")
    known, task = lesson(nlp, annotated(nlp, TEXT, both))
    assert task.doubled == 1
    assert "1 annotated spans of a batch have several labels" in caplog.text
    assert cells(known.unknown) == [(0, 1)]
    assert cells(known.indicators.arrays["span"]) == [(3, 0, 0)]
    nlp = spacy.load(folder / "yes-no")
    known, task = lesson(nlp, annotated(nlp, TEXT, both))
    assert task.doubled == 0
    assert known.complete.all()
    assert cells(known.indicators.arrays["span"]) == [(0, 1, 0), (0, 1, 1), (3, 0, 0)]


def test_spans_that_end_within_a_token_are_unknown_with_it_and_without(nlp, caplog):
    words = ["Ann", "met", "Bob", "Lee's", "dog"]
    spaces = [True, True, True, True, False]
    own = ["Ann", "met", "Bob", "Lee", "'s", "dog"]
    reference = Doc(nlp.vocab, own, [True, True, True, False, True, False])
    reference.spans["sc"] = [Span(reference, 0, 1, "PER"), Span(reference, 2, 4, "PER")]
    task = nlp.get_pipe("sc").task
    known = task.gold([task.known(Example(Doc(nlp.vocab, words, spaces), reference))])
    assert cells(known.unknown) == [(2, 0), (2, 1)]
    assert not known.complete.any()
    assert not known.empty.any()
    assert known.indicators.arrays["span"].sum() == 1
    assert task.layer.misaligned == 1
    assert "1 annotated spans of a doc begin or end within a token" in caplog.text


def test_a_label_that_the_student_lacks_is_unknown(nlp):
    known, _ = lesson(nlp, annotated(nlp, TEXT, [(0, 2, "NEW"), (3, 4, "LOC")]))
    assert cells(known.unknown) == [(0, 1)]
    assert known.indicators.arrays["span"].sum() == 1


@pytest.mark.parametrize("kind", ["independent_spans", "yes-no"])
def test_partial_gold_is_log_z_less_that_of_what_is_allowed(folder, kind):
    """And its gradient, by finite differences."""
    nlp = spacy.load(folder / kind)
    words = ["Ann", "met", "Bob", "Lee's"]
    reference = Doc(nlp.vocab, ["Ann", "met", "Bob", "Lee", "'s"], [True, True, True, False, False])
    reference.spans["sc"] = [Span(reference, 0, 1, "PER"), Span(reference, 2, 4, "PER")]
    eg = Example(Doc(nlp.vocab, words, [True, True, True, False]), reference)
    pipe = nlp.get_pipe("sc")
    task_lesson = pipe.task.lesson([eg], None)
    rows = numpy.random.default_rng(0).normal(size=(4, 6, 2))
    loss, gradient = pipe.task.loss(task_lesson, rows)
    expected = 0.0
    for (i, w), scores in ((place, rows[place]) for place in numpy.ndindex(4, 6)):
        if i + w >= 4 or (i, w) in ((2, 0), (2, 1)):
            continue
        is_ann = numpy.asarray([0, 1]) * ((i, w) == (0, 0))  # of LOC, PER
        if kind == "yes-no":
            expected += (numpy.log1p(numpy.exp(scores)) - is_ann * scores).sum()
        else:
            expected += numpy.log1p(numpy.exp(scores).sum()) - (is_ann * scores).sum()
    assert loss == pytest.approx(expected)
    direction = numpy.random.default_rng(1).normal(size=rows.shape)
    ups, downs = (pipe.task.loss(task_lesson, rows + e * direction)[0] for e in (1e-5, -1e-5))
    assert (gradient * direction).sum() == pytest.approx((ups - downs) / 2e-5, abs=1e-6)


def test_spans_that_annotators_refused_cost_minus_the_log_of_one_minus_their_probability():
    nlp = build(incorrect_spans_key="wrong")
    nlp.initialize(lambda: gold(nlp))
    reference = blank_doc(nlp, TEXT)
    reference.spans["wrong"] = [Span(reference, 0, 2, "PER"), Span(reference, 0, 1, "PER")]
    pipe = nlp.get_pipe("sc")
    task_lesson = pipe.task.lesson([Example(blank_doc(nlp, TEXT), reference)], None)
    rows = numpy.random.default_rng(0).normal(size=(7, 6, 2))
    odds = numpy.exp(rows[0, :2])
    p = odds[:, 1] / (1 + odds.sum(axis=-1))  # of PER
    assert pipe.task.loss(task_lesson, rows)[0] == pytest.approx(-numpy.log1p(-p).sum())


# Settings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"layer": "ents"},
            "spans of layer 'ents' do not overlap, those of 'independent_spans' do",
        ),
        (
            {"max_positive": 0},
            "max_positive: expected a whole number of at least 1, or null, got 0",
        ),
        ({"threshold": 1.5}, "threshold: expected a number from 0 to 1, got 1.5"),
        ({"drop_wide": True}, "drop_wide: does not apply to layer 'spans' with structure 'indep"),
        ({"scheme": "BIO"}, "scheme: does not apply"),
        ({"target": "token"}, "target 'token': expected a structure with scores of tokens"),
        ({"structure": "segments", "max_positive": None}, "max_positive: does not apply"),
        ({"temperature_kind": "local"}, "temperature_kind 'local' is there for"),
    ],
)
def test_settings_that_do_not_fit(settings, message):
    with pytest.raises(ValueError, match=f"sc: .*{message}|{message}"):
        build(**settings)


def test_a_model_of_another_structure():
    nlp = spacy.blank("en")
    model = {"@architectures": "spacy-skd.ChainScorer.v1", "tok2vec": TOK2VEC}
    config = {"layer": "spans", "structure": "independent_spans", "model": model}
    with pytest.raises(ValueError, match="needs the architecture spacy-skd.SegmentScorer.v1"):
        nlp.add_pipe("distilling_tagger", config=config)


def test_scores_that_are_nan_are_an_error(nlp):
    nlp.get_pipe("sc").model.get_ref("output_layer").get_param("width")[0] = numpy.nan
    with pytest.raises(ValueError, match="scores are NaN"):
        nlp("Ann saw Bob")
