"""spaCy's `ner` and `parser` as students: what they are told, what they learn, what they save."""

import itertools
import subprocess
import sys

import numpy
import pytest
import spacy
from conftest import build, gold_examples, make_docs, train
from entities import ENTITIES, blank_doc, examples, texts
from spacy.tokens import Doc, Span
from spacy.training import Example
from span_pipelines import initialized
from stock_pipelines import EMBED, WITHOUT_THE_PACKAGE
from thinc.api import Adam, Config

from spacy_skd.cli.distillation.training import learnt_steps
from spacy_skd.codecs.bioes import legality, span_tags
from spacy_skd.pipeline.stock_pipes import make_stock
from spacy_skd.pipeline.transitions.learning import learn
from spacy_skd.pipeline.transitions.oracle import Advice, loss_of
from spacy_skd.structures import LinearChain
from spacy_skd.teachers.sources import as_source
from spacy_skd.training.callbacks import without_teacher
from spacy_skd.training.corpora.stream import examples_seen
from spacy_skd.training.resume import make_begin_from, resume
from spacy_skd.transfer.beliefs import ChainBelief, LabelCandidates, Pooled, TreeCandidates

FACTORY = "distilling_transitions"


def model_of(kind, tok2vec=EMBED):
    return {
        "@architectures": "spacy.TransitionBasedParser.v2",
        "state_type": kind,
        "extra_state_tokens": False,
        "hidden_width": 16,
        "maxout_pieces": 2,
        "use_upper": True,
        "tok2vec": tok2vec,
    }


def student(teacher=None, labels=(), **settings):
    """A `ner`, not initialized."""
    spacy.util.fix_random_seed(0)
    nlp = spacy.blank("en")
    if teacher is not None:
        nlp.add_pipe("skd_teacher", "teacher", config={"teacher": str(teacher)})
        settings = {"distill_weight": 1.0, **settings}
    pipe = nlp.add_pipe(FACTORY, "ner", config={"model": model_of("ner"), **settings})
    for label in labels:
        pipe.add_label(label)
    return nlp


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    """Folder of a chain of entities that has learnt the examples."""
    nlp = initialized()
    train(nlp, examples(nlp), 40)
    folder = tmp_path_factory.mktemp("teacher")
    nlp.to_disk(folder)
    return folder


def learnt(nlp, egs, steps=50, rate=0.02):
    sgd = Adam(rate)
    for _ in range(steps):
        losses = nlp.update(egs, sgd=sgd, losses={}, exclude=["teacher"])
    return losses["ner"]


def found(nlp):
    return [texts(nlp(blank_doc(nlp, text))) for text, _ in ENTITIES]


GOLD = [[("Ann Lee", "PER"), ("Bob", "PER"), ("New York City", "LOC")], [("Paris", "LOC")], []]


@pytest.fixture(scope="module")
def taught(teacher):
    """A student that has learnt from its teacher alone."""
    nlp = student(teacher)
    nlp.initialize(lambda: examples(nlp, gold=False))
    learnt(nlp, examples(nlp, gold=False))
    return nlp


# The loss


def random_advice(rng, n):
    """Of a distribution, of sets, of gold, of both, and of nothing."""
    valid = rng.random((5, n)) < 0.7
    valid[:, :2] = True
    chances = rng.random((5, n)) * valid
    sets = (rng.random((3, n)) < 0.5) & valid[1]
    sets[:, 0] = True
    gold = (rng.random((5, n)) < 0.4) & valid
    gold[:, 1] = True
    shares = numpy.asarray([0.2, 0.5, 0.3])
    return [
        Advice(valid[0], chances[0] / chances[0].sum()),
        Advice(valid[1], sets=sets, shares=shares),
        Advice(valid[2], gold=gold[2]),
        Advice(valid[3], chances[3] / chances[3].sum(), gold=gold[3]),
        Advice(valid[4]),
    ]


def test_the_gradient_is_that_of_the_loss():
    rng = numpy.random.default_rng(0)
    advice, scores = random_advice(rng, 7), rng.normal(size=(5, 7)) * 3
    shares = {"gold_shares": rng.random(5), "teacher_shares": rng.random(5)}

    def loss(scores):
        step = loss_of(scores, advice, **shares)
        return step.gold.sum() + step.taught.sum()

    step, small = loss_of(scores, advice, **shares), 1e-6
    for place in itertools.product(range(5), range(7)):
        turn = numpy.zeros((5, 7))
        turn[place] = small
        slope = (loss(scores + turn) - loss(scores - turn)) / (2 * small)
        assert step.d_scores[place] == pytest.approx(slope, abs=1e-6)
    assert (step.gold >= 0).all()
    assert (step.taught - step.entropy >= -1e-12).all()  # divergences
    for each, row in zip(advice, numpy.exp(step.log_p)):
        assert row.sum() == pytest.approx(1)
        assert not row[~each.valid].any()


