"""`distill`: a component learns the distribution of another."""

from dataclasses import replace

import numpy
import pytest
import spacy
from all_components import EACH, NAMES, bare_examples, build, gold_examples
from conftest import train
from spacy.tokens import Doc
from spacy.training import Example
from taught import (
    add_scores,
    leaves_of,
    lesson,
    map_scores,
    scores_and_n,
    scores_of_lesson,
    student_of,
)
from thinc.api import Adam

from spacy_skd.transfer.annealing import as_schedule
from spacy_skd.transfer.target import Objective


@pytest.fixture(scope="module")
def teacher():
    """Trained, with a shared tok2vec."""
    spacy.util.fix_random_seed(0)
    nlp = build()
    nlp.initialize(lambda: gold_examples(nlp))
    train(nlp, gold_examples(nlp), 60)
    return nlp


@pytest.mark.parametrize("name", EACH)
def test_the_student_comes_to_believe_what_the_teacher_does(teacher, name):
    student = student_of(teacher)
    pipe, examples = student.get_pipe(name), lesson(teacher, student)
    sgd = Adam(0.01)
    losses = [
        pipe.distill(teacher.get_pipe(name), examples, sgd=sgd, losses={})[name] for _ in range(60)
    ]
    assert losses[-1] < 0.5 * losses[0]
    references = [eg.reference for eg in examples]
    docs = [eg.predicted for eg in examples]
    beliefs = teacher.get_pipe(name).believe(references)
    entropy, _ = pipe.get_teacher_student_loss(beliefs, *scores_and_n(pipe, docs, beliefs))
    assert losses[-1] == pytest.approx(entropy, rel=0.3, abs=0.02)
    assert not any(t.tag or t.pos or t.dep or t.ent_type for doc in docs for t in doc)
    assert pipe.cfg["step"] == 0


