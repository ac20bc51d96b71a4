"""What a student's target can be: each is learnt, has the gradient of its loss, and says what it
cannot do."""

import copy
import itertools
from dataclasses import replace

import numpy
import oracle
import pytest
import spacy
from all_components import build, gold_examples
from conftest import raw_examples, train
from conftest import student_of as linked_student
from parsers import STRUCTURES
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

from spacy_skd.pipeline.lost_mass import LostMass
from spacy_skd.transfer import target as target_module
from spacy_skd.transfer.annealing import as_schedule
from spacy_skd.transfer.beliefs import LabelCandidates, Mixture, TreeCandidates
from spacy_skd.transfer.target import Objective

# Token labels, tags of spans in a chain and on their own, trees, categories.
NAMES = ("tag", "ner", "bio", "parser", "textcat", "multilabel")
TARGETS = tuple(target for target in target_module.TARGETS if target != "gold")
CASES = [(n, t) for n, t in itertools.product(NAMES, TARGETS) if (n, t) != ("parser", "position")]
each = pytest.mark.parametrize(("name", "target"), CASES)


@pytest.fixture(scope="module")
def teacher():
    spacy.util.fix_random_seed(0)
    nlp = build()
    nlp.initialize(lambda: gold_examples(nlp))
    train(nlp, gold_examples(nlp), 12)
    return nlp


@pytest.fixture(scope="module")
def school(teacher):
    """The teacher, a student, and examples for both."""
    student = student_of(teacher)
    return teacher, student, lesson(teacher, student)


def pipe_of(school, name, target="structural", **settings):
    """A component of the student, of the same model."""
    pipe = copy.copy(school[1].get_pipe(name))
    pipe.task = copy.copy(pipe.task)
    pipe.task.belong_to(pipe)
    pipe.objective, pipe.lost_mass = Objective(target, **settings), LostMass(name)
    return pipe


def beliefs_of(school, name, *, seed=0):
    """What the teacher believes, at random: of others than gold, and certain of nothing."""
    teacher, _, examples = school
    rng = numpy.random.default_rng(seed)
    beliefs = teacher.get_pipe(name).believe([eg.reference for eg in examples])
    return [_noisy(belief, rng) for belief in beliefs]


def _noisy(belief, rng):
    found = {k: v for k, v in vars(belief).items() if "score" in k or k in ("arcs", "transition")}

    def noisy(array):
        noise = rng.normal(size=array.shape).astype("float32")
        return numpy.where(array > -1e6, array / 8 + noise, array)

    return replace(
        belief,
        **{k: tuple(map(noisy, v)) if isinstance(v, tuple) else noisy(v) for k, v in found.items()},
    )


def docs_of(school):
    return [eg.predicted for eg in school[2]]


def random_scores(pipe, docs, beliefs, *, seed=0):
    scores, _ = scores_and_n(pipe, docs, beliefs)
    rng = numpy.random.default_rng(seed)
    return map_scores(lambda a: a.astype("float64") + rng.normal(size=a.shape), scores)


def check_gradient(loss_of, scores):
    """Along a random direction of all scores."""
    rng = numpy.random.default_rng(1)
    direction = map_scores(lambda a: rng.normal(size=a.shape), scores)
    _, gradient = loss_of(scores)
    up, down = (loss_of(add_scores(scores, direction, sign * 1e-4))[0] for sign in (1, -1))
    pairs = zip(leaves_of(gradient), leaves_of(direction))
    along = sum(float((g * d).sum()) for g, d in pairs)
    assert along == pytest.approx((up - down) / 2e-4, rel=1e-3, abs=1e-3)


@each
def test_is_learnt(school, name, target):
    pipe = pipe_of(school, name, target, k=2)
    pipe.model = copy.deepcopy(pipe.model)
    source, sgd = school[0].get_pipe(name), Adam(0.01)
    losses = [pipe.distill(source, school[2], sgd=sgd, losses={})[name] for _ in range(12)]
    assert losses[-1] < losses[5] < losses[0]


