"""Every kind of parser teaches every other; what each predicts, and survives."""

import random

import numpy
import pytest
import spacy
from conftest import gold_examples
from parsers import (
    KINDS,
    STRUCTURES,
    build,
    crossing_example,
    is_forest,
    is_projective,
    trained,
    with_sentences,
)
from spacy.tokens import Doc
from spacy.training import Example
from taught import scores_of_lesson
from thinc.api import Adam

from spacy_skd.codecs.units import make_buckets
from spacy_skd.models.words import punctuation_starts
from spacy_skd.transfer import HeadLabelBelief, TreeBelief
from spacy_skd.transfer.annealing import as_schedule

TEXTS = ["The cat sees Ann . Dogs sleep well", "Go !", "", "x", "She gave him the book " * 5]


@pytest.fixture(scope="module")
def teachers():
    return {kind: trained(kind) for kind in KINDS}


def lesson(teacher, student):
    pairs = zip(with_sentences(student), with_sentences(teacher))
    return [Example(mine, theirs) for mine, theirs in pairs]


def labels_for(kind, teachers):
    """In another order than the teacher's."""
    like = "offset_tags" if kind == "offset_tags" else "tree"
    return list(teachers[like].get_pipe("parser").labels)[::-1]


@pytest.mark.parametrize("student_kind", KINDS)
@pytest.mark.parametrize("teacher_kind", KINDS)
def test_every_kind_teaches_every_kind(teachers, teacher_kind, student_kind):
    teacher, student = teachers[teacher_kind].get_pipe("parser"), build(student_kind)
    spacy.util.fix_random_seed(1)
    pipe = student.get_pipe("parser")
    labels = labels_for(student_kind, teachers)
    pipe.initialize(lambda: gold_examples(student), nlp=student, labels=labels)
    examples, sgd = lesson(teachers[teacher_kind], student), Adam(0.01)
    losses = [pipe.distill(teacher, examples, sgd=sgd, losses={})["parser"] for _ in range(20)]
    assert losses[-1] < 0.6 * losses[0]
    docs = list(student.pipe(with_sentences(student)))
    assert all(map(is_forest, docs))
    gold = [t.head.i for eg in gold_examples(student) for t in eg.reference]
    assert numpy.mean([a == b for a, b in zip(gold, (t.head.i for d in docs for t in d))]) > 0.7


@pytest.mark.parametrize("kind", KINDS)
def test_any_text_gets_rooted_trees_by_any_weights(kind):
    nlp = build(kind)
    nlp.initialize(lambda: gold_examples(nlp))
    pipe, rng = nlp.get_pipe("parser"), numpy.random.default_rng(0)
    for node in pipe.model.walk():
        for name in node.param_names:
            if node.has_param(name) and node.get_param(name) is not None:
                shape = node.get_param(name).shape
                node.set_param(name, rng.normal(size=shape).astype("float32"))
    docs = list(nlp.pipe(TEXTS))
    assert all(map(is_forest, docs))
    for doc in docs:
        assert len(list(doc.sents)) == sum(punctuation_starts(doc))
    assert pipe.predict([]).best == []
    if kind == "projective_tree":
        assert all(map(is_projective, docs))
        assert not all(map(is_projective, unconstrained(nlp)))


def unconstrained(nlp):
    """Trees by the same scores without the constraint."""
    pipe = nlp.get_pipe("parser")
    structure, pipe.task.structure = pipe.structure, STRUCTURES["tree"]
    try:
        return list(nlp.pipe(TEXTS))
    finally:
        pipe.task.structure = structure


