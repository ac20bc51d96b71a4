"""Stock `ner` and `parser` as teachers: their beams against enumeration of all moves."""

import logging
from collections import defaultdict

import numpy
import pytest
import spacy
from conftest import student_of, train
from spacy.pipeline import DependencyParser
from spacy.tokens import Doc
from spacy.training import Example
from stock_pipelines import transition_pipeline

from spacy_skd.codecs.bioes import decode_spans
from spacy_skd.structures import is_tree
from spacy_skd.teachers import beam as beam_module
from spacy_skd.teachers import transition
from spacy_skd.teachers.beam import Beam
from spacy_skd.teachers.runner import TeacherRunner
from spacy_skd.teachers.sources import as_source
from spacy_skd.training.annotation.annotate import Settings, annotate
from spacy_skd.training.corpora.sampled import make_sampled_corpus

TEXTS = ["The cat sees Ann . Dogs sleep", "", "She gave him a book well", "Dogs", "Go !"]


@pytest.fixture(scope="module")
def nlp():
    return transition_pipeline()


def ask(nlp, pipe, texts, *, starts=None, width=16, density=0.0):
    runner = TeacherRunner(nlp, batch_words=20, beam=Beam(width, density))
    docs = [spacy.blank("en").make_doc(text) for text in texts]
    found = runner.run(docs, starts=starts or [None] * len(docs), pipes=[pipe])
    return [by_pipe[pipe] for by_pipe in found]


# Enumeration: every legal sequence of moves, by spaCy's states one by one.


def all_ends(pipe, doc, *, log_softmax=True):
    """Yield the log-probability and the final state of every sequence of moves."""
    step = pipe.model.predict([doc])
    names = [pipe.moves.get_class_name(i) for i in range(pipe.moves.n_moves)]

    def extend(state, total):
        if state.is_final():
            yield total, state
            return
        scores = step.predict([state])[0].astype("float64")
        if log_softmax:
            scores = scores - numpy.log(numpy.exp(scores).sum())
        for name, score in zip(names, scores):
            if pipe.moves.is_valid(state, name):
                after = state.copy()
                pipe.moves.apply_transition(after, name)
                yield from extend(after, total + score)

    yield from extend(pipe.moves.init_batch([doc])[0], 0.0)


def enumerated(pipe, doc, **settings):
    """Probability by what each end annotates."""
    found = defaultdict(float)
    for total, state in all_ends(pipe, doc, **settings):
        copy = Doc(doc.vocab, [token.text for token in doc])
        pipe.set_annotations([copy], [state])
        found[said(copy)] += numpy.exp(total)
    total = sum(found.values())
    return {key: mass / total for key, mass in found.items()}


def said(doc):
    ents = tuple((ent.start, ent.end, ent.label_) for ent in doc.ents)
    return ents, tuple((token.head.i, token.dep_) for token in doc if token.dep)


def seen(nlp, text, *, starts=None):
    """The doc as the component sees it."""
    words = text.split()
    return nlp.get_pipe("tok2vec")(Doc(nlp.vocab, words, sent_starts=starts))


def compare(found, expected):
    assert set(found) == {key for key, mass in expected.items() if mass > 0}
    for key, mass in found.items():
        assert mass == pytest.approx(expected[key], rel=1e-3, abs=1e-6)


def entities(belief):
    rows = [[belief.labels[i] for i in row] for row in belief.rows.tolist()]
    spans = [tuple(decode_spans(tags)) for tags in rows]
    assert len(set(spans)) == len(spans)
    return dict(zip(spans, belief.weights.tolist()))


@pytest.mark.parametrize("trained_by_beams", [False, True])
def test_weights_of_entities_are_probabilities(nlp, trained_by_beams):
    """By softmax of each move, or, after beam updates, of the sum of scores. One sentence: an
    entity ends with it."""
    starts = numpy.asarray([True, False, False])
    pipe = nlp.get_pipe("ner")
    if trained_by_beams:
        pipe.cfg.update(beam_width=8, beam_update_prob=0.5)
    try:
        (belief,) = ask(nlp, "ner", ["gave Ann cat"], starts=[starts], width=200)
        doc = seen(nlp, "gave Ann cat", starts=starts.tolist())
        expected = enumerated(pipe, doc, log_softmax=not trained_by_beams)
    finally:
        pipe.cfg.update(beam_width=1, beam_update_prob=0.0)
    assert len(expected) == 41
    compare(entities(belief), {key[0]: mass for key, mass in expected.items()})
    assert belief.weights.sum() == pytest.approx(1)
    assert belief.labels[:5] == ("O", "B-PER", "I-PER", "E-PER", "S-PER")