@each
def test_the_gradient_is_that_of_the_loss(school, name, target):
    pipe, beliefs, docs = pipe_of(school, name), beliefs_of(school, name), docs_of(school)
    pipe.objective = Objective(target, k=3, temperature=1.5)
    scores = random_scores(pipe, docs, beliefs)
    check_gradient(lambda s: pipe.get_teacher_student_loss(beliefs, s), scores)


@each
def test_is_mixed_with_gold(school, name, target):
    pipe, beliefs, docs = pipe_of(school, name), beliefs_of(school, name), docs_of(school)
    pipe.objective = Objective(target, k=3, temperature=1.5)
    examples = gold_examples(spacy.blank("en"))
    plan = pipe.task.lesson(examples, beliefs)
    scores = scores_of_lesson(pipe, docs, plan)
    rng = numpy.random.default_rng(0)
    scores = map_scores(lambda a: a.astype("float64") + rng.normal(size=a.shape), scores)
    losses = []
    for weight in (0.0, 0.25, 1.0):
        pipe.distill_weight = as_schedule(weight)
        losses.append(pipe.task.loss(plan, scores)[0])
    assert abs(losses[0] - losses[2]) > 0.01
    assert losses[1] == pytest.approx(0.75 * losses[0] + 0.25 * losses[2], rel=1e-5)
    check_gradient(lambda s: pipe.task.loss(plan, s), scores)


def test_the_targets_differ_where_they_should(school):
    """Of a chain all do. Of labels on their own positions and tokens are the structure."""
    found = {}
    for name in NAMES:
        pipe, beliefs, docs = pipe_of(school, name), beliefs_of(school, name), docs_of(school)
        for target in [t for n, t in CASES if n == name]:
            pipe.objective = Objective(target, k=3)
            scores = random_scores(pipe, docs, beliefs)
            found[name, target] = pipe.get_teacher_student_loss(beliefs, scores)[0]
    chain = [found["ner", target] for target in TARGETS]
    assert all(abs(a - b) > 0.1 for a, b in itertools.combinations(chain, 2))
    trees = [found["parser", target] for target in TARGETS[:4]]
    assert all(abs(a - b) > 0.1 for a, b in itertools.combinations(trees, 2))
    for target in ("token", "position"):
        assert found["tag", target] == found["tag", "structural"]
    assert found["bio", "position"] == found["bio", "structural"]


@pytest.mark.parametrize("target", ["token", "position"])
def test_of_heads_on_their_own_positions_and_tokens_are_the_structure(school, target):
    pipe, beliefs, docs = pipe_of(school, "parser"), beliefs_of(school, "parser"), docs_of(school)
    pipe.task.structure = STRUCTURES["head_selection"]
    scores = random_scores(pipe, docs, beliefs)
    heads = [replace(belief, structure=STRUCTURES["head_selection"]) for belief in beliefs]
    expected = pipe.get_teacher_student_loss(heads, scores)[0]
    pipe.objective = Objective(target)
    assert pipe.get_teacher_student_loss(heads, scores)[0] == expected


@pytest.mark.parametrize("name", ["tag", "ner", "parser"])
def test_guesses_have_no_temperature(school, name):
    pipe, beliefs, docs = pipe_of(school, name), beliefs_of(school, name), docs_of(school)
    losses = []
    for temperature in (1.0, 3.0):
        pipe.objective = Objective("topk", k=2, temperature=temperature)
        scores = random_scores(pipe, docs, beliefs)
        losses.append(pipe.get_teacher_student_loss(beliefs, scores)[0])
    assert losses[0] == losses[1]


