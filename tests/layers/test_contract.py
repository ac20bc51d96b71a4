"""What every registered layer does, whatever it annotates."""

import numpy
import pytest
import spacy
from all_components import LENGTHS, bare, gold_docs
from spacy.tokens import Doc
from spacy.training import Example

from spacy_skd.codecs.bioes import decode_spans
from spacy_skd.layers.base import Drawing
from spacy_skd.layers.known import OWN, find_layer, known_layers, layer_classes, layers_of
from spacy_skd.models.words import words_of
from spacy_skd.structures import FlatSegments, IndependentLabels
from spacy_skd.transfer.beliefs import SegmentBelief, TokenBelief, TreeCandidates

ALL = list(layer_classes())
TAUGHT = [name for name, layer in layer_classes().items() if layer.family]
OF_WORDS = [name for name in TAUGHT if find_layer(name).family not in ("trees", "docs")]


def read(layer, doc):
    """Gold of a doc's words, in any form that can be compared."""
    (words,) = words_of([doc])
    eg = Example(doc, doc)
    if layer.family == "spans":
        return words.tags_of_tokens(layer.gold(eg, scheme="BIOES"))
    if layer.family == "docs":
        return dict(zip(LENGTHS, layer.gold(doc, LENGTHS).tolist())) if doc.cats else {}
    if layer.family == "trees":
        labels = sorted({*layer.labels(doc)})
        heads, deprels = layer.gold(eg, labels=labels)
        return heads.tolist(), [labels[i] if i >= 0 else "" for i in deprels]
    return [tag or "" for tag in layer.gold(eg)]


def write(layer, doc, gold, *, overwrite=True):
    """What `read` says."""
    if layer.family == "spans":
        layer.write(doc, decode_spans([tag or "O" for tag in gold]), overwrite=overwrite)
    elif layer.family == "docs":
        layer.write(doc, gold)
    elif layer.family == "trees":
        heads, deprels = numpy.asarray(gold[0], dtype="int64"), gold[1]
        labels = sorted(set(deprels))
        offsets = numpy.where(heads < 0, 0, heads - numpy.arange(len(heads)))
        index = numpy.asarray([labels.index(label) for label in deprels], dtype="int64")
        layer.write([doc], [(offsets, index)], labels=labels)
    else:
        values = numpy.asarray([layer.value(doc, label) for label in gold], dtype="uint64")
        layer.write(doc, values, labels=sorted(set(gold)), overwrite=overwrite)


def test_all_of_the_package_are_registered():
    assert {
        layer.name: layer for layer in OWN
    }.items() <= spacy.registry.skd_layers.get_all().items()
    assert ALL[: len(OWN)] == [layer.name for layer in OWN]


@pytest.mark.parametrize("name", TAUGHT)
def test_what_is_written_is_read_again(name):
    layer = find_layer(name)
    for doc in gold_docs(spacy.blank("en")):
        gold, copy = read(layer, doc), bare(doc)
        assert not layer.is_annotated(copy)
        assert not layer.has_labels(copy)
        write(layer, copy, gold)
        assert layer.is_annotated(copy)
        assert read(layer, copy) == gold


@pytest.mark.parametrize("name", TAUGHT)
def test_whitespace_changes_nothing_of_words(name):
    layer = find_layer(name)
    for doc in gold_docs(spacy.blank("en")):
        gold = read(layer, doc)
        words = [" ", *(text for token in doc for text in (token.text, "\n"))]
        copy = Doc(doc.vocab, words, spaces=[False] * len(words))
        write(layer, copy, gold)
        assert read(layer, copy) == gold


@pytest.mark.parametrize("name", TAUGHT)
def test_docs_without_tokens_or_annotation(name):
    layer = find_layer(name)
    vocab = spacy.blank("en").vocab
    write(layer, Doc(vocab), read(layer, Doc(vocab)))
    gold = read(layer, Doc(vocab, ["a", "b"]))
    if layer.family == "docs":
        assert gold == {}
        return
    flat = gold[1] if layer.family == "trees" else gold
    assert not any(flat)
    assert len(flat) == 2