@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_is_that_of_the_loss(teacher, name):
    """Along a random direction of the scores; sums by default, means on request."""
    student = student_of(teacher)
    pipe, examples = student.get_pipe(name), lesson(teacher, student)
    pipe.objective = Objective(temperature=1.7)
    beliefs = teacher.get_pipe(name).believe([eg.reference for eg in examples])
    docs = [eg.predicted for eg in examples]
    scores, _ = scores_and_n(pipe, docs, beliefs)
    rng = numpy.random.default_rng(0)
    scores = map_scores(lambda a: a.astype("float64") + rng.normal(size=a.shape), scores)
    direction = map_scores(lambda a: rng.normal(size=a.shape), scores)
    loss, gradient = pipe.get_teacher_student_loss(beliefs, scores)
    eps = 1e-4
    up, down = (
        pipe.get_teacher_student_loss(beliefs, add_scores(scores, direction, sign * eps))[0]
        for sign in (1, -1)
    )
    along = sum(float((g * d).sum()) for g, d in zip(leaves_of(gradient), leaves_of(direction)))
    assert along == pytest.approx((up - down) / (2 * eps), rel=1e-3, abs=1e-3)
    n = pipe.task.count([len(doc) for doc in docs])
    mean, d_mean = pipe.get_teacher_student_loss(beliefs, scores, normalize=True)
    assert mean == pytest.approx(loss / n)
    for a, b in zip(leaves_of(gradient), leaves_of(d_mean)):
        numpy.testing.assert_allclose(b * n, a, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_the_temperature_divides_the_scores_of_both(teacher, name):
    """T^2 times the loss of scores that are divided by T, and T times its gradient."""
    student = student_of(teacher)
    pipe, examples = student.get_pipe(name), lesson(teacher, student)
    beliefs = teacher.get_pipe(name).believe([eg.reference for eg in examples])
    rng = numpy.random.default_rng(0)
    scores, _ = scores_and_n(pipe, [eg.predicted for eg in examples], beliefs)
    scores = map_scores(lambda a: a.astype("float64") + rng.normal(size=a.shape), scores)
    cool = [replace(belief, **_cooled(belief, 3.0)) for belief in beliefs]
    loss, gradient = pipe.get_teacher_student_loss(cool, map_scores(lambda a: a / 3.0, scores))
    pipe.objective = Objective(temperature=3.0)
    found, found_gradient = pipe.get_teacher_student_loss(beliefs, scores)
    assert found == pytest.approx(9 * loss, rel=1e-4)
    for a, b in zip(leaves_of(found_gradient), leaves_of(gradient)):
        numpy.testing.assert_allclose(a, 3 * b, rtol=1e-3, atol=1e-4)


def _cooled(belief, temperature):
    scores = {k: v for k, v in vars(belief).items() if "score" in k or k in ("arcs", "transition")}
    return {
        k: tuple(a / temperature for a in v) if isinstance(v, tuple) else v / temperature
        for k, v in scores.items()
    }


@pytest.mark.parametrize("name", NAMES)
def test_distill_weight_is_the_teachers_share_where_there_is_gold(teacher, name):
    student = student_of(teacher)
    pipe, examples = student.get_pipe(name), gold_examples(student)
    beliefs = teacher.get_pipe(name).believe([eg.reference for eg in lesson(teacher, student)])
    # Less certain than it is: else it says what gold does.
    beliefs = [replace(belief, **_cooled(belief, 10.0)) for belief in beliefs]
    plan = pipe.task.lesson(examples, beliefs)
    scores = scores_of_lesson(pipe, [eg.predicted for eg in examples], plan)
    rng = numpy.random.default_rng(0)
    scores = map_scores(lambda a: a.astype("float64") + rng.normal(size=a.shape), scores)
    losses = []
    for weight in (0.0, 0.25, 1.0):
        pipe.distill_weight = as_schedule(weight)
        losses.append(pipe.task.loss(plan, scores)[0])
    gold, mixed, taught = losses
    assert abs(gold - taught) > 0.01
    assert mixed == pytest.approx(0.75 * gold + 0.25 * taught, rel=1e-5)


def test_students_of_a_shared_tok2vec_learn_after_its_update(teacher):
    """As in `nlp.update`: the tok2vec first, then all that listen to it, in their order."""
    spacy.util.fix_random_seed(1)
    student = build()
    student.initialize(lambda: gold_examples(student))
    examples, sgd = lesson(teacher, student), Adam(0.01)
    history = []
    for _ in range(40):
        losses = {}
        student.get_pipe("tok2vec").update(examples)
        for name in NAMES:
            student.get_pipe(name).distill(teacher.get_pipe(name), examples, losses=losses)
        for name in ("tok2vec", *NAMES):
            student.get_pipe(name).finish_update(sgd)
        history.append(losses)
    assert all(history[-1][name] < 0.5 * history[0][name] for name in NAMES)


def test_a_stock_morphologizer_is_asked_for_what_the_layer_is():
    nlp = spacy.blank("en")
    words, pos = ["Dogs", "sleep"], ["NOUN", "VERB"]
    doc = Doc(nlp.vocab, words, pos=pos, morphs=["Number=Plur", "_"])
    stock = nlp.add_pipe("morphologizer")
    nlp.initialize(lambda: [Example(Doc(nlp.vocab, words), doc)])
    student = nlp.add_pipe("distilling_tagger", config={"layer": "pos"})
    example = Example(Doc(nlp.vocab, words), Doc(nlp.vocab, words))
    student.initialize(lambda: [Example(Doc(nlp.vocab, words), doc)], nlp=nlp, labels=pos)
    first, last = ([student.distill(stock, [example], sgd=Adam(0.01))["distilling_tagger"]
                    for _ in range(n)][-1] for n in (1, 30))  # fmt: skip
    assert last <= first


def test_what_cannot_be_distilled(teacher):
    student = student_of(teacher)
    examples = lesson(teacher, student)
    tag = student.get_pipe("tag")
    assert tag.is_distillable
    with pytest.raises(ValueError, match="needs a teacher_pipe"):
        tag.distill(None, examples)
    with pytest.raises(ValueError, match="a doc has no vectors"):
        tag.distill(teacher.get_pipe("tag"), bare_examples(student))
    with pytest.raises(ValueError, match="component 'parser' annotates trees"):
        tag.distill(teacher.get_pipe("parser"), examples)
    with pytest.raises(ValueError, match="expected a teacher of dependency trees.*'tag'"):
        student.get_pipe("parser").distill(teacher.get_pipe("tag"), examples)
    with pytest.raises(ValueError, match="cannot teach"):
        tag.distill(teacher.get_pipe("tok2vec"), examples)
    other = Example(Doc(student.vocab, ["Go"]), Doc(student.vocab, ["Went"]))
    with pytest.raises(ValueError, match="expected the same tokens"):
        tag.distill(teacher.get_pipe("tag"), [other])


@pytest.mark.parametrize("name", NAMES)
def test_docs_without_tokens(teacher, name):
    student = student_of(teacher)
    pipe = student.get_pipe(name)
    empty = Example(Doc(student.vocab), Doc(teacher.vocab))
    assert pipe.distill(teacher.get_pipe(name), [empty]) == {name: 0.0}
    examples = [empty, *lesson(teacher, student)[:2], empty]
    assert pipe.distill(teacher.get_pipe(name), examples)[name] > 0
