"""What is counted of pipelines, beside what spaCy counts and what their probabilities say."""

from collections import Counter

import numpy as np
import pytest
import spacy
from all_components import bare, gold_docs
from spacy.language import Language
from spacy.tokens import Doc, Span

from spacy_skd.layers.known import find_layer
from spacy_skd.report import evidence as module
from spacy_skd.report.bootstrap import f1
from spacy_skd.report.counting import Cell
from spacy_skd.report.differing import NOTHING, Differences, Said
from spacy_skd.report.evidence import _some_are_annotated, gather
from spacy_skd.report.scores import score
from spacy_skd.report.slices import Slices
from spacy_skd.report.tables import OTHERS, score_rows

# Of spaCy's scores those that count facts; of categories it means F over the labels.
SPACY = {"TAG": "tag_acc", "POS": "pos_acc", "MORPH": "morph_acc", "LEMMA": "lemma_acc",
         "SENTS": "sents_f", "UAS": "dep_uas", "LAS": "dep_las", "ENTS": "ents_f",
         "SPANS:sc": "spans_sc_f", "SPANS:seg": "spans_seg_f"}  # fmt: skip


@pytest.fixture(scope="module")
def references():
    return gold_docs(spacy.blank("en"))


@pytest.fixture(scope="module")
def evidence(systems, references):
    return gather(systems, references, slices=Slices(), teacher="teacher")


def total(tally, title):
    return f1(tally.counts(Cell(title)).sum(axis=0))


def test_scores_are_spacys(systems, references, evidence):
    imperfect = 0
    for name, nlp in systems.items():
        expected = score(nlp, references, setting="predicted_sentences")
        for title, key in SPACY.items():
            found = total(evidence.found[name].gold, title)
            assert found == pytest.approx(expected[key], abs=1e-6), (name, title)
            imperfect += found < 1
    assert imperfect > 8, "else nothing was compared"


def test_scores_of_partial_gold_are_spacys(systems):
    """Where gold says nothing, nothing counts."""
    docs = gold_docs(spacy.blank("en"))
    for doc in docs:
        doc.set_ents([], missing=[doc[:2]], default="unmodified")
        for token in [*doc][1::2]:
            token.tag_ = token.dep_ = ""
    found = gather(systems, docs, slices=Slices()).found
    for name, nlp in systems.items():
        expected = score(nlp, docs, setting="predicted_sentences")
        for title in ("TAG", "ENTS", "LAS"):
            got = total(found[name].gold, title)
            assert got == pytest.approx(expected[SPACY[title]], abs=1e-6), title


def test_labels_and_slices_add_up(evidence):
    tally = evidence.found["student"].gold
    for title in ("TAG", "LAS", "ENTS"):
        everything = tally.counts(Cell(title))
        for dimension in {cell.dimension for cell in tally.cells if cell.title == title} - {""}:
            cells = [c for c in tally.cells if c.title == title and c.dimension == dimension]
            summed = sum(tally.counts(cell) for cell in cells)
            assert (summed[:, 1:] == everything[:, 1:]).all(), (title, dimension)
    assert {c.value for c in tally.cells if c.dimension == "arc length"} >= {"root", "1", "2"}


def test_each_layer_of_this_package_gives_confidences(systems, evidence):
    layers = {*evidence.layers.values()}
    for found in evidence.found.values():
        assert layers - set(found.right) <= {"cats_multilabel"}  # none need hold
        for layer in found.right:
            confidences, right = found.predictions(layer)
            assert len(confidences) == len(right) > 0
            assert ((confidences >= 0) & (confidences <= 1 + 1e-6)).all()
    tags, right = evidence.found["teacher"].predictions("tag")
    scores = evidence.found["teacher"].gold.counts(Cell("TAG")).sum(axis=0)
    assert len(tags) == scores[1]
    assert right.sum() == scores[0]
    pipes = [pipe for nlp in systems.values() for _, pipe in nlp.pipeline[1:]]
    assert not any(pipe.save_activations for pipe in pipes)