def test_a_gold_tree_that_crosses_is_no_gold_to_a_student_of_projective_trees(caplog):
    nlp = build("projective_tree")
    pipe = nlp.get_pipe("parser")
    examples = [*gold_examples(nlp), crossing_example(nlp), crossing_example(nlp)]
    nlp.initialize(lambda: examples)
    plan = pipe.task.lesson(examples, None)
    scores = scores_of_lesson(pipe, [eg.predicted for eg in examples], plan)
    loss, (d_arcs, d_labels) = pipe.task.loss(plan, scores)
    assert pipe.task.gold_trees.refused == 2
    pipe.task.loss(plan, scores)
    assert pipe.task.gold_trees.refused == 4
    (line,) = [m for m in caplog.messages if "no projective tree" in m]
    assert line.startswith("parser: the annotation of 2 units")
    silent = [not d[i, :n].any() for b, p in zip(scores[0], d_arcs) for d in [p.arrays["arc"]]
              for i, n in enumerate(b.lengths)]  # fmt: skip
    assert sum(silent) == 2
    spans = plan.spans[[-2, -1]]
    crossing = (plan.pairs[:, 0:1] >= spans[:, 0]) & (plan.pairs[:, 0:1] < spans[:, 1])
    assert not d_labels[crossing.any(axis=1)].any()
    alone = pipe.task.lesson(examples[:-2], None)
    docs = [eg.predicted for eg in examples[:-2]]
    fewer = scores_of_lesson(pipe, docs, alone)
    assert loss == pytest.approx(pipe.task.loss(alone, fewer)[0], rel=1e-5)
    other = build("tree")
    other.initialize(lambda: examples)
    other.get_pipe("parser").update(examples)
    assert other.get_pipe("parser").task.gold_trees.refused == 0


def test_without_beliefs_gold_counts_whole_whatever_the_weight():
    nlp = build("tree")
    pipe, examples = nlp.get_pipe("parser"), gold_examples(nlp)
    nlp.initialize(lambda: examples)
    lesson = pipe.task.lesson(examples, None)
    scores = scores_of_lesson(pipe, [eg.predicted for eg in examples], lesson)
    loss, (_, d_labels) = pipe.task.loss(lesson, scores)
    pipe.distill_weight = as_schedule(0.5)
    again, (_, d_again) = pipe.task.loss(lesson, scores)
    assert again == loss
    numpy.testing.assert_array_equal(d_again, d_labels)


@pytest.mark.parametrize("weight", [0.0, 0.3])
def test_where_gold_crosses_the_teachers_share_is_one(weight, teachers):
    student = build("projective_tree", distill_weight=weight, needs_teacher=False)
    pipe, examples = student.get_pipe("parser"), [crossing_example(student)]
    labels = teachers["tree"].get_pipe("parser").labels
    pipe.initialize(lambda: examples, nlp=student, labels=[*labels, "x", "y"])
    doc = teachers["tree"].make_doc("A b c d e")
    (belief,) = teachers["tree"].get_pipe("parser").believe([doc])
    plan = pipe.task.lesson(examples, [belief])
    taught = pipe.task.lesson_without_gold([belief])
    scores = scores_of_lesson(pipe, [examples[0].predicted], taught)
    mine = pipe.task.loss(taught, scores)
    index = [plan.pairs.tolist().index(pair) for pair in taught.pairs.tolist()]
    wide = numpy.zeros((len(plan.pairs), scores.rows.shape[1]), dtype="float32")
    wide[index] = scores.rows
    found = pipe.task.loss(plan, scores._replace(rows=wide))
    assert found[0] == pytest.approx(mine[0], rel=1e-5)
    numpy.testing.assert_allclose(found[1][0][0].arrays["arc"], mine[1][0][0].arrays["arc"])


def test_partial_gold_that_no_projective_tree_has():
    """1 -> 3 and 2 -> 1 (heads before the arrow) cross nothing, but 2 finds no head."""
    nlp = build("projective_tree")
    pipe = nlp.get_pipe("parser")
    for known, wrong in (([1, -2, 0, -2], 1), ([1, -2, -2, -2], 0), ([-2, -2, 0, -1], 0)):
        heads = numpy.array(known)
        (bucket,) = make_buckets(numpy.array([[0, 4]]))
        before = pipe.task.gold_trees.refused
        gold = pipe.task.gold_trees(heads, bucket, structure=pipe.structure, name="")
        assert pipe.task.gold_trees.refused - before == wrong
        assert gold.empty.tolist() == [bool(wrong)]