def test_nothing_is_learnt_where_the_student_is_the_teacher():
    rng = numpy.random.default_rng(1)
    scores, valid = rng.normal(size=(1, 6)), numpy.ones(6, dtype=bool)
    chances = numpy.exp(scores[0]) / numpy.exp(scores[0]).sum()
    step = loss_of(scores, [Advice(valid, chances)], gold_shares=numpy.zeros(1),
                     teacher_shares=numpy.ones(1))  # fmt: skip
    numpy.testing.assert_allclose(step.d_scores, 0, atol=1e-12)
    assert step.taught[0] == pytest.approx(step.entropy[0])


# A trajectory


def chain_of(n, labels=("PER", "LOC"), seed=0, scale=2.0):
    tags, rng = span_tags(labels, scheme="BIOES"), numpy.random.default_rng(seed)
    rules = legality(tags)
    unary = (rng.normal(size=(n, len(tags))) * scale).astype("float32")
    unary[0] += rules.start
    unary[-1] += rules.end
    return ChainBelief(LinearChain(), tags, unary, rules.transition)


class Told:
    """Drives along given actions, and keeps what is told of each state."""

    def __init__(self, actions):
        self.actions, self.advice = iter(actions), []

    def choose(self, scores, advice):
        self.advice += advice
        return numpy.asarray([next(self.actions)])


def test_over_all_trajectories_of_the_teacher_it_is_the_loss_of_whole_analyses(monkeypatch):
    """E[sum_i H(P_t(. | y_<i), P_s(. | y_<i))] = - sum_y P_t(y) log P_s(y), y drawn from P_t."""
    # In training spaCy's hidden layer has a dropout of 0.1, whatever `drop` says.
    ops = spacy.ml.parser_model.NUMPY_OPS
    monkeypatch.setattr(ops, "get_dropout_mask", lambda shape, rate: numpy.ones(shape, "f"))
    nlp = student(labels=["PER"])
    nlp.initialize(lambda: examples(nlp, gold=False))
    pipe, doc = nlp.get_pipe("ner"), Doc(nlp.vocab, words=["Ann", "saw", "Bob"])
    upper, rng = pipe.model.get_ref("upper"), numpy.random.default_rng(0)
    upper.set_param("W", rng.normal(size=upper.get_param("W").shape).astype("f"))
    belief = chain_of(len(doc), ["PER"])
    names = [pipe.moves.get_class_name(i) for i in range(pipe.moves.n_moves)]
    of_chain = {"B": "B", "I": "I", "L": "E", "U": "S", "O": "O"}
    expected = along = mass = 0.0
    for actions in itertools.product(range(len(names)), repeat=len(doc)):
        tags = [of_chain[names[i][0]] + names[i][1:] for i in actions]
        if any(tag not in belief.labels for tag in tags):
            continue
        rows = [belief.labels.index(tag) for tag in tags]
        score = belief.scores[range(len(doc)), rows].sum()
        score += belief.transition[rows[:-1], rows[1:]].sum()
        if score < -1e5:
            continue
        told = Told(actions)
        oracles = pipe.oracles([doc], [belief], [None])
        oracles[0].share(weight=1.0)
        loss, _ = learn(pipe, [doc], oracles, told, drop=0.0)
        weight = numpy.exp(score)
        mass += weight
        along += weight * loss.taught.sum()
        expected -= weight * loss.log_p[range(len(doc)), actions].sum()
    assert along / mass == pytest.approx(expected / mass, rel=1e-5)
    entropy = belief.entropy()
    assert entropy > 0.5
    assert along / mass > entropy + 0.1


