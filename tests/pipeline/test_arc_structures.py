"""The contract of every structure of heads in a pipeline, also of one that the package does not
have (tests/bounded.py): registered by its class and the rows of its conversions, it conditions
teachers, decodes, and refuses gold by its own methods."""

import json

import numpy
import oracle
import pytest
from bounded import ROWS, BoundedTrees, bounded_trees
from conftest import gold_examples
from parsers import KINDS, STRUCTURES, build, crossing_example, trained, with_sentences
from spacy.training import Example
from thinc.api import Adam

from spacy_skd.structures import ArcStructure, HeadSelection, Parts, SpanningTrees
from spacy_skd.transfer import Posterior, convert
from spacy_skd.transfer.beliefs import Form
from spacy_skd.transfer.conversions.table import CONVERSIONS
from spacy_skd.transfer.expect import expect_trees

NAMES = (*STRUCTURES, "bounded_tree")
SUPPORTS = {
    "tree": oracle.trees,
    "projective_tree": oracle.projective_trees,
    "head_selection": oracle.head_choices,
    "bounded_tree": lambda n, _: bounded_trees(n, 3, True),
}
HAS_CROSSING = ("tree", "head_selection")
each = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(autouse=True)
def _rows(monkeypatch):
    for pair, row in ROWS.items():
        monkeypatch.setitem(CONVERSIONS, pair, row)


def parser(name, **settings):
    return build("tree", **{**KINDS["tree"], "structure": name, **settings})


def heads_of(doc):
    """(1, tokens) as `ArcStructure.contains` takes them."""
    offsets = [0 if token.head == token else token.head.i + 1 for token in doc]
    return numpy.asarray([offsets])


def test_every_structure_is_here():
    assert set(ArcStructure.by_name()) == set(NAMES)


@each
def test_one_gold_tree_outside_is_refused_and_counted_and_the_loss_is_no_less_than_0(name, caplog):
    nlp = parser(name)
    pipe = nlp.get_pipe("parser")
    examples = [*gold_examples(nlp), crossing_example(nlp)]
    nlp.initialize(lambda: examples)
    outside = name not in HAS_CROSSING
    for scale in (0.0, 1.0, 1e3):
        plan = pipe.task.lesson(examples, None)
        inputs = pipe.task.inputs([eg.predicted for eg in examples], plan)
        scores, _ = pipe.model.begin_update(inputs)
        rng = numpy.random.default_rng(0)
        for parts in scores[1]:
            arc = parts.arrays["arc"]
            arc[:] = scale * rng.normal(size=arc.shape)
        before = pipe.task.gold_trees.refused
        loss, (d_arcs, _) = pipe.task.loss(plan, scores)
        assert loss >= 0
        assert pipe.task.gold_trees.refused - before == outside
        unit = next((d.arrays["arc"][i], n) for b, d in zip(scores[0], d_arcs)
                    for i, (n, row) in enumerate(zip(b.lengths, b.rows))
                    if row == plan.spans[-1, 0])  # fmt: skip
        assert unit[0].any() != outside
    wanted = f"is no {name.replace('_', ' ')}"
    assert any(wanted in message for message in caplog.messages) == outside


@each
def test_what_is_decoded_is_inside_by_any_weights(name):
    nlp = parser(name)
    nlp.initialize(lambda: gold_examples(nlp))
    pipe, rng = nlp.get_pipe("parser"), numpy.random.default_rng(0)
    for node in pipe.model.walk():
        for key in node.param_names:
            if node.has_param(key) and node.get_param(key) is not None:
                shape = node.get_param(key).shape
                node.set_param(key, rng.normal(size=shape).astype("float32"))
    inside = {tuple(y.argmax(axis=1)) for y in SUPPORTS[name](5, 6)}
    inside &= {tuple(y.argmax(axis=1)) for y in oracle.trees(5, 6)}
    docs = [nlp.make_doc(f"{word} sees the old dog") for word in "abcdefghijklmnopqrst"]
    beliefs = pipe.believe(docs)
    guesses = [each.best(k=2) for each in beliefs]
    drawn = [belief.draw_trees(rng=rng) for belief in beliefs]
    for doc, guess, draw in zip(nlp.pipe(docs), guesses, drawn):
        assert tuple(heads_of(doc)[0]) in inside
        assert all(tuple(row + 1) in inside for row in guess.heads)
        own = numpy.arange(5)
        assert tuple(numpy.where(draw.heads == own, 0, draw.heads + 1)) in inside


