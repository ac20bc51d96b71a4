"""`skd_teacher` with several teachers."""

import numpy
import pytest
import spacy
from conftest import build, gold_examples, raw_examples, train
from spacy.training import Example

from spacy_skd.pipeline.teacher.component import make_teacher
from spacy_skd.transfer.beliefs import Mixture


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """Another teacher, of other labels in another order, less certain."""
    spacy.util.fix_random_seed(3)
    nlp = build()
    examples = gold_examples(nlp)
    for eg in examples:
        for token in eg.reference:
            token.tag_ = {"VB": "VERB-ONLY-HERE"}.get(token.tag_, token.tag_)
    nlp.get_pipe("tag").cfg["labels"] = ["RB", "DT"]
    nlp.initialize(lambda: examples)
    train(nlp, examples, 25)
    folder = tmp_path_factory.mktemp("other")
    nlp.to_disk(folder)
    return folder


def student_of(*teachers, weight=1.0, **settings):
    nlp = build(weight=weight)
    config = {"teachers": list(teachers), **settings}
    nlp.add_pipe("skd_teacher", "teacher", config=config, first=True)
    return nlp


def loss_of(nlp, examples, beliefs, name):
    """Of a student's scores of those docs."""
    pipe = nlp.get_pipe(name)
    docs = list(nlp.get_pipe("tok2vec").pipe([eg.predicted for eg in examples]))
    scores = pipe.model.predict(pipe.task.inputs(docs, pipe.task.lesson_without_gold(beliefs)))
    return pipe.get_teacher_student_loss(beliefs, scores)[0]


def test_their_distributions_are_mixed_by_weight(teacher, other):
    spacy.util.fix_random_seed(0)
    nlp = student_of({"path": str(teacher), "weight": 3}, {"path": str(other)})
    examples = gold_examples(nlp) + raw_examples(nlp)
    nlp.initialize(lambda: examples)
    train(nlp, examples, 2)
    component = nlp.get_pipe("teacher")
    assert component.passes == 2 * len(examples)
    for name in ("sent", "tag", "pos", "parser"):
        beliefs = component.beliefs(examples, name)
        assert all(isinstance(b, Mixture) and b.weights == (3.0, 1.0) for b in beliefs)
        if name == "parser":  # which deprels are scored depends on the teacher
            continue
        one, two = (loss_of(nlp, examples, [b.beliefs[i] for b in beliefs], name) for i in (0, 1))
        assert abs(one - two) > 0.1
        mixed = loss_of(nlp, examples, beliefs, name)
        assert mixed == pytest.approx(0.75 * one + 0.25 * two, rel=1e-5)
    assert component.passes == 2 * len(examples)


def test_labels_are_those_of_any_and_are_matched_by_name(teacher, other):
    """What only one has, the other holds impossible; the student has both."""
    nlp = student_of({"path": str(teacher)}, {"path": str(other)})
    examples = raw_examples(nlp)
    nlp.initialize(lambda: examples)
    mine, theirs = (spacy.load(path).get_pipe("tag").labels for path in (teacher, other))
    labels = nlp.get_pipe("tag").labels
    assert labels == (*mine, *[label for label in theirs if label not in mine])
    assert "VERB-ONLY-HERE" in labels
    assert "VB" in labels
    tag = nlp.get_pipe("tag")
    beliefs = nlp.get_pipe("teacher").beliefs(examples, "tag")
    found = (
        type(beliefs[0])
        .target_of_tokens(beliefs, tag.task.student())
        .marginals.arrays["unary"][:, 0]
    )
    row = 0
    for belief in beliefs:
        one, two = (numpy.exp(b.scores - b.scores.max(1, keepdims=True)) for b in belief.beliefs)
        for a, b in zip(one / one.sum(1, keepdims=True), two / two.sum(1, keepdims=True)):
            a, b = dict(zip(mine, a)), dict(zip(theirs, b))
            expected = [(a.get(label, 0) + b.get(label, 0)) / 2 for label in labels]
            numpy.testing.assert_allclose(found[row], expected, atol=1e-5)
            row += 1


def test_a_student_learns_from_several(teacher, other):
    spacy.util.fix_random_seed(1)
    nlp = student_of({"path": str(teacher)}, {"path": str(other), "weight": 0.2})
    examples = [Example(eg.predicted, eg.predicted.copy()) for eg in gold_examples(nlp)]
    nlp.initialize(lambda: examples)
    first, last = train(nlp, examples, 1), train(nlp, examples, 40)
    assert all(last[name] < 0.7 * first[name] for name in ("sent", "tag", "pos", "parser"))


def test_sentences_are_those_of_the_first(teacher, other):
    nlp = student_of({"path": str(other)}, {"path": str(teacher)})
    doc = nlp.make_doc("Ann sees the dogs . They sleep Go ! Dogs sleep well She gave him Ann")
    nlp.initialize(lambda: gold_examples(nlp))
    (belief,) = nlp.get_pipe("teacher").beliefs([Example(doc, doc.copy())], "parser")
    one, two = belief.beliefs
    judged = spacy.load(other)(doc.copy())
    assert one.units[:, 0].tolist() == [s.start for s in judged.sents]
    assert (one.units == two.units).all()


def test_each_may_map_students_in_its_own_way(teacher, other):
    nlp = student_of(
        {"path": str(teacher)}, {"path": str(other), "student_to_teacher": {"tag": "pos"}}
    )
    examples = raw_examples(nlp)
    nlp.initialize(lambda: examples)
    (belief, *_) = nlp.get_pipe("teacher").beliefs(examples, "tag")
    assert "NN" in belief.beliefs[0].labels
    assert "NOUN" in belief.beliefs[1].labels
    bad = {"path": str(other), "student_to_teacher": {"tag": "nothing"}}
    nlp = student_of({"path": str(teacher)}, bad)
    with pytest.raises(ValueError, match="asks the teacher's component 'nothing'"):
        nlp.initialize(lambda: examples)


def test_the_cache_is_shared_evenly_and_trainings_share_all_teachers(teacher, other):
    settings = [{"path": str(teacher)}, {"path": str(other)}]
    first, second = (student_of(*settings, cache_mb=2) for _ in "ab")
    assert [m.cache.most for m in first.get_pipe("teacher").members] == [2**20, 2**20]
    examples = [raw_examples(nlp) for nlp in (first, second)]
    second.get_pipe("teacher").share(first.get_pipe("teacher"))
    for nlp, some in zip((first, second), examples):
        nlp.initialize(lambda found=some: found)
        train(nlp, some, 1)
    passes = [nlp.get_pipe("teacher").passes for nlp in (first, second)]
    assert passes == [2 * len(examples[0]), 0]
    alone = make_teacher("teacher", teacher=str(teacher))
    with pytest.raises(ValueError, match="share the beliefs of the same 1 teachers, got 2"):
        alone.share(first.get_pipe("teacher"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"teacher": "a"}, "expected `teachers` alone, or one `teacher` and its `store`"),
        ({"store": "a"}, "a folder of stored beliefs is of one teacher"),
        ({"teachers": [{"weight": 1.0}]}, "teachers: expected each with a path"),
        ({"teachers": [{"path": "a", "wieght": 1.0}]}, "of path, weight, student_to_teacher alone"),
        ({"teachers": [{"path": "a", "weight": 0.0}]}, "teachers: weight: expected a number above"),
    ],
)
def test_settings_that_do_not_fit(settings, message):
    with pytest.raises(ValueError, match=message):
        spacy.blank("en").add_pipe("skd_teacher", config={"teachers": [{"path": "b"}], **settings})