@pytest.mark.parametrize("seed", range(3))
def test_whitespace_changes_nothing_that_is_said_of_words(seed):
    nlp = student(labels=["LOC", "PER"])
    nlp.initialize(lambda: examples(nlp))
    pipe, belief = nlp.get_pipe("ner"), chain_of(3, seed=seed)
    plain = Doc(nlp.vocab, words=["Ann", "saw", "Bob"])
    spaced = Doc(nlp.vocab, words=["\n", "Ann", " ", "saw", "\n\n", "Bob", " "])
    names = [pipe.moves.get_class_name(i) for i in range(pipe.moves.n_moves)]
    at = names.index
    for (a, b), (c, d, e) in (
        ((at("B-PER"), at("L-PER")), (at("I-PER"), at("L-PER"), at("O"))),
        ((at("U-LOC"), at("B-LOC")), (at("O"), at("B-LOC"), at("I-LOC"))),
        # An entity that ends on whitespace is one of the words before.
        ((at("U-PER"), at("O")), (at("L-PER"), at("O"), at("O"))),
    ):
        first = at("B-PER") if c == at("L-PER") else a
        last = at("L-LOC") if e == at("I-LOC") else at("O")
        in_words, in_tokens = Told([a, b, last]), Told([at("O"), first, c, d, e, last, at("O")])
        for doc, told in ((plain, in_words), (spaced, in_tokens)):
            oracles = pipe.oracles([doc], [belief], [None])
            oracles[0].share(weight=1.0)
            learn(pipe, [doc], oracles, told, drop=0.0)
        of_words = [in_tokens.advice[i].teacher for i in (1, 3, 5)]
        for one, other in zip(in_words.advice, of_words):
            numpy.testing.assert_allclose(one.teacher, other, atol=1e-6)
        assert in_tokens.advice[0].teacher[at("O")] == 1
        inside = in_tokens.advice[2].teacher
        assert inside[at("I-PER")] == 1 if names[first][0] == "B" else inside[at("O")] == 1


# Learning


@pytest.mark.parametrize(
    ("driver", "sampled"),
    [
        ("student", False),
        ("teacher", True),
        pytest.param("mixed", False, marks=pytest.mark.long),
        pytest.param("student", True, marks=pytest.mark.long),
    ],
)
def test_it_comes_to_say_what_the_teacher_does(teacher, taught, driver, sampled):
    if (driver, sampled) == ("student", False):
        nlp = taught
    else:
        nlp = student(teacher, driver=driver, sampled=sampled)
        nlp.initialize(lambda: examples(nlp, gold=False))
        learnt(nlp, examples(nlp, gold=False))
    assert found(nlp) == found(spacy.load(teacher)) == GOLD
    pipe = nlp.get_pipe("ner")
    assert pipe.labels == ("LOC", "PER")
    pipe.start_meter()
    learnt(nlp, examples(nlp, gold=False), 2, rate=0.0)
    assert pipe.meter.gold.value is None
    assert pipe.meter.divergence.value < 0.2 < 0.3 < pipe.meter.teacher.weight


def test_it_learns_from_gold_alone_as_from_a_teacher(log):
    nlp = student()
    nlp.initialize(lambda: examples(nlp))
    assert learnt(nlp, examples(nlp)) < 0.1
    assert found(nlp) == GOLD
    assert nlp.get_pipe("ner").cfg["step"] == 50
    assert examples_seen(nlp) == 150


def test_gold_and_teacher_share_the_loss(teacher):
    """Gold says LOC of what the teacher says is PER: by weight one or the other is learnt."""
    for weight, label in ((0.2, "LOC"), (0.8, "PER")):
        nlp = student(teacher, distill_weight=weight)
        doc = Doc(nlp.vocab, ENTITIES[0][0].split(), ents=["B-LOC", "I-LOC", *"OOOOOOO"][:9])
        egs = [Example(blank_doc(nlp, ENTITIES[0][0]), doc)]
        nlp.initialize(lambda: egs)  # noqa: B023
        pipe = nlp.get_pipe("ner")
        pipe.start_meter()
        learnt(nlp, egs)
        assert texts(nlp(blank_doc(nlp, ENTITIES[0][0])))[0] == ("Ann Lee", label)
        assert pipe.meter.gold.weight == pytest.approx(50 * len(doc) * (1 - weight))
        assert pipe.meter.teacher.weight == pytest.approx(50 * len(doc) * weight)


def test_it_learns_another_component_by_distill(teacher):
    other, nlp = spacy.load(teacher), student(labels=["PER", "LOC"])
    nlp.initialize(lambda: examples(nlp, gold=False))
    egs = [Example(eg.predicted, other(eg.reference.copy())) for eg in examples(nlp, gold=False)]
    for eg in egs:
        eg.reference.set_ents([])
    sgd = Adam(0.02)
    for _ in range(50):
        nlp.get_pipe("ner").distill(other.get_pipe("ner"), egs, sgd=sgd)
    assert found(nlp) == GOLD
    with pytest.raises(ValueError, match="distill needs a teacher_pipe"):
        nlp.get_pipe("ner").distill(None, egs)


# Saved