@pytest.mark.parametrize("kind", KINDS)
def test_disk_bytes_and_processes(teachers, kind, tmp_path):
    nlp = teachers[kind]
    texts = [text for text in TEXTS if text] * 2

    def annotations(pipeline, **settings):
        docs = pipeline.pipe(texts, **settings)
        return [[(t.head.i, t.dep_) for t in doc] for doc in docs]

    expected = annotations(nlp)
    nlp.to_disk(tmp_path / "x")
    assert annotations(spacy.load(tmp_path / "x")) == expected
    assert annotations(build(kind).from_bytes(nlp.to_bytes())) == expected
    if kind in ("offset_tags", "projective_tree"):
        assert annotations(nlp, n_process=2, batch_size=3) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_nan_scores(kind):
    nlp = build(kind)
    nlp.initialize(lambda: gold_examples(nlp))
    node = nlp.get_pipe("parser").model.get_ref(
        "output_layer" if kind == "offset_tags" else "arc_scorer"
    )
    for inner in node.walk():
        for name in inner.param_names:
            inner.get_param(name).fill(numpy.nan)
    with pytest.raises(ValueError, match=r"NaN|nan in unit 0"):
        nlp("Go home now !")


def test_what_a_teacher_says(teachers):
    for kind, nlp in teachers.items():
        docs = [*with_sentences(nlp), Doc(nlp.vocab), Doc(nlp.vocab, ["Go"])]
        found = nlp.get_pipe("parser").believe(docs)
        assert len(found) == len(docs)
        expected = HeadLabelBelief if kind == "offset_tags" else TreeBelief
        assert all(isinstance(belief, expected) for belief in found)
        assert len(found[-2].units) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_the_best_guesses_of_beliefs_are_the_predictions(teachers, kind):
    nlp = teachers[kind]
    pipe = nlp.get_pipe("parser")
    docs = [*with_sentences(nlp), Doc(nlp.vocab)]
    random.Random(0).shuffle(docs)
    copies = [Doc(nlp.vocab, [t.text for t in doc], sent_starts=[t.is_sent_start for t in doc])
              for doc in docs]  # fmt: skip
    pipe.write_beliefs(docs, pipe.believe(docs))
    for doc, other in zip(docs, pipe.pipe(copies)):
        assert [(t.head.i, t.dep_) for t in doc] == [(t.head.i, t.dep_) for t in other]


@pytest.mark.parametrize("structure", ["tree", "offset_tags"])
def test_a_structure_that_does_not_fit_the_model(structure):
    wrong = KINDS["offset_tags" if structure == "tree" else "tree"]["model"]
    with pytest.raises(ValueError, match="needs the architecture spacy-skd"):
        build("tree", structure=structure, model=wrong)
    with pytest.raises(ValueError, match=r"expected one of tree, .*offset_tags, got 'graph'"):
        build("tree", structure="graph")


@pytest.mark.parametrize(("kind", "loses"), [("tree", False), ("projective_tree", True)])
def test_a_teacher_that_selects_heads_loses_trees_alone(log, kind, loses):
    """That it is not certain of a tree is its nature; trees that cross are what a student lacks."""
    unsure, student = trained("head_selection", steps=2), build(kind)
    pipe, labels = student.get_pipe("parser"), unsure.get_pipe("parser").labels
    pipe.initialize(lambda: gold_examples(student), nlp=student, labels=list(labels))
    pipe.distill(unsure.get_pipe("parser"), lesson(unsure, student), losses={})
    assert ("cannot express (heads that form no tree of its kind)" in log.text) == loses
    assert not pipe.lost_mass.skipped


@pytest.mark.parametrize(("setting", "value"), [("label_floor", 1.5), ("min_count", 0),
                                                ("max_offset", -1)])  # fmt: skip
def test_settings_out_of_range(setting, value):
    with pytest.raises(ValueError, match=f"{setting}: expected a number from"):
        build("offset_tags", **{setting: value})


def test_the_floor_of_a_teacher(teachers):
    """Every arc, or those of the best tree alone."""
    nlp = teachers["head_selection"]
    pipe = nlp.get_pipe("parser")
    n_pairs = []
    for floor in (0.0, 0.1, 1.0):
        pipe.task.label_floor = floor
        n_pairs.append(sum(len(belief.pairs) for belief in pipe.believe(with_sentences(nlp))))
    pipe.task.label_floor = 0.1
    assert n_pairs[0] > 2 * n_pairs[1] >= 2 * n_pairs[2]
    assert n_pairs[2] == sum(len(doc) for doc in with_sentences(nlp))
