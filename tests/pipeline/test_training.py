"""Training on gold, from a teacher, and on both."""

import numpy
import pytest
import spacy
from conftest import build, gold_examples, raw_examples, student_of, train
from parsers import STRUCTURES
from parsers import build as build_parser
from spacy.tokens import Doc
from spacy.training import Example
from taught import scores_of_lesson
from thinc.api import Model

from spacy_skd.codecs.trees import find_pairs
from spacy_skd.training.callbacks import without_teacher
from spacy_skd.transfer.annealing import as_schedule, make_linear_weight


def test_learns_gold_and_predicts_it(teacher):
    nlp = spacy.load(teacher)
    scores = nlp.evaluate(gold_examples(nlp))
    assert scores["tag_acc"] == scores["pos_acc"] == 1.0
    assert scores["sents_f"] == 1.0
    assert scores["dep_las"] == 1.0
    assert all(
        sum(t.head == t for t in sent) == 1 for doc in nlp.pipe(["Go ! Go !"]) for sent in doc.sents
    )


@pytest.mark.parametrize("structure", STRUCTURES)
def test_learns_from_the_teacher_alone(teacher, structure):
    """Raw text only: the student comes to agree with its teacher, in its probabilities too."""
    spacy.util.fix_random_seed(1)
    nlp = student_of(teacher, weight=1.0)
    nlp.get_pipe("parser").task.structure = STRUCTURES[structure]
    examples = [Example(eg.predicted, eg.predicted.copy()) for eg in gold_examples(nlp)]
    nlp.initialize(lambda: examples)
    assert nlp.get_pipe("tag").labels == spacy.load(teacher).get_pipe("tag").labels
    first = train(nlp, examples, 1)
    last = train(nlp, examples, 120)
    assert all(last[name] < 0.5 * first[name] for name in ("sent", "tag", "pos", "parser"))
    scores = nlp.evaluate(gold_examples(nlp))
    assert scores["tag_acc"] > 0.9
    assert scores["dep_las"] > 0.9


def test_gold_and_raw_in_one_batch(teacher):
    spacy.util.fix_random_seed(1)
    nlp = student_of(teacher, weight=0.5)
    examples = gold_examples(nlp) + raw_examples(nlp)
    nlp.initialize(lambda: examples)
    losses = train(nlp, examples, 60)
    assert all(numpy.isfinite(loss) for loss in losses.values())
    assert nlp.evaluate(gold_examples(nlp))["dep_las"] > 0.9


@pytest.mark.parametrize("pipe", ["tag", "sent", "parser"])
def test_the_gradient_of_a_component_is_that_of_its_loss(teacher, pipe):
    """Along a random direction of the output layer's weights, gold and teacher mixed."""
    spacy.util.fix_random_seed(1)
    nlp = student_of(teacher, weight=0.4, temperature=1.5)
    examples = gold_examples(nlp) + raw_examples(nlp)
    nlp.initialize(lambda: examples)
    component = nlp.get_pipe(pipe)
    listeners = nlp.get_pipe("tok2vec")
    node = component.model.get_ref("output_layer")
    W = node.get_param("W")
    direction = numpy.random.default_rng(0).normal(size=W.shape).astype("float32")

    def loss() -> float:
        listeners.update(examples, sgd=None)
        losses = component.update(examples, sgd=None, losses={})
        return losses[pipe]

    loss()
    for name in node.grad_names:
        node.get_grad(name).fill(0)
    loss()
    found = float((node.get_grad("W") * direction).sum())
    eps = 3e-3
    original = W.copy()
    values = []
    for sign in (1, -1):
        node.set_param("W", original + sign * eps * direction)
        values.append(loss())
    assert found == pytest.approx((values[0] - values[1]) / (2 * eps), rel=0.03, abs=2e-4)


def test_annealing_goes_on_where_a_resumed_run_stopped(teacher, tmp_path):
    schedule = {"@misc": "spacy-skd.LinearWeight.v1", "start": 1.0, "end": 0.0, "steps": 10}
    nlp = student_of(teacher, weight=schedule)
    examples = gold_examples(nlp)
    nlp.initialize(lambda: examples)
    assert nlp.get_pipe("parser").weight == 1.0
    train(nlp, examples, 4)
    assert nlp.get_pipe("parser").weight == pytest.approx(0.6)
    nlp.to_disk(tmp_path / "last")
    resumed = spacy.load(tmp_path / "last")
    for name in ("sent", "tag", "pos", "parser"):
        assert resumed.get_pipe(name).weight == pytest.approx(0.6)