def ents_of(nlp):
    return [[(ent.text, ent.label_) for ent in nlp(text).ents] for text, _ in ENTITIES]


@pytest.mark.parametrize("way", ["training", "export"])
def test_it_is_saved_as_a_stock_component_that_needs_no_package(taught, tmp_path, way):
    folder, expected = tmp_path / "stock", ents_of(taught)
    if way == "training":
        without_teacher(taught).to_disk(folder)
        assert taught.get_pipe_meta("ner").factory == FACTORY
    else:
        taught.to_disk(tmp_path / "whole")
        nlp = spacy.load(tmp_path / "whole", exclude=["teacher"])
        exported = make_stock(nlp)
        assert (exported.exported, exported.kept) == ({"ner": "ner"}, {})
        assert type(nlp.get_pipe("ner")).__module__.startswith("spacy.")
        assert ents_of(nlp) == expected
        nlp.to_disk(folder)
    config = Config().from_disk(folder / "config.cfg")
    assert config["components"]["ner"]["factory"] == "ner"
    assert "skd" not in str(config["components"]), "nothing of this package"
    script = WITHOUT_THE_PACKAGE.replace(
        "[(t.tag_, t.pos_, str(t.morph), t.is_sent_start) for t in nlp(text)]",
        "[(ent.text, ent.label_) for ent in nlp(text).ents]",
    )
    if way == "export":
        return
    lines = [text for text, _ in ENTITIES]
    command = [sys.executable, "-c", script, str(folder), *lines]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() == [str(ents) for ents in expected]
    assert any(expected)


def test_a_training_goes_on_from_what_was_saved(taught, teacher, tmp_path):
    without_teacher(taught).to_disk(tmp_path / "saved")
    nlp = student(teacher)
    nlp.initialize(lambda: examples(nlp, gold=False))
    assert found(nlp) != GOLD
    resume(nlp, str(tmp_path / "saved"))
    assert found(nlp) == GOLD
    pipe, before = nlp.get_pipe("ner"), taught.get_pipe("ner").cfg
    assert (pipe.cfg["step"], pipe.cfg["seen"]) == (before["step"], before["seen"]) != (0, 0)
    learnt(nlp, examples(nlp, gold=False), 1)
    assert pipe.cfg["step"] == before["step"] + 1


# Bad input, and what is said of it


def test_learning_goes_on_after_a_preset_entity_of_a_new_label(teacher):
    nlp = student(teacher)
    nlp.initialize(lambda: examples(nlp, gold=False))
    doc = blank_doc(nlp, ENTITIES[0][0])
    doc.set_ents([Span(doc, 2, 3, label="NEW")])
    pipe = nlp.get_pipe("ner")
    pipe.start_meter()
    nlp.update([Example(doc, blank_doc(nlp, ENTITIES[0][0]))], exclude=["teacher"])
    assert "NEW" in pipe.labels
    assert pipe.meter.teacher.weight >= len(doc) - 1
    doc.set_ents([Span(doc, 2, 3, label="NEWER")])  # also of what another component believes
    other = spacy.load(teacher)
    eg = Example(doc, other(blank_doc(other, ENTITIES[0][0])))
    eg.reference.set_ents([])
    assert pipe.distill(other.get_pipe("ner"), [eg])["ner"] > 0
    assert "NEWER" in pipe.labels


def test_empty_docs_and_docs_without_beliefs_add_nothing(taught):
    pipe, vocab = taught.get_pipe("ner"), taught.vocab
    docs = [Doc(vocab), Doc(vocab, ["Ann", "sees"]), Doc(vocab, ["\n"]), Doc(vocab, ["Paris"])]
    beliefs = [
        Pooled(n, (chain_of(n, ("LOC", "PER")) if known else None,), (1.0,))
        for n, known in ((0, False), (2, False), (0, False), (1, True))
    ]
    told = Told([0])
    pipe._learn(docs, beliefs, [None] * 4, n=pipe.n_learnt(docs), drop=0.0)
    oracles = pipe.oracles(docs, beliefs, [None] * 4)
    for oracle in oracles:
        oracle.share(weight=1.0)
    assert [oracle.says_something for oracle in oracles] == [False, False, False, True]
    learn(pipe, docs, oracles, told, drop=0.0)
    assert len(told.advice) == 1
    empty = [Example(Doc(vocab), Doc(vocab))]
    assert pipe.update(empty) == {"ner": 0.0}
    assert list(taught.pipe([Doc(vocab), Doc(vocab, ["Paris"])]))[0].ents == ()


