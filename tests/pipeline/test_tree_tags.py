"""The parser by sequence labelling in a pipeline: inventory, gold, teacher."""

import logging
from collections import Counter

import numpy
import pytest
import spacy
from conftest import gold_examples, make_docs, raw_examples
from parsers import build, is_forest, trained, with_sentences
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Adam

from spacy_skd.codecs.head_labels import HeadLabels, head_label
from spacy_skd.pipeline.rehearsal import resume_training
from spacy_skd.transfer import target as target_module
from spacy_skd.transfer.beliefs import Mixture
from spacy_skd.transfer.target import Objective


@pytest.fixture(scope="module")
def teachers(tmp_path_factory):
    """Folders of trained teachers, of trees and of tags."""
    folder = tmp_path_factory.mktemp("teachers")
    for kind in ("head_selection", "offset_tags"):
        nlp = trained(kind)
        nlp.to_disk(folder / kind)
    return folder


def student_of(folder, **settings):
    nlp = build("offset_tags", **settings)
    nlp.add_pipe("skd_teacher", "teacher", config={"teacher": str(folder)}, first=True)
    return nlp


def initialized(examples=None, **settings):
    nlp = build("offset_tags", **settings)
    examples = examples or gold_examples(nlp)
    nlp.initialize(lambda: examples)
    return nlp, nlp.get_pipe("parser"), examples


def tag_of(token):
    return head_label(0 if token.head == token else token.head.i - token.i, token.dep_)


def test_the_inventory_of_gold():
    _, pipe, examples = initialized()
    counts = Counter(tag_of(token) for eg in examples for token in eg.reference)
    assert set(pipe.labels) == set(counts)
    assert len(pipe.labels) == len(counts)
    assert {"-3:obj", "0:ROOT", "1:det", "1:nsubj"} <= set(counts)
    short = {tag for tag in counts if abs(int(tag.partition(":")[0])) < 2}
    assert set(initialized(max_offset=1)[1].labels) == short
    often = {tag for tag, count in counts.items() if count >= 4}
    assert set(initialized(min_count=4)[1].labels) == often != set(counts)


def test_gold_of_too_long_arcs_is_unknown_and_counted(caplog):
    _, pipe, examples = initialized(max_offset=1)
    lesson = pipe.task.lesson(examples, None)
    tokens = [t for eg in examples for t in eg.reference]
    known = [abs(t.head.i - t.i) < 2 for t in tokens]
    assert (lesson.tags >= 0).tolist() == known
    for token, tag in zip(tokens, lesson.tags):
        assert tag < 0 or pipe.labels[tag] == tag_of(token)
    assert pipe.task.untagged == len(known) - sum(known) > 0
    pipe.task.lesson(examples, None)
    assert len([m for m in caplog.messages if "gold arcs of a batch have no tag" in m]) == 1
    _, gradient = pipe.task.loss(lesson, numpy.zeros((len(tokens), len(pipe.labels)), "float32"))
    assert gradient.any(axis=1).tolist() == known


def test_heads_outside_a_unit_are_unknown():
    """A sentence that is cut, since it is longer than max_length."""
    _, pipe, examples = initialized(max_length=3)
    lesson = pipe.task.lesson(examples[4:5], None)  # "The cat sees Ann ." as 3 + 2 tokens
    units = pipe.task.reference_units(examples[4]).tolist()
    heads = [t.head.i for t in examples[4].reference]
    inside = [any(a <= i < b and a <= h < b for a, b in units) for i, h in enumerate(heads)]
    assert (lesson.tags >= 0).tolist() == inside
    assert not all(inside)


def test_the_best_deprel_and_arc_may_not_be_the_best_tag():
    """The decoder repairs a cycle with the tags' own scores."""
    nlp, pipe, _ = initialized()
    W = pipe.model.get_ref("output_layer")
    b = numpy.full(len(pipe.labels), -10, dtype="float32")
    for tag, score in (("1:det", 3), ("1:nsubj", 4), ("-1:obj", 4.5), ("0:ROOT", 1)):
        b[pipe.labels.index(tag)] = score
    W.set_param("W", numpy.zeros_like(W.get_param("W")))
    W.set_param("b", b)
    found = [(t.head.i, t.dep_) for t in nlp("cat cat cat")]
    assert found == [(0, "ROOT"), (0, "obj"), (1, "obj")]  # 1 + 4.5 + 4.5
    one = nlp("cat")
    assert (one[0].head.i, one[0].dep_) == (0, "ROOT")