def test_annealing_counts_steps_of_the_optimizer():
    """Of which `training.accumulate_gradient` makes one of several batches."""
    nlp = build_parser("offset_tags", needs_teacher=False)
    pipe, examples = nlp.get_pipe("parser"), gold_examples(nlp)
    pipe.distill_weight = make_linear_weight(steps=4)
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(2):
        for batch in (examples[:2], examples[2:4], examples[4:]):
            nlp.update(batch, sgd=False)
        pipe.finish_update(optimizer)
    assert (pipe.weight, pipe.cfg["seen"]) == (0.5, 2 * len(examples))
    nlp.update(examples, sgd=optimizer)
    pipe.update(examples, sgd=optimizer)
    pipe.finish_update(optimizer)  # of nothing
    assert (pipe.weight, pipe.cfg["step"]) == (0.0, 4)


def test_annealing_begins_anew_with_new_weights():
    nlp = build_parser("offset_tags", needs_teacher=False)
    pipe, examples = nlp.get_pipe("parser"), gold_examples(nlp)
    pipe.distill_weight = make_linear_weight(steps=2)
    nlp.initialize(lambda: examples)
    train(nlp, examples, 2)
    assert (pipe.weight, pipe.cfg["seen"]) == (0.0, 2 * len(examples))
    pipe.calibration = 2.0
    nlp.initialize(lambda: examples)
    assert (pipe.weight, pipe.cfg["seen"], pipe.calibration) == (1.0, 0, 1.0)


def test_a_schedule_of_ones_own_anneals_and_learns_from_gold_alone():
    """It is any function of the step."""
    nlp = build_parser("offset_tags", needs_teacher=False)
    pipe, examples = nlp.get_pipe("parser"), gold_examples(nlp)[:2]
    pipe.distill_weight = as_schedule(lambda step: 0.5**step)
    nlp.initialize(lambda: examples)
    train(nlp, examples, 2)
    assert pipe.weight == 0.25


def test_annealing_goes_on_in_components_that_are_sourced(teacher, tmp_path):
    """As a config does that resumes from model-last."""
    schedule = {"@misc": "spacy-skd.LinearWeight.v1", "start": 0.8, "end": 0.0, "steps": 8}
    nlp = student_of(teacher, weight=schedule)
    examples = gold_examples(nlp)
    nlp.initialize(lambda: examples)
    train(nlp, examples, 4)
    without_teacher(nlp).to_disk(tmp_path / "model-last")
    source, resumed = spacy.load(tmp_path / "model-last"), spacy.blank("en")
    for name in source.pipe_names:
        resumed.add_pipe(name, source=source)
    resumed.add_pipe("skd_teacher", "teacher", config={"teacher": str(teacher)}, first=True)
    train(resumed, gold_examples(resumed), 2)
    for name in ("sent", "tag", "pos", "parser"):
        assert resumed.get_pipe(name).weight == pytest.approx(0.2)
    alone = spacy.load(tmp_path / "model-last")
    train(alone, gold_examples(alone), 1)
    assert alone.get_pipe("tag").cfg["step"] == 5


@pytest.mark.parametrize("loss", [numpy.nan, numpy.inf])
def test_a_loss_that_is_not_finite_raises(teacher, monkeypatch, loss):
    nlp = spacy.load(teacher)
    tag = nlp.get_pipe("tag")
    monkeypatch.setattr(tag.task, "loss", lambda lesson, scores: (loss, scores))
    with pytest.raises(ValueError, match=f"tag: the loss is {loss}, so training diverged"):
        train(nlp, gold_examples(nlp), 1)


def test_a_long_text_without_sentence_boundaries_is_learnt(teacher):
    """5,000 tokens, in sentences by the teacher."""
    nlp = student_of(teacher, weight=1.0)
    doc = Doc(nlp.vocab, ["The", "cat", "sees", "Ann", "."] * 1000)
    examples = [Example(doc, doc.copy())]
    nlp.initialize(lambda: examples)
    assert all(0 < loss < numpy.inf for name, loss in train(nlp, examples, 1).items()
               if name != "tok2vec")  # fmt: skip
    units = nlp.get_pipe("parser").task.lesson(
        examples, nlp.get_pipe("parser").beliefs_of_teacher(examples)
    )
    lengths = units.spans[:, 1] - units.spans[:, 0]
    assert lengths.sum() == 5000
    assert lengths.max() <= 150