@pytest.mark.parametrize("text", ["Dogs sleep", "Go !"])
@pytest.mark.parametrize("starts", [None, [True, False], [True, True]])
def test_weights_of_trees_are_probabilities(nlp, text, starts):
    """Of a doc of two tokens, in all its moves: for each sentence, those that agree there."""
    array = None if starts is None else [numpy.asarray(starts)]
    (belief,) = ask(nlp, "parser", [text], starts=array, width=500)
    expected = enumerated(nlp.get_pipe("parser"), seen(nlp, text, starts=starts))
    best = max(expected, key=lambda key: expected[key])[1]
    is_one = starts == [True, False] or (
        starts is None and any(h != i for i, (h, _) in enumerate(best))
    )
    assert belief.units.tolist() == ([[0, 2]] if is_one else [[0, 1], [1, 2]])
    assert len(expected) == 1 if starts == [True, True] else len(expected) > 5
    for (start, end), weights in zip(belief.units.tolist(), belief.weights):
        wanted, found = defaultdict(float), defaultdict(float)
        for (_, tree), mass in expected.items():
            inside = tuple(x if start <= x[0] < end else (x[0], None) for x in tree[start:end])
            wanted[inside] += mass
        for heads, deprels, weight in zip(belief.heads, belief.deprels, weights):
            names = (None if i < 0 else belief.labels[i] for i in deprels)
            own = [(i if head < 0 else int(head)) for i, head in enumerate(heads)]
            if weight:
                found[tuple(zip(own, names))[start:end]] += float(weight)
        compare(found, wanted)


def test_a_beam_of_one_is_what_the_component_annotates(nlp):
    for text, ents, trees in zip(
        TEXTS, ask(nlp, "ner", TEXTS, width=1), ask(nlp, "parser", TEXTS, width=1)
    ):
        doc = nlp(text)
        expected = tuple((ent.start, ent.end, ent.label_) for ent in doc.ents)
        assert entities(ents) == {expected: 1.0}
        assert [(s.start, s.end) for s in doc.sents] == [tuple(u) for u in trees.units.tolist()]
        roots = [-1 if token.head.i == token.i else token.head.i for token in doc]
        assert trees.heads.tolist() == [roots]
        assert [trees.labels[i] for i in trees.deprels[0]] == [token.dep_ for token in doc]


def test_candidates_are_of_a_sentence_and_differ(nlp):
    (belief,) = ask(nlp, "parser", [TEXTS[0]], width=32)
    assert len(belief.units) >= 2
    assert belief.weights.shape[1] > 2
    for (start, end), weights in zip(belief.units.tolist(), belief.weights):
        there = weights > 0
        assert weights.sum() == pytest.approx(1)
        assert (numpy.diff(weights) <= 0).all()
        rows = numpy.concatenate([belief.heads, belief.deprels + 100], axis=0)[:, start:end]
        k = len(weights)
        pairs = {(tuple(rows[i]), tuple(rows[k + i])) for i in range(k) if there[i]}
        assert len(pairs) == there.sum()
        best = belief.heads[0, start:end]
        local = numpy.where(best < 0, 0, best - start + 1)
        assert is_tree(local[None], numpy.asarray([end - start]), single_root=True)[0]


def test_an_arc_across_sentences_has_no_deprel(nlp):
    """The sentences are the likeliest candidate's."""
    source = as_source(nlp.get_pipe("parser"))
    source._index = {label: i for i, label in enumerate(source.labels)}
    doc = Doc(nlp.vocab, ["a", "b", "c"])
    rows = numpy.asarray([[[-1, -1, 1], [0, 0, 1]], [[1, -1, 1], [2, 0, 1]]])
    belief = source._candidates(doc, rows, numpy.asarray([0.6, 0.4]))
    assert belief.units.tolist() == [[0, 1], [1, 3]]
    assert belief.weights.tolist() == [[0.6, 0.4], [1.0, 0.0]]
    assert belief.heads.tolist() == [[-1, -1, 1], [1, -1, -1]]
    assert belief.deprels.tolist() == [[0, 0, 1], [-1, -1, -1]]
    given = Doc(nlp.vocab, ["a", "b", "c"], sent_starts=[True, False, False])
    belief = source._candidates(given, rows, numpy.asarray([0.6, 0.4]))
    assert belief.units.tolist() == [[0, 3]]
    assert belief.heads.tolist() == [[-1, -1, 1], [1, -1, 1]]