def test_labels_of_one_side_are_told_and_the_rest_is_learnt(teacher, log):
    """The teacher lacks ORG, the student PER; gold has GPE, which nobody had told of."""
    nlp = student(teacher, labels=["ORG"])
    nlp.initialize(lambda: examples(nlp, gold=False))
    assert "only the student has the labels ['ORG']" in log.text
    assert set(nlp.get_pipe("ner").labels) == {"LOC", "ORG", "PER"}
    nlp = student(teacher)
    pipe = nlp.get_pipe("ner")
    counted = pipe.moves.get_actions(entity_types=["LOC"])
    pipe.initialize(lambda: examples(nlp, gold=False), labels=counted)
    assert pipe.labels == ("LOC",)
    assert "only the teacher has the labels ['PER']" in log.text
    learnt(nlp, examples(nlp, gold=False), 20)
    assert found(nlp)[1:] == GOLD[1:]
    assert "on what the student cannot express (labels that it lacks, sequences" in log.text
    doc = Doc(nlp.vocab, ["Paris", "is", "nice"], ents=["B-GPE", "O", "O"])
    learnt(nlp, [Example(Doc(nlp.vocab, ["Paris", "is", "nice"]), doc)], 3)
    assert pipe.labels == ("GPE", "LOC")


def test_entities_longer_than_any_that_gold_has_are_learnt():
    nlp, n = student(labels=["LOC"]), 40
    nlp.initialize(lambda: examples(nlp))
    words = [f"w{i % 7}" for i in range(n)]
    tags = span_tags(["LOC"], scheme="BIOES")
    row = [tags.index(tag) for tag in ["B-LOC", *["I-LOC"] * (n - 2), "E-LOC"]]
    belief = LabelCandidates(tags, numpy.asarray([row]), numpy.ones(1))
    pipe, doc, sgd = nlp.get_pipe("ner"), Doc(nlp.vocab, words), Adam(0.02)
    for _ in range(25):
        pipe._learn([doc], [belief], [None], n=len(doc), drop=0.0)
        pipe.finish_update(sgd)
    assert [len(ent) for ent in nlp(Doc(nlp.vocab, words)).ents] == [n]


def test_what_cannot_be_done_there_is_counted(taught, log):
    """An entity over the start of a sentence, for a teacher and for gold."""
    nlp = student(labels=["LOC", "PER"])
    nlp.initialize(lambda: examples(nlp))
    pipe, tags = nlp.get_pipe("ner"), span_tags(["LOC", "PER"], scheme="BIOES")
    doc = Doc(nlp.vocab, ["New", "York", "."], sent_starts=[True, True, False])
    row = [tags.index(tag) for tag in ("B-LOC", "E-LOC", "O")]
    belief = LabelCandidates(tags, numpy.asarray([row]), numpy.ones(1))
    pipe._learn([doc], [belief], [None], n=len(doc), drop=0.0)
    assert "on what the student cannot express (actions that it cannot take there)" in log.text
    gold = Doc(nlp.vocab, ["New", "York", "."], ents=["B-LOC", "I-LOC", "O"])
    pipe.update([Example(doc, gold)])
    assert pipe.unreachable > 0
    assert "no action keeps all of gold" in log.text


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"layer": "tag"}, "ner: layer: expected one of"),
        ({"model": model_of("parser")}, "state_type = 'ner'.*states are of 8 tokens"),
        ({"driver": "nobody"}, "ner: driver: expected one of teacher, student, mixed"),
        ({"driver_share": 1.5}, "ner: driver_share"),
        ({"driver_share": 0.9}, "driver_share: does not apply to driver 'student'"),
        ({"driver": "teacher", "driver_share": 0.9}, "does not apply to driver 'teacher'"),
    ],
)
def test_wrong_settings_are_refused_by_name(settings, message):
    with pytest.raises(ValueError, match=message):
        student(**settings)


def test_one_that_is_to_be_taught_needs_a_teacher_and_labels():
    nlp = student(distill_weight=0.5)
    with pytest.raises(ValueError, match="distill_weight is 0.5 but the pipeline has no teacher"):
        nlp.initialize(lambda: examples(nlp))
    nlp = student()
    with pytest.raises(ValueError, match="ner: no labels"):
        nlp.initialize(lambda: examples(nlp, gold=False))


def test_a_seed_gives_the_same_weights(teacher):
    weights = []
    for _ in range(2):
        nlp = student(teacher, driver="mixed", sampled=True)
        nlp.initialize(lambda: examples(nlp, gold=False))  # noqa: B023
        learnt(nlp, examples(nlp, gold=False), 3)
        weights.append(nlp.get_pipe("ner").model.get_ref("upper").get_param("W"))
    assert (weights[0] == weights[1]).all()