def test_labels_that_are_given_or_added():
    nlp = build("offset_tags")
    pipe, examples = nlp.get_pipe("parser"), gold_examples(nlp)
    pipe.initialize(lambda: examples, nlp=nlp, labels=["1:det", "0:ROOT"])
    assert pipe.labels == pipe.label_data == ("1:det", "0:ROOT")
    assert is_forest(nlp("The cat sees Ann"))
    for wrong in ("det", "+1:det", ""):
        with pytest.raises(ValueError, match="expected a tag of a head such as '-2:det'"):
            pipe.add_label(wrong)
        with pytest.raises(ValueError, match="expected tags of heads"):
            build("offset_tags").get_pipe("parser").initialize(
                lambda: examples, nlp=nlp, labels=[wrong, "0:ROOT"]
            )
    with pytest.raises(ValueError, match="label of type str"):
        pipe.add_label(3)
    raw = raw_examples(nlp)
    with pytest.raises(ValueError, match="no labels"):
        build("offset_tags").get_pipe("parser").initialize(lambda: raw, nlp=nlp)


def test_a_new_tag_is_learnt():
    nlp, pipe, examples = initialized()
    sgd = Adam(0.01)
    for _ in range(25):
        pipe.update(examples, sgd=sgd)
    before = [[(t.head.i, t.dep_) for t in doc] for doc in nlp.pipe(with_sentences(nlp))]
    assert pipe.add_label("-1:new") == 1
    assert pipe.add_label("-1:new") == 0
    assert "new" in nlp.vocab.strings
    assert [[(t.head.i, t.dep_) for t in d] for d in nlp.pipe(with_sentences(nlp))] == before
    for eg in examples:
        for token in eg.reference:
            if token.text == "Ann":
                token.dep_ = "new"
    for _ in range(40):
        pipe.update(examples, sgd=sgd)
    doc = nlp("The cat sees Ann .")
    assert (doc[3].dep_, doc[3].head.i) == ("new", 2)


def test_with_gold_and_raw_text_of_a_teacher_of_trees(teachers, caplog):
    """The inventory is that of the teacher's best trees of the raw text too; all is learnt."""
    student = student_of(teachers / "head_selection", distill_weight=0.5)
    spacy.util.fix_random_seed(1)
    gold = gold_examples(student)[2:3]  # "She gave him the book"
    raw = [Example(d, d.copy()) for d in with_sentences(student)]
    student.initialize(lambda: [*gold, *raw])
    pipe = student.get_pipe("parser")
    taught = spacy.load(teachers / "head_selection")
    docs = list(taught.pipe(with_sentences(taught)))
    expected = {tag_of(t) for d in docs for t in d}
    mine = {tag_of(t)
            for eg in gold for t in eg.reference}  # fmt: skip
    assert set(pipe.labels) == expected | mine
    assert "share no label" not in caplog.text
    sgd, losses = Adam(0.02), []
    for _ in range(30):
        losses.append(pipe.update([*gold, *raw], sgd=sgd)["parser"])
    assert losses[-1] < 0.5 * losses[0]
    found = list(student.pipe(with_sentences(student)))
    assert [[t.head.i for t in d] for d in found] == [[t.head.i for t in d] for d in docs]


def test_a_teacher_of_tags_gives_its_inventory_and_is_matched_by_name(teachers):
    student = student_of(teachers / "offset_tags", distill_weight=1.0)
    raw = raw_examples(student)
    student.initialize(lambda: raw)
    pipe = student.get_pipe("parser")
    taught = spacy.load(teachers / "offset_tags").get_pipe("parser").labels
    assert pipe.labels == taught
    short = student_of(teachers / "offset_tags", distill_weight=1.0, max_offset=1)
    short.initialize(lambda: raw)
    assert set(short.get_pipe("parser").labels) == {
        tag for tag, o in zip(taught, HeadLabels(taught).offsets) if abs(o) < 2
    }
    beliefs = pipe.beliefs_of_teacher(raw)
    again = student_of(teachers / "offset_tags", distill_weight=1.0)
    again.get_pipe("parser").initialize(lambda: raw, nlp=again, labels=taught[::-1])
    for nlp in (student, again):
        other = nlp.get_pipe("parser")
        target = other.task._target(beliefs)
        order = [taught.index(tag) for tag in other.labels]
        scores = numpy.concatenate([b.scores for b in beliefs])[:, order]
        p = numpy.exp(scores - scores.max(axis=1, keepdims=True))
        found = target.marginals.arrays["unary"][:, 0]
        numpy.testing.assert_allclose(found, p / p.sum(axis=1, keepdims=True), atol=1e-5)
        assert target.empty is None


