"""Whitespace tokens are no part of a structure, in prediction, belief and training."""

import numpy
import pytest
import spacy
from spaced import (
    PIPES,
    TREES,
    bare,
    build,
    gradients,
    pairs,
    place,
    plain,
    words_of_annotation,
)
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_skd.pipeline.tasks.head_tag_counts import count_tags


@pytest.fixture(scope="module")
def built():
    found = {}

    def make(name):
        if name not in found:
            found[name] = build(name, save_activations=True)
        return found[name]

    return make


def inputs(name, examples):
    """Docs with sentence starts, but for the component that is to set them."""
    docs = [eg.predicted for eg in examples]
    return [plain(doc.vocab, [t.text for t in doc]) for doc in docs] if name == "sent" else docs


def assert_convention(doc, name):
    """Of whitespace tokens, as far as the component annotates it."""
    words = [t.i for t in doc if not t.is_space]
    for t in (t for t in doc if t.is_space):
        assert (name != "tag") or t.tag_ == "_SP"
        assert (name != "pos") or t.pos_ == "SPACE"
        assert (name != "morph") or (str(t.morph) == "" and t.has_morph())
        assert (name != "sent") or t.is_sent_start == (t.i == 0)
        if name in TREES:
            before = t.i - 1 if words else 0
            assert t.dep_ == "dep"
            assert t.head.i == (words[0] if words and t.i < words[0] else before)
    for span in [*doc.ents, *(span for group in doc.spans.values() for span in group)]:
        assert not span[0].is_space
        assert not span[-1].is_space


@pytest.mark.parametrize("name", PIPES)
def test_words_get_what_they_get_without_whitespace(built, name):
    nlp = built(name)
    plain_docs, spaced_docs = (inputs(name, side) for side in pairs(nlp))
    for doc, spaced in zip(nlp.pipe(plain_docs), nlp.pipe(spaced_docs), strict=True):
        assert words_of_annotation(doc) == words_of_annotation(spaced)
        assert_convention(spaced, name)
        if name in TREES:
            assert [sum(t.head == t for t in sent) for sent in spaced.sents] == [
                1 for _ in spaced.sents
            ]
            assert not any(s[0].is_space for s in spaced.sents if s.start)


@pytest.mark.parametrize("name", PIPES)
def test_activations_are_of_tokens(built, name):
    nlp = built(name)
    for eg, spaced_eg in zip(*pairs(nlp), strict=True):
        doc, spaced = nlp(eg.predicted), nlp(spaced_eg.predicted)
        at, n = place(doc), len(spaced)
        mine, theirs = doc._.activations[name], spaced._.activations[name]
        assert mine.keys() == theirs.keys()
        if name in ("textcat", "multilabel"):  # of the doc
            assert all(theirs[key] == pytest.approx(mine[key], abs=1e-4) for key in mine)
            continue
        empty = {"label_ids": -1, "marginals": 0, "label_marginals": 0, "confidences": 1}
        of_spans = "spans" in mine
        for key, value in empty.items():
            if (
                key not in mine
                or isinstance(mine[key], list)
                or (of_spans and key == "confidences")
            ):
                continue
            assert len(theirs[key]) == n
            numpy.testing.assert_allclose(theirs[key][at[:-1]], mine[key], atol=1e-5)
            spaces = [t.i for t in spaced if t.is_space]
            assert (theirs[key][spaces] == value).all()
        if of_spans:
            ends = [(at[a], at[b - 1] + 1, label) for a, b, label in mine["spans"].tolist()]
            assert [tuple(row) for row in theirs["spans"].tolist()] == ends
            numpy.testing.assert_allclose(theirs["confidences"], mine["confidences"], atol=1e-5)
        if "units" in mine:
            assert theirs["units"].tolist() == [[s.start, s.end] for s in spaced.sents]


@pytest.mark.parametrize("name", PIPES)
def test_beliefs_are_of_words(built, name):
    pipe = built(name).get_pipe(name)
    plain_docs, spaced_docs = (inputs(name, side) for side in pairs(built(name)))
    for mine, theirs in zip(pipe.believe(plain_docs), pipe.believe(spaced_docs), strict=True):
        for field in ("scores", "label_scores", "pairs", "units", "heads"):
            if hasattr(mine, field):
                numpy.testing.assert_allclose(
                    getattr(theirs, field), getattr(mine, field), atol=1e-4
                )
    pipe.write_beliefs(spaced_docs, pipe.believe(spaced_docs))
    for doc in spaced_docs:
        assert_convention(doc, name)