# Trees


@pytest.fixture(scope="module")
def parsed(tmp_path_factory):
    """Folder of a parser that has learnt the examples of conftest."""
    spacy.util.fix_random_seed(0)
    nlp = build()
    for name in ("tag", "pos"):
        nlp.remove_pipe(name)
    nlp.initialize(lambda: gold_examples(nlp))
    train(nlp, gold_examples(nlp), 60)
    folder = tmp_path_factory.mktemp("parsed")
    nlp.to_disk(folder)
    return folder


def parser(teacher=None, **settings):
    spacy.util.fix_random_seed(0)
    nlp = spacy.blank("en")
    if teacher is not None:
        nlp.add_pipe("skd_teacher", "teacher", config={"teacher": str(teacher)})
        settings = {"distill_weight": 1.0, "draws": 2, **settings}
    config = {"layer": "parser", "model": model_of("parser"), **settings}
    nlp.add_pipe(FACTORY, "parser", config=config)
    return nlp


def arcs(nlp):
    docs = [nlp(Doc(nlp.vocab, [token.text for token in doc])) for doc in make_docs(nlp)]
    return [[(token.head.i, token.dep_) for token in doc] for doc in docs]


def only_sentences(nlp):
    return [
        Example(
            Doc(nlp.vocab, [token.text for token in doc]),
            Doc(nlp.vocab, [token.text for token in doc],
                sent_starts=[bool(token.is_sent_start) for token in doc]),
        )
        for doc in make_docs(nlp)
    ]  # fmt: skip


def certain(doc, heads, deprels, units=None):
    """A teacher that holds one tree possible. heads: of a root, -1."""
    names = tuple(dict.fromkeys(deprels))
    units = numpy.asarray([[0, len(doc)]] if units is None else units, dtype="int32")
    rows = numpy.asarray([[names.index(name) for name in deprels]])
    return TreeCandidates(names, units, numpy.asarray([heads]), rows, numpy.ones((len(units), 1)))


def words(nlp, text, **annotation):
    return Doc(nlp.vocab, text.split(), **annotation)


def test_a_parser_comes_to_say_what_the_teacher_does_and_is_saved_as_spacys(parsed, tmp_path):
    nlp = parser(parsed)
    nlp.initialize(lambda: only_sentences(nlp))
    pipe, sgd = nlp.get_pipe("parser"), Adam(0.02)
    assert set(pipe.labels) == {*"advmod dep det iobj nsubj obj punct ROOT".split()}
    examples, pipe.model.attrs["unseen_classes"] = only_sentences(nlp), set()
    for _ in range(25):
        nlp.update(examples, sgd=sgd, exclude=["teacher"])
    expected = [[(token.head.i, token.dep_) for token in doc] for doc in make_docs(nlp)]
    found = arcs(nlp)
    pairs = [pair for a, b in zip(found, expected) for pair in zip(a, b)]
    assert sum(a == b for a, b in pairs) > 0.9 * len(pairs)
    without_teacher(nlp).to_disk(tmp_path)
    saved = spacy.load(tmp_path)
    assert saved.get_pipe_meta("parser").factory == "parser"
    assert type(saved.get_pipe("parser")).__module__.startswith("spacy.")
    assert arcs(saved) == found


@pytest.mark.parametrize("seed", range(3))
def test_of_one_tree_the_target_is_what_spacy_takes_for_right(seed):
    """Along any trajectory: the sets of actions are those of spaCy's own oracle, for a teacher as
    for gold."""
    nlp = parser()
    nlp.initialize(lambda: gold_examples(nlp))
    pipe, rng = nlp.get_pipe("parser"), numpy.random.default_rng(seed)
    reference = make_docs(nlp)[1]  # three sentences
    doc = Doc(nlp.vocab, [token.text for token in reference])
    heads = [-1 if token.head.i == token.i else token.head.i for token in reference]
    units = [[sent.start, sent.end] for sent in reference.sents]
    belief = certain(doc, heads, [token.dep_ for token in reference], units)
    eg = Example(doc, reference)
    (oracle,) = pipe.oracles([doc], [belief], [eg])
    (state,), (follow,) = pipe.moves.init_batch([doc]), pipe.moves.init_batch([doc])
    gold, n_actions = pipe.moves.init_gold(follow, eg), pipe.moves.n_moves
    told = 0
    while not state.is_final():
        advice = oracle.at(state)
        gold.update(state)
        costs = numpy.asarray([pipe.moves.get_cost(state, gold, i) for i in range(n_actions)])
        assert (advice.valid == (costs < 9000)).all()
        assert (advice.gold == (costs <= costs.min())).all()
        assert (advice.sets == advice.gold).all()
        told += not advice.gold.all()
        action = rng.choice(numpy.flatnonzero(advice.valid))
        oracle.took(int(action))
        one_hot = numpy.zeros((1, n_actions), dtype="float32")
        one_hot[0, action] = 1
        pipe.transition_states([state], one_hot)
    assert told > len(doc) / 2