def test_given_sentences_stay(nlp):
    starts = numpy.asarray([True, False, False, True, False, False, False])
    (belief,) = ask(nlp, "parser", [TEXTS[0]], starts=[starts], width=8)
    assert belief.units.tolist() == [[0, 3], [3, 7]]
    for start, end in belief.units.tolist():
        heads = belief.heads[:, start:end][belief.weights[0 if start == 0 else 1] > 0]
        assert (((heads >= start) & (heads < end)) | (heads == -1)).all()


def test_sentences_of_the_parser_are_a_view(nlp):
    for given in (None, [True, False, False, True, False, False, False]):
        starts = None if given is None else [numpy.asarray(given)]
        (trees,) = ask(nlp, "parser", [TEXTS[0]], starts=starts)
        (view,) = ask(nlp, "parser.sent", [TEXTS[0]], starts=starts)
        found = [view.labels[i] for i in view.rows[0]]
        runner, doc = TeacherRunner(nlp, batch_words=20), spacy.blank("en").make_doc(TEXTS[0])
        ((guess, _),) = runner.annotate([doc], starts=starts or [None], pipes=["parser"])
        expected = given or [token.is_sent_start for token in guess]
        assert found == ["S" if start else "I" for start in expected]
        assert [i for i, label in enumerate(found) if label == "S"] == trees.units[:, 0].tolist()
        assert view.weights.tolist() == [1.0]
    (empty,) = ask(nlp, "parser.sent", [""])
    assert empty.rows.shape == (1, 0)
    assert TeacherRunner(nlp, batch_words=20).labels("parser.sent") == ("I", "S")


def test_guesses_are_the_heaviest_candidates(nlp):
    runner = TeacherRunner(nlp, batch_words=20, beam=Beam(16))
    docs = [spacy.blank("en").make_doc(text) for text in TEXTS]
    found = runner.annotate(docs, starts=[None] * len(docs), pipes=["parser", "ner"])
    for guess, beliefs in found:
        trees = beliefs["parser"]
        heads = [-1 if token.head.i == token.i else token.head.i for token in guess]
        expected = [-2] * len(guess)
        for (start, end), k in zip(trees.units.tolist(), trees.weights.argmax(axis=1)):
            expected[start:end] = trees.heads[k, start:end].tolist()
        assert heads == expected
        assert [s.start for s in guess.sents] == trees.units[:, 0].tolist()
        best = max(entities(beliefs["ner"]).items(), key=lambda pair: pair[1])[0]
        assert tuple((ent.start, ent.end, ent.label_) for ent in guess.ents) == best


CROSSING = [2, 3, 2, 2]  # token 1 is below token 3, token 0 below token 2


def test_pseudo_projective_arcs_are_put_where_they_belong():
    docs = [
        Doc(spacy.blank("en").vocab, ["a", "b", "c", "d"], heads=CROSSING,
            deps=["x", "y", "ROOT", "z"], pos=["X"] * 4)
    ]  # fmt: skip
    nlp = transition_pipeline(docs=docs, steps=40)
    assert any("||" in name for name in nlp.get_pipe("parser").move_names)
    (belief,) = ask(nlp, "parser", ["a b c d"])
    assert belief.heads[0].tolist() == [2, 3, -1, 2]
    assert [belief.labels[i] for i in belief.deprels[0]] == ["x", "y", "ROOT", "z"]
    assert not any("||" in label for label in belief.labels)
    assert {"x", "y", "z", "ROOT", "dep"} == set(belief.labels)


def test_the_entropy_is_counted_and_reported_once(nlp, monkeypatch, caplog):
    monkeypatch.setattr(transition, "REPORT_AFTER", 2)
    source = as_source(nlp.get_pipe("ner"), beam=Beam(width=200))
    docs = [seen(nlp, text) for text in ("gave Ann cat", "Dogs", "Ann")]
    with caplog.at_level(logging.INFO, logger="spacy.skd"):
        source.believe([docs[0]])
        expected = enumerated(nlp.get_pipe("ner"), docs[0]).values()
        entropy = -sum(p * numpy.log(p) for p in expected if p > 0)
        assert source.nats == pytest.approx(entropy, rel=1e-3)
        for doc in docs[1:]:
            source.believe([doc])
    assert source.docs == 3
    assert [r.message for r in caplog.records if "entropy" in r.message][0].count("200") == 1
    assert sum("entropy" in r.message for r in caplog.records) == 1