def test_a_parser_of_arcs_takes_the_deprels_of_a_teacher_of_tags(teachers):
    nlp = build("tree", distill_weight=1.0)
    config = {"teacher": str(teachers / "offset_tags")}
    nlp.add_pipe("skd_teacher", "teacher", config=config, first=True)
    raw = raw_examples(nlp)
    nlp.initialize(lambda: raw)
    taught = spacy.load(teachers / "offset_tags").get_pipe("parser")
    assert set(nlp.get_pipe("parser").labels) == set(taught.task.tags.deprels)
    assert numpy.isfinite(nlp.get_pipe("parser").update(raw)["parser"])


def test_tags_that_the_student_lacks(teachers, caplog):
    """The teacher's mass on them is reported once; units of which nothing is left are skipped and
    counted, and their gold is learnt alone."""
    caplog.set_level(logging.WARNING)
    student = student_of(teachers / "head_selection", distill_weight=0.5, target="top1")
    gold = gold_examples(student)
    pipe = student.get_pipe("parser")
    tags = [tag for tag in initialized()[1].labels if not tag.endswith(":det")]
    pipe.initialize(lambda: gold, nlp=student, labels=tags)
    lesson = pipe.task.lesson(gold, pipe.beliefs_of_teacher(gold))
    target = pipe.task._target(lesson.beliefs)
    silent, rows = target.empty, target.marginals.arrays["unary"][:, 0]
    tokens = [t for eg in gold for t in eg.reference]
    assert silent.tolist() == [t.dep_ == "det" for t in tokens]
    assert pipe.lost_mass.skipped == sum(silent)
    numpy.testing.assert_allclose(rows[~silent].sum(axis=1), 1, atol=1e-5)
    _, gradient = pipe.task.loss(lesson, numpy.zeros(rows.shape, "float32"))
    assert not gradient[silent].any()  # their gold has no tag either
    assert gradient[~silent].any(axis=1).all()
    assert "certain of arcs without a tag" in caplog.text
    assert len([m for m in caplog.messages if "arcs without a tag, or whose deprels" in m]) == 1


def test_deprels_that_the_student_does_not_share(teachers):
    student = student_of(teachers / "head_selection", distill_weight=1.0)
    raw = raw_examples(student)
    with pytest.raises(ValueError, match="share no label"):
        student.get_pipe("parser").initialize(lambda: raw, nlp=student, labels=["1:x", "0:y"])


TARGETS = [
    Objective(target, k=3, temperature=2.0) for target in target_module.TARGETS if target != "gold"
]


@pytest.mark.parametrize("kind", ["head_selection", "offset_tags"])
@pytest.mark.parametrize(
    "objective", [*TARGETS, Objective(temperature=2.0, temperature_kind="local")]
)
def test_every_target(teachers, kind, objective):
    """Its gradient is that of its loss, and what several teachers say is mixed by weight."""
    taught = spacy.load(teachers / kind)
    nlp, pipe, _ = initialized()
    docs = with_sentences(nlp)
    beliefs = taught.get_pipe("parser").believe(with_sentences(taught))
    others = spacy.load(teachers / "offset_tags").get_pipe("parser").believe(docs)
    pipe.objective = objective
    rng = numpy.random.default_rng(0)
    scores = rng.normal(size=(sum(map(len, docs)), len(pipe.labels)))
    loss, gradient = pipe.get_teacher_student_loss(beliefs, scores)
    direction, eps = rng.normal(size=scores.shape), 1e-4
    up, down = (
        pipe.get_teacher_student_loss(beliefs, scores + sign * eps * direction)[0]
        for sign in (1, -1)
    )
    assert float((gradient * direction).sum()) == pytest.approx((up - down) / (2 * eps), rel=1e-4)
    if objective.temperature_kind == "local":  # of the mixture, which is not linear
        return
    mixed = [Mixture(pair, (1.0, 3.0)) for pair in zip(beliefs, others)]
    other = pipe.get_teacher_student_loss(others, scores)[0]
    found = pipe.get_teacher_student_loss(mixed, scores)[0]
    assert found == pytest.approx(0.25 * loss + 0.75 * other, rel=1e-5)


def test_gold_alone_asks_no_teacher(teachers):
    student = student_of(teachers / "head_selection", target="gold")
    examples = gold_examples(student)
    student.initialize(lambda: examples)
    assert student.get_pipe("parser").beliefs_of_teacher(examples) is None
    assert student.get_pipe("teacher").passes == 0