def test_a_local_temperature_is_learnt(school):
    """A student of independent tags whose teacher is a chain."""
    pipe, docs = pipe_of(school, "bio"), docs_of(school)
    beliefs = beliefs_of(school, "ner")
    scores = random_scores(pipe, docs, beliefs)
    losses = []
    for kind in ("global", "local"):
        pipe.objective = Objective(temperature=3.0, temperature_kind=kind)
        losses.append(pipe.get_teacher_student_loss(beliefs, scores)[0])
    assert abs(losses[0] - losses[1]) > 0.01
    check_gradient(lambda s: pipe.get_teacher_student_loss(beliefs, s), scores)


# Gold alone


def test_gold_needs_no_teacher_and_asks_none(teacher, tmp_path):
    """It trains as distill_weight = 0 does, but for docs without gold, which it does not learn."""
    teacher.to_disk(tmp_path)
    losses = []
    for settings in ({"weight": 0.0}, {"weight": 0.7, "target": "gold"}):
        spacy.util.fix_random_seed(0)
        nlp = linked_student(tmp_path, **settings)
        examples = gold_examples(nlp)
        labels = {name: teacher.get_pipe(name).labels for name in ("tag", "pos", "parser")}
        for name in ("tag", "pos", "parser"):
            nlp.get_pipe(name).cfg["labels"] = list(labels[name])
        nlp.initialize(lambda found=examples: found)
        losses.append([train(nlp, examples, 1) for _ in range(3)])
    assert losses[0] == losses[1]
    assert nlp.get_pipe("teacher").passes == 0
    assert not nlp.get_pipe("teacher").members[0].is_loaded
    raw = train(nlp, raw_examples(nlp), 1)
    assert all(raw[name] == 0 for name in ("sent", "tag", "pos", "parser"))
    assert nlp.get_pipe("teacher").passes == 0


def test_gold_without_a_teacher_component():
    nlp = build(target="gold", distill_weight=1.0)
    nlp.initialize(lambda: gold_examples(nlp))
    assert train(nlp, gold_examples(nlp), 2)["parser"] > 0


# Settings


@pytest.mark.parametrize("factory", ["distilling_tagger", "distilling_parser"])
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"target": "best"}, "target: expected one of structural, top1, topk, token, position, g"),
        ({"k": 0}, "k: expected a whole number of at least 1, got 0"),
        ({"temperature": 0.0}, "temperature: expected a number above 0"),
        ({"temperature": -1.0}, "temperature: expected a number above 0"),
        ({"temperature": 1e4}, "temperature: expected a number above 0, at most 1000"),
        ({"temperature_kind": "hot"}, "temperature_kind: expected one of global, local"),
    ],
)
def test_settings_that_are_none(factory, settings, message):
    with pytest.raises(ValueError, match=message):
        spacy.blank("en").add_pipe(factory, config=settings)


@pytest.mark.parametrize(
    ("factory", "settings", "message"),
    [
        ("distilling_parser", {"target": "position"}, "'position' .* got a student of .*Spanning"),
        ("distilling_parser", {"temperature_kind": "local"}, "'local' .*SpanningTrees"),
        (
            "distilling_tagger",
            {
                "layer": "ents",
                "temperature_kind": "local",
                "model": {"@architectures": "spacy-skd.ChainScorer.v1"},
            },
            "'local' .*LinearChain",
        ),
    ],
)
def test_settings_that_do_not_fit_the_structure(factory, settings, message):
    nlp = spacy.blank("en")
    if "model" in settings:
        default = nlp.get_factory_meta(factory).default_config["model"]["tok2vec"]
        settings = {**settings, "model": {**settings["model"], "tok2vec": default}}
    with pytest.raises(ValueError, match=message):
        nlp.add_pipe(factory, config=settings)


def test_what_fits():
    nlp = spacy.blank("en")
    config = {"structure": "head_selection", "target": "position", "temperature_kind": "local"}
    assert nlp.add_pipe("distilling_parser", config=config).objective.target == "position"
    config = {"target": "topk", "k": 7}
    assert nlp.add_pipe("distilling_tagger", config=config).objective == Objective("topk", 7)


