"""Scores of lemmas: by listing what each label makes of each form, and by finite differences."""

import itertools
import pickle
import time
import tracemalloc

import numpy
import pytest

from spacy_skd.codecs import lemma_options
from spacy_skd.codecs.lemma_labels import parse_lemma_label
from spacy_skd.codecs.lemma_options import LemmaLabels, LemmaScores
from spacy_skd.structures.parts import POSSIBLE_ABOVE

LABELS = ("lower *", "form *", "title *", "upper *", "lower * s/", "lower * ed/", "lower went/go",
          "lower un/ *", "0,1 *", "form x/ * y/")  # fmt: skip
FORMS = ["Walked", "the", "NATO", "went", "things", "x", "", "the", "Unused", "xy", "s"]


@pytest.fixture
def scores():
    return numpy.random.default_rng(0).normal(size=(len(FORMS), len(LABELS)))


def listed(form, scores):
    """The probability mass of each lemma, up to a factor."""
    masses: dict[str, float] = {}
    for label, score in zip(LABELS, scores):
        lemma = parse_lemma_label(label).apply(form)
        if lemma:
            masses[lemma] = masses.get(lemma, 0.0) + numpy.exp(score)
    return masses


def test_scores_of_lemmas_are_sums_over_labels(scores):
    inventory = LemmaLabels(LABELS)
    options = inventory.of_words(FORMS)
    values = LemmaScores(options, scores).values
    for word, form in enumerate(FORMS):
        lemmas = options.forms[options.words[word]].lemmas
        masses = listed(form, scores[word])
        assert set(lemmas) == set(masses)
        assert options.has_any[word] == bool(masses)
        for slot, lemma in enumerate(lemmas):
            assert values[word, slot] == pytest.approx(numpy.log(masses[lemma]))
        assert not masses or (values[word, len(lemmas) :] < POSSIBLE_ABOVE).all()


@pytest.mark.parametrize("shift", [0.0, 50.0, -50.0])
def test_the_gradient_is_that_of_finite_differences(scores, shift):
    options = LemmaLabels(LABELS).of_words(FORMS)
    scores = scores + shift * (numpy.arange(len(LABELS)) % 2)
    summed = LemmaScores(options, scores)
    direction = numpy.random.default_rng(1).normal(size=summed.values.shape)
    direction[summed.values < POSSIBLE_ABOVE] = 0
    gradient, step = summed.backprop(direction), 1e-6
    for place in itertools.product(*map(range, scores.shape)):
        ends = []
        for sign in (1, -1):
            moved = scores.copy()
            moved[place] += sign * step
            values = LemmaScores(options, moved).values
            ends.append((values * direction).sum())
        assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(gradient[place], abs=1e-6)


@pytest.mark.parametrize("sharpness", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("top_k", [0, 1, 2, 3])
def test_the_best_lemma_is_that_of_the_sums(scores, sharpness, top_k):
    scores = (scores * sharpness).astype("float32")
    forms = list(dict.fromkeys(FORMS))
    words = numpy.asarray([forms.index(form) for form in FORMS])
    lemmas, ids, _ = LemmaLabels(LABELS).best(forms, words, scores, top_k=top_k)
    for form, row, chosen in zip(FORMS, scores, ids):
        applies = [parse_lemma_label(label).apply(form) for label in LABELS]
        order = sorted((i for i, lemma in enumerate(applies) if lemma), key=lambda i: -row[i])
        kept = numpy.full(len(LABELS), -numpy.inf)
        kept[order[: top_k or None]] = row[order[: top_k or None]]
        masses = listed(form, kept)
        assert lemmas[chosen] == (max(masses, key=lambda lemma: masses[lemma]) if masses else "")


def test_lemmas_are_encoded_by_the_slots_of_their_forms():
    options = LemmaLabels(LABELS).of_words(FORMS)
    gold = ["walk", "the", "Nato", "go", "things", None, "", "dog", "used", "", "s"]
    parts, known = options.encode(gold)
    assert known.tolist() == [True] * 5 + [False, False, False, True, False, True]
    slots = parts.arrays["unary"][:, 0].argmax(axis=1)
    lemmas = [options.forms[form].lemmas for form in options.words]
    named = [of[slot] if is_known else "" for of, slot, is_known in zip(lemmas, slots, known)]
    assert named == [lemma if is_known else "" for lemma, is_known in zip(gold, known)]
    assert not parts.arrays["unary"][~known].any()


def test_what_is_remembered_is_bounded_and_not_pickled(monkeypatch):
    monkeypatch.setattr(lemma_options, "MOST_KEPT", 100)
    inventory = LemmaLabels(LABELS)
    forms = [f"word{i}" for i in range(200)]
    scores = numpy.zeros((200, len(LABELS)), dtype="float32")
    scores[:, 0] = 20
    for _ in range(2):
        lemmas, ids, _ = inventory.best(forms, numpy.arange(200), scores)
        assert [lemmas[i] for i in ids] == forms
        assert [inventory.of_form(form).lemmas[0] for form in forms] == forms
    assert len(inventory._known) < 50
    assert not pickle.loads(pickle.dumps(inventory))._known


def test_what_is_remembered_takes_the_room_that_the_bound_says(monkeypatch):
    """16 bytes for each that is counted, though forms are short and few labels apply."""
    monkeypatch.setattr(lemma_options, "MOST_KEPT", 100_000)
    inventory = LemmaLabels(LABELS)
    tracemalloc.start()
    for i in range(8_000):
        inventory.of_form(f"word{i}ing")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 500_000 < peak < 1_700_000


def test_ten_thousand_trees_cost_what_applies():
    """Of each form, the few labels of its last letters are tried, not all."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    ends = itertools.product(letters, letters, letters)
    labels = ["lower *", *(f"lower * {a}{b}/{c}" for a, b, c in ends)][:10_000]
    inventory = LemmaLabels(labels)
    forms = [a + b + c for a, b, c in itertools.product("mnopqr", letters, letters)]
    before = time.perf_counter()
    options = inventory.of_words(forms)
    assert (time.perf_counter() - before) / len(forms) < 0.005  # trying all takes 0.02
    assert max(len(form.labels) for form in options.forms) <= 27
    scores = numpy.random.default_rng(0).normal(size=(len(forms), len(labels))).astype("float32")
    assert LemmaScores(options, scores).values.shape == (len(forms), options.n_slots)
    assert options.n_slots <= 27


def test_labels_that_are_none_are_refused():
    with pytest.raises(ValueError, match="expected a label of lemmas"):
        LemmaLabels(["NN"])