def test_several_teachers_give_their_tags_and_their_trees(teachers):
    nlp = build("offset_tags", distill_weight=1.0)
    paths = [{"path": str(teachers / kind)} for kind in ("offset_tags", "head_selection")]
    nlp.add_pipe("skd_teacher", "teacher", config={"teachers": paths}, first=True)
    raw = raw_examples(nlp)
    nlp.initialize(lambda: raw)
    pipe = nlp.get_pipe("parser")
    assert set(pipe.labels) >= set(spacy.load(teachers / "offset_tags").get_pipe("parser").labels)
    assert numpy.isfinite(pipe.update(raw)["parser"])


def test_another_kind_of_teacher_is_refused(teachers):
    _, pipe, examples = initialized()
    nlp = spacy.blank("en")
    tagger = nlp.add_pipe("distilling_tagger", "tag")
    nlp.initialize(lambda: gold_examples(nlp))
    with pytest.raises(ValueError, match="expected a teacher of dependency trees.*'tag'"):
        pipe.distill(tagger, examples)
    with pytest.raises(ValueError, match="expected a teacher of token labels"):
        tagger.distill(pipe, examples)


def test_what_differs_from_gold_and_teacher_is_the_gradient():
    """Of gold alone: P - 1 at the tag."""
    _, pipe, examples = initialized()
    lesson = pipe.task.lesson(examples, None)
    scores = numpy.random.default_rng(0).normal(size=(len(lesson.tags), len(pipe.labels)))
    loss, gradient = pipe.task.loss(lesson, scores)
    p = numpy.exp(scores) / numpy.exp(scores).sum(axis=1, keepdims=True)
    rows = numpy.arange(len(p))
    assert loss == pytest.approx(-numpy.log(p[rows, lesson.tags]).sum())
    p[rows, lesson.tags] -= 1
    numpy.testing.assert_allclose(gradient, p, atol=1e-6)


def test_activations():
    nlp, pipe, examples = initialized(save_activations=True, max_offset=2)
    for _ in range(10):
        pipe.update(examples, sgd=Adam(0.01))
    docs = [*with_sentences(nlp), Doc(nlp.vocab)]
    seen = set()
    for doc in nlp.pipe(docs):
        found = doc._.activations["parser"]
        assert found["marginals"].shape == (len(doc), len(pipe.labels))
        numpy.testing.assert_allclose(found["marginals"].sum(axis=1), 1, atol=1e-5)
        for token, tag, chance in zip(doc, found["label_ids"], found["confidences"]):
            seen.add(tag >= 0)
            if tag >= 0:
                assert pipe.labels[tag] == tag_of(token)
                assert chance == found["marginals"][token.i, tag] > 0
            else:
                assert chance == 0
                offset = tag_of(token).partition(":")[0]
                assert not any(label.startswith(f"{offset}:") for label in pipe.labels)
    assert True in seen


def test_rehearsal_keeps_to_all_tags():
    nlp, pipe, examples = initialized()
    sgd = Adam(0.01)
    for _ in range(20):
        pipe.update(examples, sgd=sgd)
    resume_training(nlp)
    before = [belief.scores for belief in pipe.believe(with_sentences(nlp))]
    W = pipe.model.get_ref("output_layer").get_param("W")
    W += numpy.random.default_rng(0).normal(size=W.shape).astype("float32") * 0.1
    losses = [pipe.rehearse(examples, sgd=sgd)["parser"] for _ in range(40)]
    assert losses[-1] < losses[0]
    after = [belief.scores for belief in pipe.believe(with_sentences(nlp))]
    for a, b in zip(before, after):
        p, q = (numpy.exp(s) / numpy.exp(s).sum(axis=1, keepdims=True) for s in (a, b))
        assert abs(p - q).max() < 0.2


def test_memory_zones_keep_deprels():
    nlp, pipe, examples = initialized()
    pipe.update(examples, sgd=Adam(0.01))
    data, expected = nlp.to_bytes(), [t.dep_ for t in nlp("The cat sees Ann")]
    fresh = build("offset_tags").from_bytes(data)
    with fresh.memory_zone():
        assert [t.dep_ for t in fresh("The cat sees Ann")] == expected
    assert [t.dep_ for t in fresh("The cat sees Ann")] == expected


def test_docs_without_tokens():
    nlp, pipe, _ = initialized()
    empty = Example(Doc(nlp.vocab), Doc(nlp.vocab))
    assert pipe.update([empty]) == {"parser": 0.0}
    assert numpy.isfinite(pipe.update([empty, *gold_examples(nlp)])["parser"])
    (belief,) = pipe.believe([Doc(nlp.vocab)])
    assert belief.scores.shape == (0, len(pipe.labels))
    pipe.write_beliefs([Doc(nlp.vocab)], [belief])
    pipe.write_beliefs([], [])
    assert len(make_docs(nlp)) == len(pipe.believe(make_docs(nlp)))