def test_units_without_gold_learn_from_the_teacher_though_its_weight_is_zero(teacher):
    spacy.util.fix_random_seed(1)
    nlp = student_of(teacher, weight=0.0)
    raw = raw_examples(nlp)
    nlp.initialize(lambda: raw)
    first = train(nlp, raw, 1)
    assert train(nlp, raw, 40)["parser"] < first["parser"]


def test_different_tokens_are_aligned():
    nlp = build()
    reference = gold_examples(nlp)[0].reference
    words = ["The", "cat", "se", "es", "Ann", ".", "Dogs", "sleep", "well"]
    spaces = [True, True, False, True, True, True, True, True, False]
    examples = [Example(Doc(nlp.vocab, words, spaces), reference), *gold_examples(nlp)[1:]]
    nlp.initialize(lambda: examples)
    losses = train(nlp, examples, 3)
    assert all(numpy.isfinite(loss) for loss in losses.values())


def test_a_space_that_starts_a_sentence_and_is_not_predicted():
    """As of a reference with whitespace tokens and a tokenizer that makes none."""
    nlp = build()
    words, spaces = ["Go", "!", "\n", "Go", "!"], [True, False, False, True, False]
    heads, deps = [0, 0, 3, 3, 3], ["ROOT", "punct", "dep", "ROOT", "punct"]
    tags, pos = ["VB", ".", "_SP", "VB", "."], ["VERB", "PUNCT", "SPACE", "VERB", "PUNCT"]
    reference = Doc(nlp.vocab, words, spaces, heads=heads, deps=deps, tags=tags, pos=pos)
    predicted = Doc(nlp.vocab, ["Go", "!", "Go", "!"], [True, True, True, False])
    example = Example(predicted, reference)
    assert nlp.get_pipe("sent").task.layer.gold(example) == ["S", "I", "S", "I"]
    assert nlp.get_pipe("parser").task.reference_units(example).tolist() == [[0, 2], [2, 4]]
    nlp.initialize(lambda: [example])
    assert all(numpy.isfinite(loss) for loss in train(nlp, [example], 2).values())


def test_no_teacher_where_one_is_needed():
    nlp = build(weight=0.5)
    with pytest.raises(ValueError, match="has no teacher.*skd_teacher"):
        nlp.initialize(lambda: gold_examples(nlp))


def test_no_teacher_where_labels_are_known_without_one():
    """Those that are given, and those that a layer has always: `distill` names its teacher, and
    only `update` needs one that is linked."""
    nlp = build(weight=0.5)
    examples = gold_examples(nlp)
    for name, labels in (("sent", None), ("tag", ["NN"])):
        pipe = nlp.get_pipe(name)
        pipe.initialize(lambda: examples, nlp=nlp, labels=labels)
        with pytest.raises(ValueError, match="has no teacher.*skd_teacher"):
            pipe.update(examples)
        assert (pipe.cfg["step"], pipe.cfg["seen"]) == (0, 0)


def test_teacher_without_the_component(teacher):
    nlp = student_of(teacher)
    nlp.add_pipe("distilling_tagger", "other", config={"distill_weight": 1.0})
    with pytest.raises(ValueError, match="asks the teacher's component 'other'"):
        nlp.initialize(lambda: gold_examples(nlp))


def test_teacher_of_another_kind_of_annotation(teacher):
    nlp = student_of(teacher)
    nlp.get_pipe("teacher").members[0].student_to_teacher = {"parser": "tag"}
    examples = gold_examples(nlp)
    nlp.initialize(lambda: examples)
    with pytest.raises(ValueError, match="expected a teacher of dependency trees"):
        train(nlp, examples, 1)


def test_teacher_that_cannot_be_loaded(tmp_path):
    nlp = student_of(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="cannot load the teacher"):
        nlp.initialize(lambda: gold_examples(nlp))


def test_labels_that_differ_are_named_and_masked(teacher, caplog):
    nlp = student_of(teacher, weight=1.0)
    examples = gold_examples(nlp)
    labels = [*nlp.get_pipe("teacher").labels_of("tag")[1:], "MINE"]
    nlp.get_pipe("tag").initialize(lambda: examples, nlp=nlp, labels=labels)
    assert "only the teacher has the labels" in caplog.text
    assert "['MINE']" in caplog.text
    tag = nlp.get_pipe("tag")
    beliefs = tag.beliefs_of_teacher(examples)
    target = type(beliefs[0]).target_of_tokens(beliefs, tag.task.student())
    target = target.marginals.arrays["unary"][:, 0]
    numpy.testing.assert_allclose(target.sum(axis=1), 1.0, atol=1e-5)
    assert (target[:, labels.index("MINE")] == 0).all()


