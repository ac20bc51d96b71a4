"""Two stages in two threads: the same results, bounded, and no thread outlives an error."""

import contextvars
import threading

import hypothesis.strategies as st
import numpy
import pytest
import spacy
from hypothesis import given
from thinc.api import NumpyOps

from spacy_skd.teachers import runner as runner_module
from spacy_skd.teachers.overlap import in_turn, overlapped
from spacy_skd.teachers.runner import TeacherRunner

SECONDS = 20  # beyond which a thread that should have come does not
TEXTS = ["Ann sees the dogs . " * n for n in (5, 2, 3, 1, 5, 1, 4, 4)]


@given(st.lists(st.integers(), max_size=6))
def test_the_results_are_those_of_one_thread_in_order(items):
    stages = (lambda x: x + 1, lambda x: x * 2)
    assert overlapped(*stages, items) == in_turn(*stages, items) == [(x + 1) * 2 for x in items]


def test_the_first_stage_of_an_item_runs_beside_the_second_of_the_one_before():
    begun = [threading.Event() for _ in range(4)]
    here = threading.get_ident()

    def first(item):
        assert threading.get_ident() == here
        begun[item].set()
        return item

    def second(item):
        assert threading.get_ident() != here
        return item == 3 or begun[item + 1].wait(SECONDS)

    assert overlapped(first, second, range(4)) == [True] * 4


def test_at_most_two_items_are_between_the_stages():
    log, lock, gate = [], threading.Lock(), threading.Event()

    def first(item):
        with lock:
            log.append(1)
        if item == 1:
            gate.set()
        return item

    def second(item):
        gate.wait(SECONDS)
        with lock:
            log.append(-1)

    overlapped(first, second, range(20))
    assert max(numpy.cumsum(log)) <= 2
    assert sum(log) == 0


def test_the_other_thread_has_the_callers_context():
    var = contextvars.ContextVar("var", default="none")
    var.set("mine")
    assert overlapped(lambda x: x, lambda x: var.get(), range(3)) == ["mine"] * 3


@pytest.mark.parametrize("where", [0, 1, 2])
@pytest.mark.parametrize("stage", ["first", "second", "both"])
def test_an_error_is_that_of_the_earliest_item_and_no_thread_is_left(where, stage):
    before, done = threading.active_count(), []

    def first(item):
        # Of the item after the one whose second stage fails: that one is earlier.
        if (stage, item) == ("first", where) or (stage, item) == ("both", where + 1):
            raise KeyError("first", item)
        return item

    def second(item):
        if stage != "first" and item == where:
            raise KeyError("second", item)
        done.append(item)

    with pytest.raises(KeyError) as found:
        overlapped(first, second, range(4))
    assert found.value.args == ("first" if stage == "first" else "second", where)
    assert done == list(range(where))
    assert threading.active_count() == before


def beliefs_of(nlp, monkeypatch, *, cores):
    monkeypatch.setattr(runner_module, "n_cores", lambda: cores)
    runner = TeacherRunner(nlp, batch_words=24)
    docs = [nlp.make_doc(text.strip()) for text in TEXTS]
    found = runner.annotate(docs, starts=[None] * len(docs), pipes=runner.pipes)
    return [(doc.to_bytes(), beliefs) for doc, beliefs in found]


def test_beliefs_and_guesses_are_the_same_bit_for_bit(teacher, monkeypatch):
    nlp = spacy.load(teacher)
    threads = set()
    believe = nlp.get_pipe("tag").believe
    nlp.get_pipe("tag").believe = lambda docs: threads.add(threading.get_ident()) or believe(docs)
    one = beliefs_of(nlp, monkeypatch, cores=1)
    assert threads == {threading.get_ident()}
    two = beliefs_of(nlp, monkeypatch, cores=2)
    assert len(threads) == 2
    for (doc, beliefs), (other, others) in zip(one, two):
        assert doc == other
        assert beliefs.keys() == others.keys()
        for name in ("sent", "tag", "pos"):
            assert (beliefs[name].scores == others[name].scores).all()
        mine, theirs = beliefs["parser"], others["parser"]
        assert (mine.label_scores == theirs.label_scores).all()
        assert all((a == b).all() for a, b in zip(mine.arcs, theirs.arcs))


def test_components_of_a_gpu_have_no_thread_of_their_own(teacher, monkeypatch):
    nlp = spacy.load(teacher)
    monkeypatch.setattr(runner_module, "n_cores", lambda: 2)
    runner = TeacherRunner(nlp, batch_words=24)
    assert runner._overlaps(1)
    assert not runner._overlaps(0)
    nlp.get_pipe("tag").model.ops = NumpyOps(device_type="gpu")
    assert not runner._overlaps(1)


def test_an_error_of_a_component_is_raised_here(teacher, monkeypatch):
    nlp = spacy.load(teacher)
    nlp.get_pipe("parser").model.get_ref("label_scorer").get_param("W")[:] = numpy.nan
    with pytest.raises(ValueError, match="parser"):
        beliefs_of(nlp, monkeypatch, cores=2)