@pytest.mark.parametrize("teacher", [SpanningTrees(), HeadSelection()], ids=str)
@each
def test_a_teacher_is_conditioned_on_what_the_student_has(name, teacher):
    structure = ArcStructure.by_name()[name]
    arc = numpy.random.default_rng(0).normal(size=(1, 4, 5)) * 2
    scores = Parts({"arc": arc}, numpy.array([4]))
    if name == "bounded_tree":
        structure = BoundedTrees(reach=1)
    supports = {**SUPPORTS, "bounded_tree": lambda n, _: bounded_trees(n, 1, True)}
    inside = {y.tobytes() for y in supports[name](4, 5)}
    listed = oracle.trees if teacher == SpanningTrees() else oracle.head_choices
    found = oracle.enumerate_unit(listed, arc[0])
    masses = numpy.exp(found.log_probs)
    kept = numpy.asarray([y.tobytes() in inside for y in found.outputs])
    target = convert(Posterior(teacher, scores), structure)
    expected = numpy.tensordot(masses * kept, numpy.stack(found.outputs), 1) / masses[kept].sum()
    numpy.testing.assert_allclose(target.marginals.arrays["arc"][0], expected, atol=1e-9)
    assert structure.cross_entropy(target.marginals, scores)[0] >= 0
    if teacher == SpanningTrees():
        assert target.lost[0] == pytest.approx(1 - masses[kept].sum())


@each
def test_listed_trees_outside_are_dropped(name):
    structure = ArcStructure.by_name()[name]
    heads = numpy.asarray([[-1, 3, 0, 0, 0], [-1, 0, 1, 2, 3]])
    rows, lengths = numpy.array([0]), numpy.array([5])
    target = expect_trees(structure, heads, numpy.array([[1.0, 3.0]]), rows=rows, lengths=lengths)
    assert target.lost[0] == pytest.approx(0.0 if name in HAS_CROSSING else 0.25)


@each
def test_its_beliefs_are_stored_and_teach(name):
    nlp = trained(name) if name in KINDS else None
    if nlp is None:
        nlp = parser(name)
        examples, sgd = gold_examples(nlp), Adam(0.01)
        nlp.initialize(lambda: examples)
        for _ in range(40):
            nlp.get_pipe("parser").update(examples, sgd=sgd)
    teacher, student = nlp.get_pipe("parser"), parser(name)
    (belief,) = teacher.believe([nlp.make_doc("Dogs sleep well")])
    form = Form.from_json(json.loads(json.dumps(belief.form.to_json())))
    assert form.structure == teacher.structure
    pipe = student.get_pipe("parser")
    pipe.initialize(lambda: gold_examples(student), nlp=student, labels=list(teacher.labels))
    pairs = zip(with_sentences(student), with_sentences(nlp))
    lessons, sgd = [Example(mine, theirs) for mine, theirs in pairs], Adam(0.01)
    losses = [pipe.distill(teacher, lessons, sgd=sgd, losses={})["parser"] for _ in range(15)]
    assert 0 <= losses[-1] < 0.7 * losses[0]


def test_a_teacher_of_fewer_trees_teaches_a_student_of_all():
    arc = numpy.random.default_rng(0).normal(size=(1, 4, 5))
    posterior = Posterior(BoundedTrees(reach=1), Parts({"arc": arc}, numpy.array([4])))
    target = convert(posterior, SpanningTrees())
    expected = BoundedTrees(reach=1).infer(posterior.scores)[1]
    numpy.testing.assert_allclose(target.marginals.arrays["arc"], expected.arrays["arc"])
    assert target.lost.tolist() == [0.0]
