"""What is learnt from annotation of spans that does not fit: tokens, labels or order."""

import logging

import hypothesis.strategies as st
import numpy
import pytest
import spacy
from conftest import LISTENER, TOK2VEC, train
from entities import ENTITIES, blank_doc, examples, texts
from hypothesis import given
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.vocab import Vocab

from spacy_skd.codecs.bioes import encode_spans
from spacy_skd.layers.known import find_layer

TEXT = "abcdefgh"
VOCAB = Vocab()
cuts = st.sets(st.integers(1, len(TEXT) - 1))
STRUCTURES = ("linear_chain", "tokens", "segments")
SCORERS = dict(zip(STRUCTURES, ("ChainScorer", "TokenScorer", "SegmentScorer")))


def build(structure: str = "linear_chain", **settings):
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": TOK2VEC})
    model = {"@architectures": f"spacy-skd.{SCORERS[structure]}.v1", "tok2vec": LISTENER}
    config = {"layer": "ents", "structure": structure, "model": model, **settings}
    nlp.add_pipe("distilling_tagger", "ner", config=config)
    return nlp


@pytest.fixture
def warnings(log):
    """What the package's logger says."""
    log.set_level(logging.WARNING)
    return log


def tokens(where) -> list[str]:
    ends = [0, *sorted(where), len(TEXT)]
    return [TEXT[a:b] for a, b in zip(ends, ends[1:])]


@st.composite
def references(draw) -> Doc:
    words = tokens(draw(cuts))
    doc = Doc(VOCAB, words, spaces=[False] * len(words))
    bounds = sorted(draw(st.sets(st.integers(0, len(words)))))
    spans = [Span(doc, a, b, draw(st.sampled_from("AB"))) for a, b in zip(bounds, bounds[1:])]
    kept = [span for span in spans if draw(st.booleans())]
    doc.set_ents(kept)
    doc.spans["sc"] = kept
    return doc


@given(references(), cuts, st.sampled_from(["ents", "spans"]), st.sampled_from(["BIO", "BIOES"]))
def test_spans_that_no_tokens_spell_are_unknown(reference, where, layer, scheme):
    """Of each span either all tokens have its tags, or those that share a character are unknown."""
    words = tokens(where)
    eg = Example(Doc(VOCAB, words, spaces=[False] * len(words)), reference)
    spans = [(s.start_char, s.end_char, s.label_) for s in reference.ents]
    starts = {token.idx: token.i for token in eg.predicted}
    ends = {token.idx + len(token): token.i + 1 for token in eg.predicted}
    fit = [(starts[a], ends[b], x) for a, b, x in spans if a in starts and b in ends]
    expected = encode_spans(fit, n=len(words), scheme=scheme)
    inside = {i for start, end, _ in fit for i in range(start, end)}
    for token in eg.predicted:
        shared = any(token.idx < b and a < token.idx + len(token) for a, b, _ in spans)
        if shared and token.i not in inside:
            expected[token.i] = None
    found = find_layer(layer, spans_key="sc")
    assert found.gold(eg, scheme=scheme) == expected
    assert found.misaligned == len(spans) - len(fit)


def test_spans_that_do_not_align_are_told_once(warnings):
    reference = Doc(VOCAB, ["ab", "cd"], spaces=[False] * 2, ents=["B-A", "O"])
    reference.spans["sc"] = reference.ents
    for name in ("ents", "spans"):
        layer = find_layer(name, spans_key="sc")
        layer.belong_to("mine")
        for _ in range(2):
            eg = Example(Doc(VOCAB, ["abc", "d"], spaces=[False] * 2), reference)
            assert layer.gold(eg, scheme="BIO")[0] is None
        assert layer.misaligned == 2
        assert warnings.text.count(f"mine: layer '{name}': 1 annotated spans of a doc begin") == 1