def test_trees_that_lost_an_arc_of_the_sentence_do_not_count_until_the_next_one():
    """Ann is the subject of sees, or sees the object of Ann: an arc to the left decides."""
    nlp = parser()
    nlp.initialize(lambda: gold_examples(nlp))
    pipe, doc = nlp.get_pipe("parser"), words(nlp, "Ann sees Go !")
    a = certain(doc, [1, -1, -1, 2], ["nsubj", "ROOT", "ROOT", "punct"], [[0, 2], [2, 4]])
    b = certain(doc, [-1, 0, 3, -1], ["ROOT", "obj", "punct", "ROOT"], [[0, 2], [2, 4]])
    oracles = [pipe.oracles([doc], [belief], [None])[0] for belief in (a, b)]
    oracle = oracles[0]
    oracle.drawn = [oracles[0].drawn[0], oracles[1].drawn[0]]
    oracle.lost_arcs = numpy.zeros(2)
    names = [pipe.moves.get_class_name(i) for i in range(pipe.moves.n_moves)]
    (state,) = pipe.moves.init_batch([doc])

    def take(name):
        advice = oracle.at(state)
        oracle.took(names.index(name))
        pipe.moves.apply_transition(state, name)
        sets = [{names[i] for i in numpy.flatnonzero(each)} for each in advice.sets]
        return sets, advice.shares

    assert all("S" in each for each in take("S")[0])
    take("B-ROOT")  # before sees is pushed
    sets, shares = take("L-nsubj")
    assert sets == [{"L-nsubj"}, {"R-obj"}]
    assert shares.tolist() == [0.5, 0.5]
    sets, shares = take("S")  # sees is next, and the second tree has lost its arc
    assert shares.tolist() == [1.0]
    assert oracle.lost_arcs.tolist() == [0, 1]
    while oracle.sentence[state.B(0)] == 0 or state.stack:
        take("D" if pipe.moves.is_valid(state, "D") and state.stack else "S")
    assert len(oracle.at(state).sets) == 2


@pytest.mark.parametrize("use_upper", [True, False])
def test_a_training_goes_on_with_arcs_that_either_side_lacks(tmp_path, use_upper):
    """A deprel may be of arcs to the right alone: labels do not tell which actions there are."""
    model = {**model_of("parser"), "use_upper": use_upper}
    texts = (
        ("Ann sees Bob", [1, 1, 1], ["nsubj", "ROOT", "obj"]),
        ("Bob Ann sees him there", [2, 2, 2, 2, 2], ["obj", "nsubj", "ROOT", "obl", "zz"]),
    )
    made = []
    for text, heads, deps in texts:
        nlp = parser(model=model)
        eg = Example(words(nlp, text), words(nlp, text, heads=heads, deps=deps))
        nlp.initialize(lambda: [eg])  # noqa: B023
        layer = nlp.get_pipe("parser").model.get_ref("upper" if use_upper else "lower")
        rng = numpy.random.default_rng(0)
        layer.set_param("b", rng.normal(size=layer.get_param("b").shape).astype("f"))
        made.append((nlp, eg))
    (saved, _), (nlp, eg) = made
    before = saved.get_pipe("parser").move_names
    without_teacher(saved).to_disk(tmp_path / "saved")
    pipe = nlp.get_pipe("parser")
    new = {*pipe.move_names} - {*before}
    assert {*before} - {*pipe.move_names}
    assert new == {"L-obj", "R-obl", "R-zz"}
    resume(nlp, str(tmp_path / "saved"))
    names = list(pipe.move_names)
    assert len(names) == len({*names}) == len(before) + len(new)
    assert {names[i] for i in pipe.model.attrs["unseen_classes"]} == new
    layers = [each.get_pipe("parser").model.get_ref("upper" if use_upper else "lower")
              for each in (saved, nlp)]  # fmt: skip
    for param, axis in (("b", 0), ("W", 0 if use_upper else 1)):
        of_saved, of_mine = (layer.get_param(param) for layer in layers)
        rows = [names.index(name) for name in before]
        assert (of_mine.take(rows, axis=axis) == of_saved).all()
    without_teacher(nlp).to_disk(tmp_path / "more")
    assert list(spacy.load(tmp_path / "more").get_pipe("parser").move_names) == names
    for _ in range(3):
        nlp.update([eg], sgd=Adam(0.01))
    assert not {names[i] for i in pipe.model.attrs["unseen_classes"]} & new


