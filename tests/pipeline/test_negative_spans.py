"""Spans that are known to be none: `incorrect_spans_key`."""

import numpy
import pytest
import spacy
import span_pipelines
from conftest import train
from entities import ENTITIES, blank_doc, examples, texts
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Corpus, Example
from span_pipelines import each_kind
from taught import add_scores, leaves_of, map_scores

KEY = "not_entities"
each_layer = pytest.mark.parametrize("layer", ["ents", "spans"])


def negative(nlp, text, *spans):
    """An example of which nothing else is known."""
    reference = blank_doc(nlp, text)
    reference.spans[KEY] = [Span(reference, start, end, label) for start, end, label in spans]
    return Example(blank_doc(nlp, text), reference)


def initialized(*args, **settings):
    return span_pipelines.initialized(*args, **{"incorrect_spans_key": KEY, **settings})


def scores_of(nlp, egs, scale=1.0):
    """Random ones, of the model's shape."""
    docs = [eg.predicted for eg in egs]
    nlp.get_pipe("tok2vec").update(egs)
    scores, _ = nlp.get_pipe("ner").model.begin_update(docs)
    rng = numpy.random.default_rng(0)
    return map_scores(lambda a: rng.normal(size=a.shape) * scale, scores)


def confidences(nlp, docs):
    """The probability of each span that is found."""
    nlp.get_pipe("ner").save_activations = True
    found = [nlp(doc)._.activations["ner"] for doc in docs]
    nlp.get_pipe("ner").save_activations = False
    return found


@each_layer
@each_kind
def test_the_loss_is_minus_the_log_of_what_is_not_the_spans(structure, scheme, layer):
    """By the probabilities that the component itself reports of what it finds; its gradient."""
    nlp = initialized(structure, scheme, layer)
    train(nlp, _gold(nlp, layer), 6)
    ner = nlp.get_pipe("ner")
    text = ENTITIES[0][0]
    (found,) = confidences(nlp, [blank_doc(nlp, text)])
    spans = [(s, e, ner.labels[label]) for s, e, label in found["spans"].tolist()]
    assert spans
    eg = negative(nlp, text, *spans)
    nlp.get_pipe("tok2vec").update([eg])
    scores, _ = ner.model.begin_update([eg.predicted])
    loss, gradient = ner.task.loss(ner.task.lesson([eg], None), scores)
    assert loss == pytest.approx(-numpy.log1p(-found["confidences"]).sum(), rel=1e-3)
    rng = numpy.random.default_rng(1)
    scores = map_scores(lambda a: a.astype("float64"), scores)
    direction = map_scores(lambda a: rng.normal(size=a.shape), scores)
    up, down = (
        ner.task.loss(ner.task.lesson([eg], None), add_scores(scores, direction, 1e-5 * sign))[0]
        for sign in (1, -1)
    )
    along = sum(float((g * d).sum()) for g, d in zip(leaves_of(gradient), leaves_of(direction)))
    assert along == pytest.approx((up - down) / 2e-5, rel=1e-3, abs=1e-4)


def _gold(nlp, layer):
    egs = examples(nlp)
    if layer == "spans":
        for eg in egs:
            eg.reference.spans["sc"] = list(eg.reference.ents)
    return egs


@each_kind
def test_what_was_found_is_not_found_again(structure, scheme):
    nlp = initialized(structure, scheme)
    train(nlp, examples(nlp), 40)
    text = ENTITIES[0][0]
    assert texts(nlp(blank_doc(nlp, text)))[0] == ("Ann Lee", "PER")
    eg = negative(nlp, text, (0, 2, "PER"))
    first = train(nlp, [eg], 1)["ner"]
    assert first > 0.3  # it was nearly certain: 8 tokens
    assert train(nlp, [eg], 30)["ner"] < 0.05 * first
    assert ("Ann Lee", "PER") not in texts(nlp(blank_doc(nlp, text)))


def test_it_is_added_to_what_gold_and_the_teacher_teach():
    """(1 - w) (gold + negative) + w teacher; where nothing is annotated but negative spans, the
    teacher's share is 1."""
    nlp = initialized()
    ner = nlp.get_pipe("ner")
    text = ENTITIES[0][0]
    gold, bare = examples(nlp)[0], examples(nlp, gold=False)[0]
    both, alone = examples(nlp)[0], negative(nlp, text, (4, 6, "PER"))
    both.reference.spans[KEY] = [Span(both.reference, 4, 6, "PER")]
    scores = scores_of(nlp, [gold])
    teacher = initialized().get_pipe("ner")
    beliefs = teacher.believe([initialized().get_pipe("tok2vec")(blank_doc(nlp, text))])

    def loss(eg, believed, weight):
        ner.distill_weight = lambda step: weight
        return ner.task.loss(ner.task.lesson([eg], beliefs if believed else None), scores)[0]

    of_gold, of_negative = loss(gold, False, 0.0), loss(alone, False, 0.0)
    of_teacher = loss(bare, True, 0.0)
    assert of_negative > 0.001
    assert loss(bare, False, 0.0) == 0
    assert loss(both, False, 0.0) == pytest.approx(of_gold + of_negative)
    for weight in (0.0, 0.7, 1.0):
        known = (1 - weight) * (of_gold + of_negative)
        assert loss(both, True, weight) == pytest.approx(known + weight * of_teacher, rel=1e-5)
        known = (1 - weight) * of_negative
        assert loss(alone, True, weight) == pytest.approx(known + of_teacher, rel=1e-5)