def test_the_divergence_is_that_of_the_probabilities(systems, references, evidence):
    teacher, student = (
        np.concatenate([b.scores for b in nlp.get_pipe("tag").believe(
            list(nlp.pipe([bare(doc) for doc in gold_docs(nlp)])))])
        for nlp in systems.values()
    )  # fmt: skip
    p, q = (np.exp(s - s.max(1, keepdims=True)) for s in (teacher, student))
    p, q = p / p.sum(1, keepdims=True), q / q.sum(1, keepdims=True)
    nats, n = evidence.found["student"].nats["tag"]
    assert n == len(p)
    assert nats == pytest.approx(float((p * np.log(p / q)).sum()), rel=1e-4)
    assert all(nats > -1e-3 for nats, _ in evidence.found["student"].nats.values())
    assert {"parser", "ents", "lemma", "spans:seg"} <= evidence.found["student"].nats.keys()
    assert not evidence.found["teacher"].nats
    same = gather({"a": systems["teacher"], "b": systems["teacher"]}, references, slices=Slices())
    assert all(abs(nats) < 1e-3 for nats, _ in same.found["b"].nats.values())
    assert all(total(same.found["b"].agreement, title) == 1 for title in same.titles)
    assert not same.found["b"].differences.sentences


def test_rows_have_the_difference_from_the_teacher(evidence):
    rows = {(row.title, row.dimension, row.value): row for row in score_rows(evidence)}
    teacher, student = rows["LAS", "", ""].scores
    assert teacher.apart is None
    assert student.apart.mean == pytest.approx(student.f1 - teacher.f1, abs=1e-6)
    assert student.apart.low <= student.apart.mean <= student.apart.high
    assert rows["TAG", "label", "NN"].n == 6
    assert rows["TAG", "label", "PRP"].scores[1].apart is None, "of three docs nothing is sure"
    assert OTHERS not in {value for _, _, value in rows}


def test_many_labels_are_joined(systems):
    nlp = systems["teacher"]
    words = [f"w{i}" for i in range(60)]
    docs = [Doc(nlp.vocab, words, tags=[f"T{i}" for i in range(60)])]
    rows = [r for r in score_rows(gather({"a": nlp}, docs, slices=Slices())) if r.title == "TAG"]
    labels = [row for row in rows if row.dimension == "label"]
    assert len(labels) == 41
    assert labels[-1].value == OTHERS
    assert sum(row.n for row in labels) == 60


def blank(name: str = "senter", **settings) -> Language:
    nlp = spacy.blank("en")
    nlp.add_pipe(name, **settings)
    return nlp


@Language.component("merge_first")
def merge_first(doc):
    with doc.retokenize() as retokenizer:
        if len(doc) > 1:
            retokenizer.merge(doc[:2])
    return doc


def test_a_pipeline_without_the_layer_and_one_with_other_tokens(systems, references):
    merging = blank("merge_first")
    merging.add_pipe("sentencizer")
    found = gather({"teacher": systems["teacher"], "merging": merging}, references, slices=Slices())
    others = found.found["merging"]
    assert {cell.title for cell in others.gold.cells} == {"SENTS"}
    assert total(others.agreement, "SENTS") > 0
    assert not others.nats
    rows = {row.title: row for row in score_rows(found) if not row.dimension}
    assert rows["TAG"].scores[1] is None
    assert rows["SENTS"].scores[1].apart is not None


def test_docs_without_gold_and_of_no_and_one_token(systems):
    texts = ["The cat sees Ann .", "Go", ""]
    docs = [spacy.blank("en").make_doc(text) for text in texts]
    found = gather(systems, docs, slices=Slices())
    assert found.titles
    assert all(not each.gold.cells and not each.right for each in found.found.values())
    assert score_rows(found) == []
    agreed = score_rows(found, against="agreement")
    assert {row.title for row in agreed} >= {"TAG", "LAS"}


def test_of_a_corpus_without_gold_all_docs_are_looked_at_once_a_layer(systems, monkeypatch):
    """And not with each batch: that takes the square of the time that the corpus takes."""
    docs = [spacy.blank("en").make_doc("The cat sees Ann .") for _ in range(8)]
    looked: Counter[str] = Counter()

    def look(layer, some):
        looked[layer.full_name] += some is docs
        return _some_are_annotated(layer, some)

    monkeypatch.setattr(module, "_some_are_annotated", look)
    monkeypatch.setattr(module, "BATCH_WORDS", 10)
    found = gather(systems, docs, slices=Slices())
    assert found.n_docs == 8
    assert looked["tag"] == 1
    assert max(looked.values()) == 1


@Language.component("span_if_any")
def span_if_any(doc):
    found = [Span(doc, token.i, token.i + 1, "ANIMAL") for token in doc if token.text == "cat"]
    if found:
        doc.spans["sc"] = found
    return doc