@pytest.mark.parametrize("how", ["bounded", "stuck"])
@pytest.mark.parametrize("pipe", ["ner", "parser"])
def test_a_beam_that_does_not_end_leaves_the_greedy_structure(nlp, monkeypatch, caplog, how, pipe):
    if how == "bounded":
        monkeypatch.setattr(beam_module, "MOST_MOVES", 0)
    else:
        run = beam_module._Search.run

        def stuck(search):
            assert not any(len(state.queue) > 5 for state in search.batch.get_states())
            return run(search)

        monkeypatch.setattr(beam_module._Search, "run", stuck)
    docs = [seen(nlp, text) for text in (TEXTS[0], "Go !")]
    list(nlp.get_pipe("tok2vec").pipe(docs))
    source = as_source(nlp.get_pipe(pipe))
    first, second = source.believe(docs)
    assert source.unfinished == (2 if how == "bounded" else 1)
    assert (len(second.weights.T) > 1) == (how == "stuck")
    copy = Doc(nlp.vocab, TEXTS[0].split())
    source.write([copy], [first])
    expected = nlp(TEXTS[0])
    for doc in (copy, expected):
        assert doc.has_annotation("DEP" if pipe == "parser" else "ENT_IOB")
    if pipe == "ner":
        assert said(copy)[0] == said(expected)[0]
    else:
        assert said(copy)[1] == said(expected)[1]
    assert sum("did not end" in record.message for record in caplog.records) == 1


def test_density_gives_up_the_improbable(nlp):
    (many,), (few,) = (
        ask(nlp, "ner", ["gave Ann cat"], width=50, density=density) for density in (0.0, 0.3)
    )
    assert 1 <= len(few.rows) < len(many.rows)
    for width, density in ((0, 0.0), (1, -0.1), (1, 1.1)):
        with pytest.raises(ValueError, match="beam"):
            Beam(width, density)


def test_scores_that_are_nan_raise():
    nlp = transition_pipeline(steps=1)
    for node in nlp.get_pipe("ner").model.walk():
        if node.has_param("b"):
            node.get_param("b")[:] = numpy.nan
    with pytest.raises(ValueError, match="NaN"):
        ask(nlp, "ner", ["Go !"])


def test_what_derives_from_a_parser_cannot_be_asked(nlp):
    class Own(DependencyParser):
        """Its arcs may be anything."""

    pipe = nlp.get_pipe("parser")
    own = Own(
        nlp.vocab,
        pipe.model,
        update_with_oracle_cut_size=100,
        min_action_freq=1,
        learn_tokens=False,
    )
    assert as_source(own) is None
    assert as_source(pipe) is not None


# As a teacher


def test_students_learn_from_it(nlp, tmp_path):
    """Ours, by the live teacher; the loss falls and the student says what it says."""
    nlp.to_disk(tmp_path / "teacher")
    student = student_of(tmp_path / "teacher")
    for name in ("tag", "pos"):
        student.remove_pipe(name)
    student.get_pipe("teacher").members[0].student_to_teacher["sent"] = "parser.sent"
    docs = [student.make_doc(text) for text in TEXTS if text]
    examples = [Example(doc, doc.copy()) for doc in docs]
    student.initialize(lambda: examples)
    assert "nsubj" in student.get_pipe("parser").labels
    before = train(student, examples, 1)["parser"]
    after = train(student, examples, 40)["parser"]
    assert after < 0.7 * before
    doc = student(Doc(student.vocab, TEXTS[0].split()))
    (view,) = ask(nlp, "parser.sent", [TEXTS[0]])
    assert [int(token.is_sent_start) for token in doc] == view.rows[0].tolist()
    doc = student(Doc(student.vocab, TEXTS[2].split()))
    expected = nlp(TEXTS[2])
    assert sum(a.head.i == b.head.i for a, b in zip(doc, expected)) >= len(doc) - 1


def test_it_annotates_a_store_from_which_stock_components_draw(nlp, tmp_path):
    nlp.to_disk(tmp_path / "teacher")
    (tmp_path / "raw.txt").write_text("\n".join(text for text in TEXTS if text))
    settings = Settings(beam_width=8)
    out = tmp_path / "out"
    annotate(tmp_path / "teacher", [str(tmp_path / "raw.txt")], out, settings=settings)
    read = make_sampled_corpus(out)
    other = spacy.blank("en")
    drawn = [eg.reference for _ in range(20) for eg in read(other)]
    found = {said(doc) for doc in drawn if doc.text == TEXTS[2]}
    (trees,) = ask(nlp, "parser", [TEXTS[2]], width=8)
    (ents,) = ask(nlp, "ner", [TEXTS[2]], width=8)
    assert {key[0] for key in found} <= set(entities(ents))
    own = numpy.where(trees.heads < 0, numpy.arange(trees.n_tokens), trees.heads)
    for start, end in trees.units.tolist():
        heads = {tuple(row) for row in own[:, start:end].tolist()}
        assert {tuple(head for head, _ in key[1][start:end]) for key in found} <= heads
    assert len(found) > 2