def test_emissions_of_a_coarser_teacher_say_nothing_of_bioes(school):
    """The chain of tags BIOES, the teacher's are BIO."""
    pipe, docs = pipe_of(school, "ner"), docs_of(school)
    beliefs = beliefs_of(school, "bio")
    pipe.objective = Objective("token")
    with pytest.raises(ValueError, match='set|Set scheme = "BIO"'):
        pipe.get_teacher_student_loss(beliefs, random_scores(pipe, docs, beliefs))


# Candidates as beliefs


@pytest.mark.parametrize("name", ["ner", "bio"])
@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_all_sequences_by_their_probabilities_are_the_belief(school, name, temperature):
    """One doc of 3 words."""
    pipe, teacher = pipe_of(school, name, temperature=temperature), school[0]
    words = spacy.blank("en").make_doc("Ann sees Dogs")
    (doc,) = teacher.get_pipe("tok2vec").pipe([teacher.make_doc(words.text)])
    (belief,) = teacher.get_pipe("ner").believe([doc])
    belief = _noisy(belief, numpy.random.default_rng(0))
    unit = numpy.concatenate([belief.scores, belief.transition])
    listed = oracle.enumerate_unit(oracle.chains, unit)
    rows = numpy.asarray([y[:3].argmax(axis=1) for y in listed.outputs])
    candidates = LabelCandidates(belief.labels, rows, numpy.exp(listed.log_probs))
    scores = random_scores(pipe, [words], [belief])
    losses = [pipe.get_teacher_student_loss([b], scores)[0] for b in (belief, candidates)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_listed_trees_have_the_loss_of_their_enumeration(school, structure, temperature):
    """Of one sentence: arcs, and deprels given the arc, by their weights^(1 / T). A tree of two
    roots is in the support of heads alone; a deprel that is not known does not count, nor one
    that a tree alone knows which is not in the support."""
    pipe = pipe_of(school, "parser", temperature=temperature)
    pipe.task.structure = STRUCTURES[structure]
    doc = school[1].make_doc("Ann sees Dogs")
    heads = numpy.asarray([[1, -1, 1], [1, -1, 1], [-1, 0, 1], [-1, -1, 1], [1, -1, 1]])
    deprels = numpy.asarray([[0, 1, 2], [3, 1, -1], [-1, 0, 2], [1, 1, 2], [0, 1, 3]])
    weights = numpy.asarray([[0.3, 0.3, 0.1, 0.1, 0.2]])
    belief = TreeCandidates(pipe.labels, numpy.asarray([[0, 3]]), heads, deprels, weights)
    scores = random_scores(pipe, [doc], [belief])
    w = weights[0] ** (1 / temperature)
    w[3] *= structure == "head_selection"
    w = w / w.sum()
    (parts,), pairs = scores[1], scores[2].tolist()
    log_z, _ = pipe.structure.infer(parts * (1 / temperature))
    arc, labels = parts.arrays["arc"][0] / temperature, scores[3] / temperature
    log_labels = labels - numpy.logaddexp.reduce(labels, axis=1, keepdims=True)
    expected = 0.0
    for token in range(3):
        for head in set(heads[:, token].tolist()):
            has = heads[:, token] == head
            mass = (w * has).sum()
            expected -= mass * arc[token, head + 1]
            known = has & (deprels[:, token] >= 0)
            for k in numpy.nonzero(known)[0]:
                share = mass * w[k] / (w * known).sum() if (w * known).sum() else 0
                expected -= share * log_labels[pairs.index([token, head]), deprels[k, token]]
    expected = temperature**2 * (expected + float(log_z[0]))
    loss, _ = pipe.get_teacher_student_loss([belief], scores)
    assert loss == pytest.approx(expected, rel=1e-5)
    check_gradient(lambda s: pipe.get_teacher_student_loss([belief], s), scores)


def test_units_of_which_no_candidate_can_be_expressed_are_left_to_their_gold(school, caplog):
    """A sentence whose candidates are no trees, beside one whose are."""
    pipe = pipe_of(school, "parser")
    doc = school[1].make_doc("Ann sees . Go !")
    units = numpy.asarray([[0, 3], [3, 5]])
    heads = numpy.asarray([[1, 0, 1, -1, 3]])
    belief = TreeCandidates(pipe.labels, units, heads, heads * 0, numpy.ones((2, 1)))
    lesson_ = pipe.task.lesson([Example(doc, doc.copy())], [belief])
    scores = scores_of_lesson(pipe, [doc], lesson_)
    loss, (d_arcs, d_labels) = pipe.task.loss(lesson_, scores)
    assert 0 < loss < 20
    assert pipe.lost_mass.skipped == 1
    assert "counted in `lost_mass.skipped`" in caplog.text
    moved_arcs = {
        int(n): bool(arc.any()) for p in d_arcs for n, arc in zip(p.lengths, p.arrays["arc"])
    }
    assert moved_arcs == {3: False, 2: True}
    moved = {int(row) for row, d in zip(lesson_.pairs[:, 0], d_labels) if d.any()}
    assert moved == {3, 4}


@pytest.mark.parametrize("name", ["tag", "ner", "bio", "parser"])
@pytest.mark.parametrize("target", ["structural", "top1", "topk"])
def test_candidates_are_learnt(school, name, target):
    """The three best, of unequal weights."""
    pipe, beliefs, docs = pipe_of(school, name), beliefs_of(school, name), docs_of(school)
    listed = [
        replace(b, weights=b.weights * numpy.arange(1, 1 + b.weights.shape[-1])[::-1])
        for b in [each.best(k=3) for each in beliefs]
    ]
    pipe.objective = Objective(target, k=2)
    scores = random_scores(pipe, docs, listed)
    loss, _ = pipe.get_teacher_student_loss(listed, scores)
    if target != "structural" and name != "parser":  # of trees, arcs with deprels may be others
        expected = pipe.get_teacher_student_loss(beliefs, scores)[0]
        assert loss == pytest.approx(expected, rel=1e-6)
    check_gradient(lambda s: pipe.get_teacher_student_loss(listed, s), scores)


# Several teachers


@each
def test_the_loss_of_a_mixture_is_the_mixture_of_losses(school, name, target):
    """Where everything can be expressed: it is linear in the target."""
    pipe, beliefs, docs = pipe_of(school, name), beliefs_of(school, name), docs_of(school)
    others = beliefs_of(school, name, seed=1)
    mixed = [Mixture(pair, (1.0, 3.0)) for pair in zip(beliefs, others)]
    pipe.objective = Objective(target, k=3, temperature=1.5)
    scores = random_scores(pipe, docs, mixed)
    if name == "parser" and target in ("top1", "topk"):
        lost = pipe.get_teacher_student_loss(mixed, scores)[0]
        assert numpy.isfinite(lost)
        check_gradient(lambda s: pipe.get_teacher_student_loss(mixed, s), scores)
        return
    one, two, both = (pipe.get_teacher_student_loss(b, scores)[0] for b in (beliefs, others, mixed))
    assert abs(one - two) > 1e-3 or target in ("top1", "topk")
    assert both == pytest.approx(0.25 * one + 0.75 * two, rel=1e-5)


def test_teachers_that_cut_a_doc_differently_are_refused(school):
    pipe, beliefs = pipe_of(school, "parser"), beliefs_of(school, "parser")
    cut = replace(beliefs[0], units=beliefs[0].units[:0], arcs=())
    with pytest.raises(ValueError, match="expected the same sentences of all teachers"):
        pipe.task.lesson_without_gold([Mixture((beliefs[0], cut), (1.0, 1.0))])