@pytest.mark.parametrize("label", ["PER", "AREA", "ZONE"])  # of before; new, in either order
def test_a_stock_component_that_goes_on_keeps_what_it_knew_and_learns_its_new_gold(
    taught, tmp_path, label
):
    without_teacher(taught).to_disk(tmp_path)
    nlp = spacy.load(tmp_path)
    fresh = spacy.util.load_model_from_config(nlp.config)
    words = ["Ann", "left"]
    eg = Example(Doc(fresh.vocab, words), Doc(fresh.vocab, words, ents=[f"B-{label}", "O"]))
    fresh.initialize(lambda: [eg])
    resume(fresh, str(tmp_path))
    assert found(fresh) == GOLD
    learnt(fresh, [eg], steps=20)
    assert [ent.label_ for ent in fresh("Ann left").ents] == [label]


def test_one_that_was_saved_as_it_is_teaches_as_what_it_is(taught, tmp_path):
    without_teacher(taught).to_disk(tmp_path)
    stock, told = spacy.load(tmp_path), []
    for nlp in (taught, stock):
        source = as_source(nlp.get_pipe("ner"))
        beliefs = source.believe([blank_doc(nlp, text) for text, _ in ENTITIES])
        told.append((source.views()[""].layer, *((b.labels, b.rows, b.weights) for b in beliefs)))
    assert told[0][0] == told[1][0] == "ents"
    for mine, stocks in zip(told[0][1:], told[1][1:]):
        assert mine[0] == stocks[0]
        assert (mine[1] == stocks[1]).all()
        numpy.testing.assert_allclose(mine[2], stocks[2], atol=1e-5)


def test_a_new_training_of_one_counts_from_the_beginning(taught, teacher, tmp_path):
    without_teacher(taught).to_disk(tmp_path)
    steps = taught.get_pipe("ner").cfg["step"]
    assert learnt_steps(tmp_path) == steps - 1 > 0
    nlp = student(teacher)
    nlp.initialize(lambda: examples(nlp, gold=False))
    make_begin_from(tmp_path)(nlp)
    assert found(nlp) == GOLD
    assert (nlp.get_pipe("ner").cfg["step"], examples_seen(nlp)) == (0, 0)
    learnt(nlp, examples(nlp, gold=False), steps=1)
    assert examples_seen(nlp) > 0
    nlp.initialize(lambda: examples(nlp, gold=False))
    assert (nlp.get_pipe("ner").cfg["step"], examples_seen(nlp)) == (0, 0)


def test_crossing_arcs_whitespace_and_docs_without_words_are_no_error(log):
    nlp = parser(draws=1)
    nlp.initialize(lambda: gold_examples(nlp))
    pipe, crossing = nlp.get_pipe("parser"), words(nlp, "Ann sees the dog")
    spaced = Doc(nlp.vocab, words=["\n", "Ann", "  ", "sees"])
    docs = [crossing, Doc(nlp.vocab), Doc(nlp.vocab, ["\n"]), spaced]
    deprels = ["nsubj", "ROOT", "weird", "obj"]
    beliefs = [
        certain(crossing, [2, -1, 3, 1], deprels),  # Ann to the, over sees
        *(TreeCandidates(("ROOT",), numpy.zeros((0, 2), "int32"), *numpy.zeros((2, 1, 0), "int64"),
                         numpy.ones((0, 1))) for _ in range(2)),
        Pooled(2, (certain("xx", [1, -1], ["nsubj", "ROOT"]), None), (2.0, 1.0)),
    ]  # fmt: skip
    pipe.start_meter()
    assert numpy.isfinite(pipe._learn(docs, beliefs, [None] * 4, n=pipe.n_learnt(docs), drop=0.0))
    assert pipe.meter.teacher.weight == 4 * 1.0 + 4 * 2.0
    assert pipe.meter.divergence.value is None
    chain = chain_of(2)
    with pytest.raises(ValueError, match="parser: expected trees, got"):
        pipe._learn([words(nlp, "a b")], [chain], [None], n=2, drop=0.0)
