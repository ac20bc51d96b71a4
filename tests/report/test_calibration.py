"""Temperatures and thresholds of components, on gold that is drawn from their own distributions."""

import math
import re
from collections import Counter
from types import SimpleNamespace

import all_components
import numpy
import pytest
import spacy
from conftest import SENTENCES
from spacy.language import Language
from spacy.tokens import Doc

from spacy_skd.cli.calibrate import thresholds_table
from spacy_skd.layers.base import Drawing
from spacy_skd.report.calibration import _fit, _untold_starts, calibrate
from spacy_skd.report.deciding import Decisions
from spacy_skd.report.scores import unannotated
from spacy_skd.report.thresholds import check_keys, choose_threshold

DRAWN = ("tag", "parser", "ner", "nested")  # a component of each shape of scores
WORDS = [word for words, *_ in SENTENCES for word in words]


class Scaled:
    """A model whose scores are multiplied."""

    def __init__(self, model, factor):
        self.model, self.factor = model, factor

    def __getattr__(self, name):
        return getattr(self.model, name)

    def predict(self, X):
        scores = self.model.predict(X)
        if not isinstance(scores, tuple):
            return scores * self.factor
        if not hasattr(scores, "arcs"):
            return tuple(array * self.factor for array in scores)
        arcs = [parts * self.factor for parts in scores.arcs]
        deprels = lambda pairs: scores.deprels(pairs) * self.factor  # noqa: E731
        return scores._replace(arcs=arcs, deprels=deprels)


@pytest.fixture(scope="module")
def nlp():
    """All components, which have learnt a little."""
    spacy.util.fix_random_seed(0)
    pipeline = all_components.build()
    examples = all_components.gold_examples(pipeline)
    pipeline.initialize(lambda: examples)
    optimizer = pipeline.resume_training()
    optimizer.learn_rate = 0.01
    for _ in range(6):
        pipeline.update(examples, sgd=optimizer)
    return pipeline


@pytest.fixture(scope="module")
def drawn(nlp):
    """Docs of which gold is drawn from what the components believe."""
    rng = numpy.random.default_rng(0)
    docs = [Doc(nlp.vocab, rng.choice(WORDS, 8).tolist()) for _ in range(80)]
    docs = list(nlp.pipe(docs))
    references = [all_components.bare(doc, sents=True) for doc in docs]
    how = Drawing(rng, temperature=1.0, projective=False, nlp=nlp)
    for name in DRAWN:
        pipe = nlp.get_pipe(name)
        for belief, reference in zip(pipe.believe(docs), references):
            pipe.layer.draw(reference, belief, how)
    return references


@pytest.fixture
def restored(nlp):
    """Nothing is left of what a test has set."""
    pipes = [pipe for _, pipe in nlp.pipeline if hasattr(pipe, "task")]
    before = [(dict(pipe.cfg), pipe.model, pipe.task.least_confidence) for pipe in pipes]
    blocks = [dict(nlp.get_pipe_config(pipe.name)) for pipe in pipes]
    yield
    for pipe, (cfg, model, least), block in zip(pipes, before, blocks):
        pipe.cfg, pipe.model, pipe.task.least_confidence = cfg, model, least
        nlp.get_pipe_config(pipe.name).update(block)


@pytest.mark.usefixtures("restored")
def test_what_is_scaled_by_three_has_temperature_three_and_its_own_confidences(nlp, drawn):
    for name in DRAWN:
        pipe = nlp.get_pipe(name)
        docs = list(unannotated(nlp, drawn, setting="gold_sentences"))
        docs = list(nlp.pipe(docs, disable=nlp.pipe_names[nlp.pipe_names.index(name) :]))
        own = Decisions(pipe, docs, drawn).confidences(1.0)
        pipe.model = Scaled(pipe.model, 3.0)
        decisions = Decisions(pipe, docs, drawn)
        told = decisions.confidences(3.0)
        if name != "nested":  # which spans reach its threshold is a matter of the scale
            assert told == pytest.approx(own, abs=1e-4)
            assert abs(decisions.confidences(1.0) - own).max() > 0.05
        assert decisions.confidences(3.0).tolist() == told.tolist(), "scores were changed"
    nlp.get_pipe("sent").calibration = 0.001  # sentences are those that it finds, for certain
    found = calibrate(nlp, drawn, components=DRAWN)
    assert found.components.keys() == set(DRAWN)
    for name, each in found.components.items():
        assert abs(math.log(each.temperature.value / 3)) < 3 * each.temperature.error, name
        assert nlp.get_pipe(name).calibration == each.temperature.value
        before, after = each.before.measures, each.after.measures
        assert after.ece < before.ece, name
        assert after.nll < before.nll, name
        assert after.excess_ece < 0.02 + 0.2 / math.sqrt(after.n), name  # of so few it varies
        assert (after.accuracy, after.n) == (before.accuracy, before.n)
        assert sum(bar.n for bar in each.after.bins) == after.n
    assert not found.skipped
    assert calibrate(nlp, drawn, components=DRAWN).to_json() == found.to_json()