@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_gold_and_added_labels_that_the_teacher_lacks_are_kept_and_named(teacher, caplog, weight):
    """Whether the teacher counts or not."""
    nlp = student_of(teacher, weight=weight)
    examples = gold_examples(nlp)
    reference = examples[0].reference
    reference[1].tag_, reference[1].dep_ = "NEWTAG", "newdep"
    nlp.get_pipe("tag").add_label("ADDED")
    nlp.initialize(lambda: examples)
    taught = spacy.load(teacher)
    for name, more in (("tag", {"ADDED", "NEWTAG"}), ("parser", {"newdep"}), ("pos", set())):
        labels = nlp.get_pipe(name).labels
        assert set(labels) == {*taught.get_pipe(name).labels, *more}
        assert len(labels) == len(set(labels))
    assert "tag: only the student has the labels ['ADDED', 'NEWTAG']" in caplog.text
    assert "parser: only the student has the labels ['newdep']" in caplog.text
    assert "pos: only" not in caplog.text


def without(labels, *left_out):
    return [label for label in labels if label not in left_out]


@pytest.mark.parametrize(("name", "label"), [("tag", "NN"), ("parser", "punct")])
@pytest.mark.parametrize("weight", [0.5, 1.0])
def test_a_certain_teacher_of_labels_that_the_student_lacks_does_not_count(
    teacher, caplog, name, label, weight
):
    """Of those tokens; they are counted, and the others are learnt."""
    nlp = student_of(teacher, weight=weight, target="top1")
    examples = gold_examples(nlp) + raw_examples(nlp)
    nlp.initialize(lambda: examples)
    pipe = build(weight=weight, target="top1").get_pipe(name)
    pipe.set_teacher(nlp.get_pipe("teacher"))
    labels = without(spacy.load(teacher).get_pipe(name).labels, label)
    pipe.initialize(lambda: examples, nlp=nlp, labels=labels)
    docs = [eg.predicted for eg in examples]
    lesson = pipe.task.lesson(examples, pipe.beliefs_of_teacher(examples))
    width = pipe.model.get_ref("tok2vec").get_dim("nO")
    for doc in docs:
        doc.tensor = numpy.ones((len(doc), width), dtype="float32")
    scores = scores_of_lesson(pipe, docs, lesson)
    loss, gradient = pipe.task.loss(lesson, scores)
    assert 0 < loss < numpy.inf
    n = sum(t.tag_ == label or t.dep_ == label for eg in examples for t in eg.reference)
    assert n <= pipe.lost_mass.skipped < len(lesson.tags if name == "tag" else lesson.pairs)
    assert f"{name}: the teacher is certain of labels that the student lacks" in caplog.text
    if name == "tag":
        silent = [t.text in ("cat", "book") for doc in docs for t in doc]
        assert not gradient[silent].any()
        assert (~gradient.any(axis=1)).sum() == pipe.lost_mass.skipped


@pytest.mark.parametrize(("name", "label"), [("tag", "NN"), ("parser", "punct")])
def test_the_mass_that_is_lost_is_reported_once(teacher, caplog, name, label):
    nlp = student_of(teacher, weight=1.0)
    examples = gold_examples(nlp)
    nlp.initialize(lambda: examples)
    train(nlp, examples, 2)
    assert "cannot express" not in caplog.text
    pipe = build(weight=1.0).get_pipe(name)
    pipe.set_teacher(nlp.get_pipe("teacher"))
    labels = without(spacy.load(teacher).get_pipe(name).labels, label)
    pipe.initialize(lambda: examples, nlp=nlp, labels=labels)
    docs = list(nlp.get_pipe("tok2vec").pipe([eg.predicted for eg in examples]))
    lesson = pipe.task.lesson(examples, pipe.beliefs_of_teacher(examples))
    for _ in range(2):
        pipe.task.loss(lesson, pipe.model.predict(pipe.task.inputs(docs, lesson)))
    (line,) = [line for line in caplog.messages if "cannot express" in line]
    percent = float(line.split("%")[0].split()[-1])
    tokens = [token for eg in examples for token in eg.reference]
    share = sum(label in (token.tag_, token.dep_) for token in tokens) / len(tokens)
    assert line.startswith(name)
    assert percent == pytest.approx(100 * share, abs=3)