@pytest.mark.parametrize("with_beliefs", [False, True])
@pytest.mark.parametrize("name", PIPES)
def test_loss_and_gradients_are_those_without_whitespace(built, name, with_beliefs):
    """Gold says of whitespace what is wrong, and puts edges of spans on it."""
    nlp = built(name)
    pipe = nlp.get_pipe(name)
    losses, grads = [], []
    gradients(nlp, name)
    for examples in pairs(nlp):
        docs = [eg.predicted for eg in examples]
        beliefs = pipe.believe(docs)[::-1] if with_beliefs else None
        if beliefs is None:
            lesson = pipe.task.lesson(examples, None)
        else:
            order = [belief.n_tokens for belief in beliefs]
            lesson = pipe.task.lesson_without_gold(pipe.believe(docs))
            assert sum(order) == sum(not t.is_space for doc in docs for t in doc)
        losses.append(pipe._learn(docs, lesson, n=pipe.n_learnt(docs), drop=0.0))
        grads.append(gradients(nlp, name))
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    assert losses[0] > 0
    for key, value in grads[0].items():
        numpy.testing.assert_allclose(grads[1][key], value, atol=2e-5, err_msg=key)


@pytest.mark.parametrize("name", PIPES)
def test_docs_without_words(built, name):
    nlp = built(name)
    docs = [plain(nlp.vocab, words) for words in (["\n"], [], ["\n", " ", "\t"], ["Go", "!"])]
    alone = nlp(docs[2].copy())
    for doc in [alone, *nlp.pipe(docs)]:
        assert_convention(doc, name)
        assert not any(token.is_space for ent in doc.ents for token in ent)
    if name in TREES:
        assert [t.head.i for t in alone] == [0, 0, 0]
        assert len(list(alone.sents)) == 1
    pipe = nlp.get_pipe(name)
    assert len(pipe.believe(docs)) == 4
    pipe.write_beliefs(docs, pipe.believe(docs))
    blank = [Example(plain(nlp.vocab, ["\n"]), plain(nlp.vocab, ["\n"])) for _ in range(2)]
    assert nlp.update(blank, losses={})[name] == 0
    mixed = [*blank, pairs(nlp)[1][0]]
    assert nlp.update(mixed, losses={})[name] > 0


def test_max_length_counts_words():
    nlp = build("sent", max_length=2)
    words = ["\n", "a", "\n", "\n", "b", "\n", "c", "\n", "d"]
    for sent in nlp(plain(nlp.vocab, words)).sents:
        assert sum(not t.is_space for t in sent) <= 2
    parser = build("tree", max_length=3)
    doc = parser(plain(parser.vocab, words[:-1], starts=[True] + [False] * 7))
    assert len(list(doc.sents)) == 1


def test_max_width_counts_words():
    nlp = build("segments")  # of two words at most
    eg = pairs(nlp)[1][0]
    reference = plain(nlp.vocab, ["a", "\n", " ", "\n", "b", "c"])
    reference.spans["seg"] = [Span(reference, 0, 5, "PER")]
    pipe = nlp.get_pipe("segments")
    pipe.task.lesson([Example(bare(reference), reference)], None)
    pipe.update([Example(plain(nlp.vocab, [t.text for t in reference]), reference), eg])
    assert pipe.task.wide == 0


def test_offsets_count_words():
    vocab = spacy.blank("en").vocab
    doc = Doc(vocab, ["a", "\n", "b", "\n", "c"], heads=[2, 0, 2, 2, 2], deps=list("xyRzw"))
    assert dict(count_tags([doc])) == {(1, "x"): 1, (0, "R"): 1, (-1, "w"): 1}


@pytest.mark.parametrize(("labels", "tag"), [(["NN", "SPACE"], "SPACE"), (["NN", "X"], "_SP")])
def test_the_tag_of_the_labels(labels, tag):
    nlp = spacy.blank("fr")
    pipe = nlp.add_pipe("distilling_tagger", config={"layer": "tag"})
    pipe.initialize(lambda: [Example(nlp.make_doc("a"), nlp.make_doc("a"))], labels=labels)
    doc = nlp.make_doc("a \n b")
    doc[0].tag_ = "old"
    pipe(doc)
    assert [t.tag_ for t in doc][0] == "old"
    assert [t.tag_ for t in doc][1] == tag


def test_what_is_there_already_stays():
    nlp = build("ner")
    doc = plain(nlp.vocab, ["The", "\n", "cat", "sees", "\n", "Ann"])
    doc.set_ents([Span(doc, 0, 3, "OLD")])
    assert (doc.ents[0].text, doc.ents[0].label_) == ("The\ncat", "OLD")
    nlp(doc)
    assert doc.ents[0].label_ == "OLD"


def test_references_with_other_tokens():
    """The predicted doc has one whitespace token where the reference has three."""
    nlp = spacy.blank("en")
    reference = Doc(nlp.vocab, ["Ann", "\n", "\n", "\t", "Lee", "left"], spaces=[False] * 6)
    reference.set_ents([Span(reference, 0, 5, "PER")])
    predicted = plain(nlp.vocab, ["Ann", "\n\n\t", "Lee", "left"])
    nlp.add_pipe("distilling_tagger", "bio", config={"layer": "ents", "structure": "tokens"})
    assert nlp.get_pipe("bio").task.known(Example(predicted, reference)) == ["B-PER", "E-PER", "O"]