@pytest.mark.usefixtures("restored")
def test_what_is_annotated_stays_the_same(nlp, monkeypatch):
    annotated, annotate = Counter(), Decisions.annotate

    def counted(self):
        annotated[self.pipe.name] += 1
        return annotate(self)

    def said():
        docs = [nlp(text) for text in all_components.TEXTS]
        return [(all_components.annotation(doc), doc.cats) for doc in docs]

    before = said()
    gold = all_components.gold_docs(nlp)
    monkeypatch.setattr(Decisions, "annotate", counted)
    found = calibrate(nlp, gold)
    assert [name for name, n in annotated.items() if n != 1] == ["sent"]  # trees count its new T
    assert {*found.components, *found.skipped} == set(all_components.NAMES)
    assert len(found.components) >= 12
    assert all(each.temperature.value != 1 for each in found.components.values())
    assert said() == before
    assert any("a rough estimate" in doubt for doubt in found.doubts)


@pytest.mark.usefixtures("restored")
def test_the_threshold_is_the_lowest_of_that_precision_and_what_is_annotated_has_it(nlp, drawn):
    def precision():
        docs = list(unannotated(nlp, drawn))
        pairs = zip(nlp.pipe(docs, disable=["bio"]), drawn)
        found = [
            [{(s.start, s.end, s.label) for s in spans} for spans in (doc.ents, gold.ents)]
            for doc, gold in pairs
        ]
        n = sum(len(said) for said, _ in found)
        return sum(len(said & gold) for said, gold in found) / n, n

    share, n = precision()
    wanted = share + 0.1
    outcome = calibrate(nlp, drawn, components=["ner"], precision=wanted)
    threshold = outcome.components["ner"].thresholds[""]
    header = thresholds_table(outcome).splitlines()[1]
    assert re.split(r"\s{2,}", header.strip()) == [
        "label", "min_confidence", "precision", "precision of all", "recall", "recall of all",
        "found", "gold",
    ]  # fmt: skip
    assert nlp.config["components"]["ner"]["min_confidence"] == threshold.least > 0
    kept, n_kept = precision()
    assert wanted <= kept == threshold.kept.precision
    assert n_kept < n == threshold.n
    of_all = threshold.everything
    assert of_all.precision == pytest.approx(share)
    assert threshold.kept.recall / of_all.recall == pytest.approx(n_kept * kept / (n * share))

    by_label = calibrate(nlp, drawn, components=["ner"], precision=wanted, per_label=True)
    thresholds = by_label.components["ner"].thresholds
    assert thresholds.keys() == set(nlp.get_pipe("ner").labels)
    block = nlp.config["components"]["ner"]
    reached = {label: t.least for label, t in thresholds.items() if t.least is not None}
    assert reached
    assert block["min_confidence_per_label"] == reached
    assert block["min_confidence"] == threshold.least, "what was set stays"
    again = calibrate(nlp, drawn, components=["ner"])
    assert any("min_confidence was chosen for other" in doubt for doubt in again.doubts)
    assert again.components["ner"].before.measures.n == threshold.n, "at all thresholds"
    calibrate(nlp, drawn, components=["ner"], precision=wanted)
    assert nlp.config["components"]["ner"]["min_confidence_per_label"] == {}


def test_thresholds_lie_between_probabilities():
    chances = numpy.asarray([0.2, 0.4, 0.6, 0.8])
    right = numpy.asarray([False, True, True, True])
    found = choose_threshold(chances, right, precision=0.9, n_gold=4)
    assert 0.2 < found.least <= 0.4
    assert found.kept == (1, 0.75)
    assert found.everything == (0.75, 0.75)
    assert choose_threshold(chances, right, precision=0.75, n_gold=4).least == 0
    assert choose_threshold(chances, ~right, precision=0.9, n_gold=4).least is None
    near = numpy.asarray([0.5, 0.5 + 1e-7])
    least = choose_threshold(near, right[:2], precision=1, n_gold=1).least
    assert near[0] < least <= near[1]


@pytest.mark.usefixtures("restored")
def test_what_dev_says_nothing_of_is_told(nlp, drawn):
    only = [all_components.bare(doc) for doc in drawn]
    for reference, doc in zip(only, drawn):
        reference.set_ents([ent for ent in doc.ents if ent.label_ != "ACT"])
    found = calibrate(nlp, only, precision=0.999, per_label=True)
    assert found.skipped["tag"] == "no doc of the corpus has gold of tag"
    assert found.components.keys() == {"ner", "bio"}
    doubts = [doubt for doubt in found.doubts if doubt.startswith("ner: ") and "ACT" in doubt]
    assert doubts == ["ner: the corpus has no spans of ACT, and no threshold is chosen; what was "
                      "set stays"]  # fmt: skip
    with pytest.raises(ValueError, match="expected gold .* found none: tag: no doc"):
        calibrate(nlp, only, components=["tag"])