def test_deprels_are_matched_by_name(teacher):
    """A student that scores as its teacher does has nothing to learn, whatever the order."""
    nlp = student_of(teacher, weight=1.0)
    examples, pipe = raw_examples(nlp), nlp.get_pipe("parser")
    labels = spacy.load(teacher).get_pipe("parser").labels
    nlp.initialize(lambda: examples)
    pipe.initialize(lambda: examples, nlp=nlp, labels=labels[::-1])
    lesson = pipe.task.lesson(examples, pipe.beliefs_of_teacher(examples))
    docs = list(nlp.get_pipe("tok2vec").pipe([eg.predicted for eg in examples]))
    scores = scores_of_lesson(pipe, docs, lesson)
    (taught,), pairs = lesson.teachers, lesson.pairs
    believed = taught.label_scores(pipe.structure, 1.0)[find_pairs(pairs, among=taught.pairs)]
    assert len(believed) == sum(len(b.pairs) for b in pipe.beliefs_of_teacher(examples))
    _, (_, same) = pipe.task.loss(lesson, scores._replace(rows=believed[:, ::-1]))
    assert abs(same).max() < 1e-5
    _, (_, other) = pipe.task.loss(lesson, scores._replace(rows=believed))
    assert abs(other).max() > 0.5


@pytest.mark.parametrize("structure", STRUCTURES)
def test_the_loss_of_a_parser_is_over_the_structure_of_its_setting(structure):
    """In every tree, projective or not, one token has ROOT, so that the gradients of those arcs add
    up to 0; heads on their own have none or several."""
    nlp = build()
    nlp.remove_pipe("parser")
    pipe = nlp.add_pipe("distilling_parser", "parser", config={"structure": structure})
    examples = gold_examples(nlp)
    nlp.initialize(lambda: examples)
    lesson = pipe.task.lesson(examples, None)
    scores = scores_of_lesson(pipe, [eg.predicted for eg in examples], lesson)
    for parts in scores[1]:
        parts.arrays["arc"] += numpy.random.default_rng(0).normal(size=parts.arrays["arc"].shape)
    _, (d_arcs, _) = pipe.task.loss(lesson, scores)
    from_root = numpy.concatenate([p.arrays["arc"][:, :, 0].sum(axis=1) for p in d_arcs])
    assert (abs(from_root) < 1e-4).all() == (structure != "head_selection")


def test_labels_without_overlap(teacher):
    nlp = student_of(teacher, weight=1.0)
    with pytest.raises(ValueError, match="share no label"):
        nlp.get_pipe("tag").initialize(lambda: gold_examples(nlp), nlp=nlp, labels=["X", "Y"])


def test_no_labels_at_all():
    nlp = build()
    raw = raw_examples(nlp)
    with pytest.raises(ValueError, match="no labels"):
        nlp.initialize(lambda: raw)


def test_nan_scores(teacher):
    nlp = spacy.load(teacher)
    nlp.get_pipe("tag").model.get_ref("output_layer").get_param("b").fill(numpy.nan)
    with pytest.raises(ValueError, match="NaN"):
        nlp("Go !")
    nlp = spacy.load(teacher, exclude=["tag"])
    nlp.get_pipe("parser").model.get_ref("arc_scorer").get_param("u").fill(numpy.nan)
    with pytest.raises(ValueError, match="nan in unit 0"):
        nlp("Go !")


@pytest.mark.parametrize(("value", "named"), [(numpy.nan, "NaN"), (numpy.inf, "infinite")])
def test_scores_of_deprels_that_are_not_finite(teacher, value, named):
    nlp = spacy.load(teacher)
    pipe = nlp.get_pipe("parser")
    predict = pipe.model.predict

    def damaged(model, X, is_train):
        scores = predict(X)

        def deprels(pairs):
            rows = scores.deprels(pairs)
            rows[0, 0] = value
            return rows

        return scores._replace(deprels=deprels), lambda d_scores: d_scores

    pipe.model = Model("damaged", damaged)
    with pytest.raises(ValueError, match=rf"parser \(deprels\): the model's scores are {named}"):
        nlp("Go home now !")


@pytest.mark.parametrize("name", ["tag", "pos", "sent"])
def test_infinite_scores_of_tokens(teacher, name):
    """One label of infinite score would be the best of every token."""
    nlp = spacy.load(teacher)
    nlp.get_pipe(name).model.get_ref("output_layer").get_param("b")[0] = numpy.inf
    with pytest.raises(ValueError, match=f"{name}: the model's scores are infinite"):
        nlp("Go !")
    doc = nlp.get_pipe("tok2vec")(nlp.make_doc("Go !"))
    with pytest.raises(ValueError, match=f"{name}: the model's scores are infinite"):
        nlp.get_pipe(name).believe([doc])