@pytest.mark.parametrize("name", OF_WORDS)
@pytest.mark.parametrize("overwrite", [True, False])
def test_annotation_is_replaced_only_where_it_may_be(name, overwrite):
    layer = find_layer(name)
    first, *_ = gold_docs(spacy.blank("en"))
    gold = read(layer, first)
    other = [gold[0], *gold[:0:-1]] if layer.family == "tokens" else ["O"] * len(gold)
    write(layer, first, other, overwrite=overwrite)
    assert read(layer, first) == (other if overwrite else gold)


@pytest.mark.parametrize("name", ALL)
def test_scores_have_the_keys_of_weights_and_columns(name):
    layer = find_layer(name)
    docs = gold_docs(spacy.blank("en"))
    scores = layer.score([Example(doc, doc) for doc in docs])
    wanted = {*layer.score_weights, *layer.default_weights, *layer.columns}
    assert wanted <= scores.keys()
    weights = [score for score, weight in layer.score_weights.items() if weight]
    assert weights
    assert all(scores[score] == 1.0 for score in weights)


@pytest.mark.parametrize("name", TAUGHT)
def test_the_component_of_a_config_is_of_the_layer(name):
    block = find_layer(name).component({"@architectures": "x"})
    assert layers_of(block) == (name,)
    assert list(block)[-1] == "model"


def test_components_and_views_of_spacys_are_each_of_one_layer():
    answered = [pair for layer in layer_classes().values() for pair in layer.answers.items()]
    assert len(answered) == len(set(answered))
    assert layers_of({"factory": "morphologizer"}) == ("pos", "morph")
    assert layers_of({"factory": "lemmatizer"}) == ()


@pytest.mark.parametrize("name", ALL)
def test_beliefs_of_other_kinds_are_not_drawn(name):
    layer = find_layer(name)
    nlp = spacy.blank("en")
    how = Drawing(numpy.random.default_rng(0), 1.0, False, nlp)
    doc = Doc(nlp.vocab, ["a"])
    trees = TreeCandidates(
        ("ROOT",), numpy.asarray([[0, 1]]), *numpy.zeros((2, 1, 1), "int32"), numpy.ones((1, 1))
    )
    segments = SegmentBelief(FlatSegments(1), ("A",), numpy.zeros((1, 1, 1), "float32"))
    tokens = TokenBelief(IndependentLabels(), ("A",), numpy.zeros((1, 1), "float32"))
    wrong = {"trees": tokens, "spans": trees}.get(layer.family, segments)
    with pytest.raises(ValueError, match=r"^layer '.*': expected "):
        layer.draw(doc, wrong, how)


def test_defaults_are_complete():
    for layer in known_layers():
        assert layer.name in layer.full_name
        assert layer.writes
        assert layer.lacking


@pytest.mark.parametrize("name", TAUGHT)
def test_facts_are_of_the_text_and_the_same_in_each_doc_of_it(name):
    said = 0
    for doc in gold_docs(spacy.blank("en")):
        copy = Doc(spacy.blank("de").vocab).from_bytes(doc.to_bytes())
        for layer in find_layer(name).variants([doc]):
            assert layer.facts(copy) == layer.facts(doc)
            facts = [f for of_score in layer.facts(doc).values() for f in of_score]
            for fact in [*facts, *layer.decisions(doc)]:
                start, end = fact.tokens
                assert doc[start:end].start_char == fact.chars[0]
                assert doc[start:end].end_char == fact.chars[1]
                assert not any(token.is_space for token in (doc[start], doc[end - 1]))
                assert fact.text in ("", doc.text[slice(*fact.chars)])
            assert layer.unknown(doc).shape == (len(doc),)
            assert not layer.unknown(doc).any()
            confidences = layer.confidences(doc, layer.decisions(doc), {})
            assert confidences is None or len(confidences) == len(layer.decisions(doc))
            said += len(facts)
            assert not any(layer.facts(bare(doc)).values())
            assert not layer.decisions(bare(doc))
    assert said or name == "cats_multilabel", "gold's docs have one category each"