def test_a_parser_that_tells_more_than_its_sentences_do_is_told(nlp, monkeypatch):
    """Its temperature is fitted with what is told of sentence starts."""
    sent, tag, parser = map(nlp.get_pipe, ("sent", "tag", "parser"))
    assert not list(_untold_starts(nlp, parser))
    monkeypatch.setattr(parser, "confidences", True)
    monkeypatch.setattr(tag, "confidences", True)
    (doubt,) = _untold_starts(nlp, parser)
    assert doubt.startswith("parser: ")
    assert "the confidences of sent are off" in doubt
    assert not list(_untold_starts(nlp, tag))
    monkeypatch.setattr(sent, "confidences", True)
    assert not list(_untold_starts(nlp, parser))


@pytest.mark.usefixtures("restored")
def test_tokens_that_the_tokenizer_does_not_make_are_told(nlp, drawn):
    doc = Doc(nlp.vocab, ["can't", "stop", "!"], spaces=[True, False, False], tags=["VB"] * 3)
    found = calibrate(nlp, [doc, *drawn[:1]], components=["tag"])
    assert any("the pipeline's tokenizer makes" in doubt for doubt in found.doubts)


@Language.component("tests_merge_all", retokenizes=True)
def merge_all(doc):
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[:])
    return doc


@pytest.mark.usefixtures("restored")
def test_gold_is_of_tokens_that_no_component_before_has_merged(nlp, drawn):
    plain = calibrate(nlp, drawn[:9], components=["tag"]).to_json()
    nlp.add_pipe("tests_merge_all", before="tag")
    try:
        assert calibrate(nlp, drawn[:9], components=["tag"]).to_json() == plain
    finally:
        nlp.remove_pipe("tests_merge_all")


def test_components_and_precisions_that_are_none(nlp, drawn):
    with pytest.raises(ValueError, match="expected some of sent, .*, got tok2vec, nosuch, which"):
        calibrate(nlp, drawn, components=["tok2vec", "nosuch"])
    for precision in (0, 95, -0.5, float("nan")):
        with pytest.raises(ValueError, match="precision: expected a number above 0, at most 1"):
            calibrate(nlp, drawn, precision=precision)
    with pytest.raises(ValueError, match="expected a component of entities or spans.*got tag"):
        calibrate(nlp, drawn, components=["tag"], precision=0.9)
    stock = spacy.blank("en")
    stock.add_pipe("sentencizer")
    with pytest.raises(ValueError, match="of this package, found none among sentencizer"):
        calibrate(stock, drawn)


@pytest.mark.parametrize("label", ["PER:first", "A=B", "#A", ";A", " A"])
def test_labels_that_a_config_cannot_name_are_refused_before_anything_is_fitted(label):
    with pytest.raises(ValueError, match="per_label: a config cannot have the label"):
        check_keys(["PER", label])
    check_keys(["PER", "I-PER", "événement"])


def test_categories_are_judged_without_those_of_other_components(nlp):
    doc = nlp("Ann sees the dogs")
    layer = nlp.get_pipe("textcat").layer
    doc.cats = {"ONE": 0.7, "TWO": 0.3, "ANGRY": 0.9}
    own = layer.of_labels(doc, ["ONE", "TWO", "MORE"])
    assert [fact.label for fact in layer.decisions(own)] == ["ONE"]
    assert doc.cats["ANGRY"] == 0.9
    assert layer.of_labels(own, ["ONE", "TWO"]) is own


@pytest.mark.parametrize("true", [0.5, 3.0, 12.0])
@pytest.mark.parametrize("n", [1000, 20_000])
def test_however_far_from_true_probabilities_are_the_temperature_is_found(true, n):
    """Where all would be certain the distance of bins is small, too: that is not taken. The error
    that is told is about that of repeated draws."""
    random = numpy.random.default_rng(0)
    found, told = [], []
    for _ in range(6):
        margins = random.normal(0, 2, n) * true
        right = random.random(n) < 1 / (1 + numpy.exp(-margins / true))
        decisions = SimpleNamespace(
            right=right, confidences=lambda t, m=margins: 1 / (1 + numpy.exp(-m / t))
        )
        pipe = SimpleNamespace(calibration=1.0, layer=SimpleNamespace(full_name="x"))
        fitted = _fit(pipe, decisions).temperature
        found.append(math.log(fitted.value / true))
        told.append(fitted.error)
    assert numpy.abs(found).max() < 5 * numpy.mean(told)
    assert numpy.std(found) < 3 * numpy.mean(told)
