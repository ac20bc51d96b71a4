"""What components measure of their training: gold and teacher apart, and how far it is to go."""

import numpy
import pytest
import spacy
from all_components import EACH, bare_examples, build, gold_examples
from conftest import gold_examples as examples_of_teacher
from conftest import raw_examples, student_of, train
from taught import student_of as student_of_pipeline

from spacy_skd.pipeline.lost_mass import LostMass
from spacy_skd.pipeline.meter import Meter

SOME = ("lemma",)  # the best labels alone are scored
TAGS = ("bio",)  # independent tags, whose legal sequences are a chain: the rest counts as distance


@pytest.fixture(scope="module")
def trained():
    spacy.util.fix_random_seed(0)
    nlp = build(shared=False)
    nlp.initialize(lambda: gold_examples(nlp))
    train(nlp, gold_examples(nlp), 15)
    return nlp


@pytest.mark.parametrize("name", EACH)
def test_who_learns_of_oneself_is_at_no_distance(trained, name):
    """And of who has learnt nothing it is the loss less what the loss is of oneself."""
    pipe = trained.get_pipe(name)
    examples = bare_examples(trained)
    meter = pipe.start_meter()
    of_self = pipe.distill(pipe, examples)[name]
    assert meter.gold.value is None
    assert meter.teacher.value == pytest.approx(of_self, abs=1e-5)
    assert meter.divergence.value >= -1e-5
    other = student_of_pipeline(trained).get_pipe(name)
    of_other = other.start_meter()
    loss = other.distill(pipe, examples)[name]
    assert of_other.divergence.value > 0
    if name not in TAGS:
        assert meter.divergence.value == pytest.approx(0, abs=1e-3 if name in SOME else 1e-4)
        assert of_other.divergence.value == pytest.approx(loss - of_self, abs=1e-3)
        assert of_other.lost.value is None or of_other.lost.value == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("weight", [0.0, 0.4, 1.0])
def test_the_loss_is_that_of_gold_and_of_the_teacher_by_their_shares(teacher, weight):
    spacy.util.fix_random_seed(1)
    nlp = student_of(teacher, weight=weight)
    examples = examples_of_teacher(nlp)
    nlp.initialize(lambda: examples)
    names = ("sent", "tag", "pos", "parser")
    meters = {name: nlp.get_pipe(name).start_meter() for name in names}
    losses = nlp.update(examples, losses={}, exclude=["teacher"])
    for name, meter in meters.items():
        of_gold, of_teacher = meter.gold.value or 0.0, meter.teacher.value or 0.0
        assert losses[name] == pytest.approx((1 - weight) * of_gold + weight * of_teacher, rel=1e-4)
        assert (meter.gold.value is None) == (weight == 1)
        assert (meter.teacher.value is None) == (weight == 0)
        assert meter.divergence.value is None or 0 < meter.divergence.value <= of_teacher + 1e-6


def test_units_without_gold_are_the_teachers(teacher):
    nlp = student_of(teacher, weight=0.5)
    examples = examples_of_teacher(nlp) + raw_examples(nlp)
    nlp.initialize(lambda: examples)
    meter = nlp.get_pipe("tag").start_meter()
    nlp.update(examples, exclude=["teacher"])
    gold = sum(len(eg.predicted) for eg in examples_of_teacher(nlp))
    raw = sum(len(eg.predicted) for eg in raw_examples(nlp))
    assert meter.gold.weight == pytest.approx(gold / 2)
    assert meter.teacher.weight == pytest.approx(gold / 2 + raw)


def test_at_another_temperature_the_distance_is_not_known(teacher):
    nlp = student_of(teacher, weight=1.0, temperature=2.0)
    examples = examples_of_teacher(nlp)
    nlp.initialize(lambda: examples)
    meters = [nlp.get_pipe(name).start_meter() for name in ("tag", "parser")]
    nlp.update(examples, exclude=["teacher"])
    assert all(meter.teacher.value > 0 for meter in meters)
    assert all(meter.divergence.value is None for meter in meters)


def test_what_is_lost_is_measured_after_it_was_told():
    lost = LostMass("tag")
    lost.add(numpy.asarray([0.5, 0.5]))  # told, and not measured
    lost.meter = meter = Meter()
    lost.add(numpy.asarray([0.5, 0.1]))
    lost.add(numpy.asarray([0.4, 0.0]), weights=numpy.asarray([0.5, 1.5]))
    assert meter.lost.value == pytest.approx((0.6 + 0.2) / 4)


def test_without_a_meter_nothing_is_measured(trained):
    assert build().get_pipe("tag").meter is None