@pytest.mark.parametrize("step", [1, -1])
def test_what_a_pipeline_has_is_a_matter_of_all_docs(step, monkeypatch):
    """Of a batch of which it says nothing, it has not found what gold has; and one token, which is
    a sentence to spaCy whatever a pipeline sets, is no layer of it."""
    monkeypatch.setattr(module, "BATCH_WORDS", 2)
    rarely, never, both = blank("span_if_any"), spacy.blank("en"), blank("span_ruler")
    ruler = both.replace_pipe("span_ruler", "span_ruler", config={"spans_key": "sc"})
    ruler.add_patterns([{"label": "ANIMAL", "pattern": word} for word in ("cat", "dog")])
    docs = [Doc(never.vocab, [word, "x"], sent_starts=[True, False]) for word in ("cat", "dog")]
    for doc in docs:
        doc.spans["sc"] = [Span(doc, 0, 1, "ANIMAL")]
    docs.append(Doc(never.vocab, ["x"], sent_starts=[True]))
    pipelines = {"both": both, "rarely": rarely, "never": never}
    evidence = gather(pipelines, docs[::step], slices=Slices())
    assert evidence.layers == {"SPANS:sc": "spans:sc"}
    for against in ("gold", "agreement"):
        row = score_rows(evidence, against=against)[0]
        assert row.n == 2
        assert row.scores[1].f1 == pytest.approx(2 / 3)
        assert row.scores[2] is None
    assert evidence.found["never"].differences.confusions == []


def test_a_label_that_gold_never_has(systems, references):
    nlp = blank("entity_ruler")
    nlp.get_pipe("entity_ruler").add_patterns([{"label": "NEVER", "pattern": "book"}])
    rows = score_rows(gather({"a": systems["teacher"], "rules": nlp}, references, slices=Slices()))
    (never,) = (row for row in rows if row.value == "NEVER")
    assert never.n == 0
    assert never.scores[1].f1 is None
    assert never.scores[1].said == 3


def test_one_span_with_two_labels(systems):
    nlp = systems["teacher"]
    doc = Doc(nlp.vocab, ["The", "cat"])
    doc.spans["sc"] = [Span(doc, 1, 2, "ANIMAL"), Span(doc, 1, 2, "PET")]
    found = gather({"a": nlp}, [doc], slices=Slices())
    assert found.found["a"].gold.counts(Cell("SPANS:sc"))[0, 2] == 2


def test_a_span_that_a_group_holds_twice_counts_once():
    """As spaCy counts it: else it may be right more often than it is said."""
    nlp = spacy.blank("en")

    def annotating(times):
        other = spacy.blank("en")
        ruler = other.add_pipe("span_ruler")
        ruler.add_patterns([{"label": "ANIMAL", "pattern": "cat", "id": str(i)} for i in times])
        return other

    doc = Doc(nlp.vocab, ["The", "cat"])
    doc.spans["ruler"] = [Span(doc, 1, 2, "ANIMAL")] * 2
    pipelines = {"once": annotating([0]), "twice": annotating([0, 1])}
    twice = pipelines["twice"](Doc(nlp.vocab, ["The", "cat"]))
    assert len(find_layer("spans:ruler").spans(twice)) == 2
    found = gather(pipelines, [doc], slices=Slices()).found
    for name, nlp in pipelines.items():
        expected = score(nlp, [doc], setting="predicted_sentences")["spans_ruler_f"]
        assert total(found[name].gold, "SPANS:ruler") == expected == 1
    assert total(found["twice"].agreement, "SPANS:ruler") == 1


def test_what_both_say_of_a_span_is_no_difference_beside_what_one_says():
    """Of labels of the same characters each is compared with one that the other has not."""
    nlp = spacy.blank("en")
    layer = find_layer("spans:sc")

    def said(*labels):
        doc = Doc(nlp.vocab, ["The", "cat"])
        doc.spans["sc"] = [Span(doc, 1, 2, label) for label in labels]
        return Said(doc, layer.decisions(doc), None)

    differences = Differences()
    for first, second, gold in (("PA", "A", "A"), ("AP", "A", "AP"), ("AB", "AC", "C")):
        right = {fact.key for fact in said(*gold).decisions}
        sides = said(*first), said(*second)
        differences.add(layer, *sides, reference=sides[0].doc, right=right)
    found = {each.labels: (each.n, each.first, each.second) for each in differences.confusions}
    assert found == {("P", NOTHING): (2, 1, 1), ("B", "C"): (1, 0, 1)}


def test_a_teacher_that_is_none_of_the_pipelines(systems, references):
    with pytest.raises(ValueError, match="expected one of the pipelines teacher, student, got 'x'"):
        gather(systems, references, slices=Slices(), teacher="x")