@pytest.mark.parametrize(
    ("tags", "repaired"),
    [
        ("O I-PER I-PER", "O B-PER I-PER"),
        ("B-PER I-LOC O", "B-PER B-LOC O"),
        ("B-LOC B-LOC O", "B-LOC B-LOC O"),
    ],
)
def test_an_illegal_sequence_is_repaired_as_spacy_does(tags, repaired):
    nlp = build()
    words = ["a", "b", "c"]
    eg = Example(Doc(nlp.vocab, words), Doc(nlp.vocab, words, ents=tags.split()))
    assert nlp.get_pipe("ner").task.layer.gold(eg, scheme="BIO") == repaired.split()


@pytest.mark.parametrize("structure", STRUCTURES)
def test_tags_that_no_legal_sequence_agrees_with_are_counted(structure, warnings):
    nlp = build(structure)
    nlp.initialize(lambda: examples(nlp))
    pipe = nlp.get_pipe("ner")
    for _ in range(2):
        gold = pipe.task.gold([["O", "I-PER", "O"], ["B-PER", "E-PER", "O"]])
        assert gold.known.tolist() == [[False] * 3, [True] * 3]
    assert pipe.task.illegal == 2
    assert warnings.text.count("the annotation of 1 docs of a batch is no legal sequence") == 1


@pytest.mark.parametrize("structure", STRUCTURES)
def test_an_unknown_label_is_named_once_and_not_learnt(structure, warnings):
    spacy.util.fix_random_seed(0)
    nlp = build(structure)
    egs = examples(nlp)
    nlp.get_pipe("tok2vec").initialize(lambda: egs, nlp=nlp)
    nlp.get_pipe("ner").initialize(lambda: egs, nlp=nlp, labels=["PER"])
    assert numpy.isfinite(train(nlp, egs, 40)["ner"])
    assert (
        warnings.text.count("the annotation has the labels ['LOC'], which the component lacks") == 1
    )
    assert ("Ann Lee", "PER") in texts(nlp(blank_doc(nlp, ENTITIES[0][0])))


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("words", [[], ["Ann"]])
def test_docs_of_no_or_one_token_are_learnt_from(structure, words, tmp_path):
    teacher = build(structure)
    one = Doc(teacher.vocab, words, ents=["B-PER"] * len(words))
    egs = [Example(Doc(teacher.vocab, words), one)]
    teacher.initialize(lambda: [*egs, *examples(teacher)])
    for _ in range(2):
        assert numpy.isfinite(train(teacher, egs, 1)["ner"])
    teacher.to_disk(tmp_path / "teacher")
    student = build(structure, distill_weight=0.5)
    config = {"teacher": str(tmp_path / "teacher")}
    student.add_pipe("skd_teacher", "teacher", config=config, first=True)
    student.initialize(lambda: [*egs, *examples(student)])
    assert numpy.isfinite(train(student, egs, 2)["ner"])
    assert len(student(Doc(student.vocab, words))) == len(words)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_a_label_that_the_teacher_never_had_is_learnt_from_gold(structure, tmp_path, warnings):
    """On raw text the teacher says that it does not occur; where it is gold, gold says so."""
    spacy.util.fix_random_seed(0)
    teacher = build(structure)
    teacher.initialize(lambda: examples(teacher))
    train(teacher, examples(teacher), 40)
    teacher.to_disk(tmp_path / "teacher")
    student = build(structure, distill_weight=0.2)
    config = {"teacher": str(tmp_path / "teacher")}
    student.add_pipe("skd_teacher", "teacher", config=config, first=True)
    doc = Doc(student.vocab, ["Use", "Linux", "now"], ents=["O", "B-SOFT", "O"])
    egs = [*examples(student), Example(Doc(student.vocab, ["Use", "Linux", "now"]), doc)]
    student.initialize(lambda: egs)
    assert "only the student has the labels ['SOFT']" in warnings.text
    assert numpy.isfinite(train(student, egs, 60)["ner"])
    assert texts(student(Doc(student.vocab, ["Use", "Linux", "now"]))) == [("Linux", "SOFT")]
    assert ("Ann Lee", "PER") in texts(student(blank_doc(student, ENTITIES[0][0])))