@each_kind
def test_spans_that_the_student_cannot_find_cost_nothing(structure, scheme):
    """Another label, none, wider than segments are, and one that no tokens spell."""
    nlp = initialized(structure, scheme)
    text = ENTITIES[0][0]
    spans = [(0, 2, "ORG"), (0, 2, "")]
    if structure == "segments":
        spans.append((0, 5, "PER"))
    eg = negative(nlp, text, *spans)
    scores = scores_of(nlp, [eg])
    ner = nlp.get_pipe("ner")
    loss, gradient = ner.task.loss(ner.task.lesson([eg], None), scores)
    assert loss == 0
    assert not any(leaf.any() for leaf in leaves_of(gradient))


def test_spans_that_no_tokens_spell_are_counted(log):
    nlp = initialized()
    reference = Doc(nlp.vocab, ["New", "York", "is", "big"])
    reference.spans[KEY] = [Span(reference, 1, 2, "LOC"), Span(reference, 3, 4, "LOC")]
    eg = Example(Doc(nlp.vocab, ["New York", "is", "big"]), reference)
    ner = nlp.get_pipe("ner")
    assert ner.task.lesson([eg, eg], None).negatives == [[(2, 3, "LOC")]] * 2
    assert ner.task.negatives.misaligned == 2
    assert log.text.count("1 spans of a doc's group 'not_entities' begin or end within") == 1


@each_layer
def test_a_span_that_is_annotated_as_correct_too_is_an_error(layer):
    nlp = initialized(layer=layer)
    eg = _gold(nlp, layer)[0]
    eg.reference.spans[KEY] = [Span(eg.reference, 0, 2, "LOC")]
    nlp.update([eg])
    eg.reference.spans[KEY] = [Span(eg.reference, 0, 2, "PER")]
    with pytest.raises(ValueError, match=r"'Ann Lee' \(0 to 7, PER\) is annotated as correct"):
        nlp.update([eg])


@pytest.mark.parametrize("layer", ["tag", "sent"])
def test_layers_without_spans_refuse_the_setting(layer):
    with pytest.raises(ValueError, match=f"ner: incorrect_spans_key: does not .* '{layer}'"):
        initialized("tokens", layer=layer)


def test_it_is_read_from_disk_and_the_setting_is_saved(tmp_path):
    nlp = initialized()
    eg = negative(nlp, ENTITIES[0][0], (0, 2, "PER"))
    DocBin(docs=[eg.reference]).to_disk(tmp_path / "train.spacy")
    nlp.to_disk(tmp_path / "model")
    again = spacy.load(tmp_path / "model")
    assert again.config["components"]["ner"]["incorrect_spans_key"] == KEY
    (eg,) = Corpus(tmp_path / "train.spacy")(again)
    assert again.get_pipe("ner").task.lesson([eg], None).negatives == [[(0, 2, "PER")]]
    assert train(again, [eg], 1)["ner"] > 0


def test_a_batch_with_and_without():
    """Of docs of other lengths, too, an empty one among them."""
    nlp = initialized()
    egs = [
        *examples(nlp),
        negative(nlp, "Paris", (0, 1, "LOC"), (0, 1, "LOC"), (0, 1, "PER")),
        Example(Doc(nlp.vocab), Doc(nlp.vocab)),
        negative(nlp, "Ann Lee saw Bob", (0, 4, "PER"), (3, 4, "LOC")),
    ]
    ner, scores = nlp.get_pipe("ner"), None
    lesson = ner.task.lesson(egs, None)
    assert lesson.negatives[3] == [(0, 1, "LOC"), (0, 1, "PER")]  # each once
    scores = scores_of(nlp, egs)
    total = ner.task.loss(lesson, scores)[0]
    alone, row = 0.0, 0
    for eg in egs:
        n = len(eg.predicted)
        if n:
            mine = (scores[0][row : row + n], scores[1])
            alone += ner.task.loss(ner.task.lesson([eg], None), mine)[0]
        row += n
    assert total == pytest.approx(alone)


@each_kind
def test_whitespace_within_and_at_the_ends(structure, scheme):
    """A span is that of its words, as everywhere."""
    nlp = initialized(structure, scheme)
    ner = nlp.get_pipe("ner")
    reference = Doc(nlp.vocab, ["\n", "Ann", "\n", "Lee", "\n", "saw", " "])
    spans = [(1, 4, "PER"), (0, 5, "PER"), (3, 5, "LOC"), (4, 5, "PER"), (6, 7, "LOC")]
    reference.spans[KEY] = [Span(reference, start, end, label) for start, end, label in spans]
    eg = Example(Doc(nlp.vocab, [token.text for token in reference]), reference)
    (negatives,) = ner.task.lesson([eg], None).negatives
    assert negatives == [(0, 2, "PER"), (1, 2, "LOC")]
    bare = negative(nlp, "Ann Lee saw", *negatives)
    scores = scores_of(nlp, [bare])
    lessons = [ner.task.lesson([each], None) for each in (eg, bare)]
    found, expected = (ner.task.loss(each, scores)[0] for each in lessons)
    assert found == pytest.approx(expected)
    assert train(nlp, [eg], 1)["ner"] > 0
    reference.set_ents([Span(reference, 1, 4, "PER")])
    with pytest.raises(ValueError, match="is annotated as correct"):
        nlp.update([eg])
