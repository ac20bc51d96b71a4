"""`token._.tag_confidence`, `span._.confidence`, `doc._.confidences`: getters of one extension."""

import json
import pickle
import subprocess
import sys

import numpy
import pytest
import spacy
from all_components import NAMES, TEXTS, annotation, build, gold_examples
from conftest import train
from spacy.cli.find_threshold import find_threshold
from spacy.tokens import Doc, DocBin, Span, Token

from spacy_skd.layers.confidences import add_extension, add_records
from spacy_skd.layers.extension import ExtensionLayer
from spacy_skd.layers.known import find_layer
from spacy_skd.pipeline.analyses import component_with_analyses

TOKENS = {"tag": "tag", "pos": "pos", "morph": "morph", "lemma": "lemma", "parser": "head",
          "sent": "sent_start"}  # fmt: skip
WITH = [name for name in NAMES if name not in ("textcat", "multilabel")]
ALL = [*TEXTS, "The cat  sees Ann .", " \n ", "Go"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    spacy.util.fix_random_seed(0)
    nlp = build()
    nlp.initialize(lambda: gold_examples(nlp))
    train(nlp, gold_examples(nlp), 15)
    folder = tmp_path_factory.mktemp("confidences")
    nlp.to_disk(folder)
    DocBin(docs=[eg.reference for eg in gold_examples(nlp)]).to_disk(folder / "dev.spacy")
    return folder


@pytest.fixture
def nlp(folder):
    return spacy.load(folder, config={f"components.{name}.confidences": True for name in WITH})


def of_doc(doc):
    tokens = [[token._.get(f"{TOKENS[name]}_confidence") for token in doc] for name in TOKENS]
    spans = [*doc.ents, *doc.spans.get("sc", ()), *doc.spans.get("seg", ())]
    return tokens, [span._.confidence for span in spans]


def test_off_by_default(folder):
    nlp = spacy.load(folder)
    for doc in nlp.pipe(TEXTS):
        assert not doc.user_data
        assert doc._.confidences == {}
        tokens, spans = of_doc(doc)
        assert not any(filter(None, spans))
        assert not any(filter(None, sum(tokens, [])))


def test_they_are_those_of_the_activations(nlp, folder):
    """And the annotation is that without them. Whitespace has none."""
    for name in WITH:
        nlp.get_pipe(name).save_activations = True
    docs = list(nlp.pipe(ALL))
    assert [annotation(doc) for doc in docs] == [
        annotation(doc) for doc in spacy.load(folder).pipe(ALL)
    ]
    n_spans = 0
    for doc in docs:
        for name, prefix in TOKENS.items():
            expected = doc._.activations[name]["confidences"]
            for token in doc:
                found = token._.get(f"{prefix}_confidence")
                if token.is_space:
                    assert found is None
                else:
                    assert found == pytest.approx(expected[token.i], abs=1e-5)
        for name, spans in (("bio", doc.ents), ("spans", doc.spans["sc"]),
                            ("segments", doc.spans["seg"])):  # fmt: skip
            told, pipe = doc._.activations[name], nlp.get_pipe(name)
            chances = {
                (a, b, pipe.labels[c]): p
                for (a, b, c), p in zip(told["spans"].tolist(), told["confidences"].tolist())
            }
            record = doc._.confidences[name]["confidences"]
            assert len(record) == len(spans)
            for span, entry in zip(spans, record):
                key = (entry["start"], entry["end"], entry["label"])
                assert key == (span.start, span.end, span.label_)
                assert entry["confidence"] == pytest.approx(chances[key], abs=1e-5)
                assert span._.confidence is not None
                n_spans += 1
        for key, name in (("sc", "spans"), ("seg", "segments")):
            expected = [entry["confidence"] for entry in doc._.confidences[name]["confidences"]]
            numpy.testing.assert_allclose(doc.spans[key].attrs["scores"], expected, rtol=1e-6)
    assert n_spans > 5
    assert [ent._.confidence for ent in docs[0].ents] == [
        entry["confidence"] for entry in docs[0]._.confidences["bio"]["confidences"]
    ]


def test_what_is_changed_has_none(nlp):
    doc = nlp(TEXTS[0])
    tag, head, start = (doc[i] for i in (1, 2, 4))
    before = of_doc(doc)
    tag.tag_ = "RB"
    assert tag._.tag_confidence is None
    head.dep_ = "other"
    assert head._.head_confidence is None
    child = next(token for token in doc if token.head != token and token != head)
    child.head = next(token for token in doc if token not in (child, child.head))
    assert child._.head_confidence is None
    child.lemma_, child.pos_ = "other", "X"
    assert child._.lemma_confidence is child._.pos_confidence is None
    child.set_morph("Other=Yes")
    assert child._.morph_confidence is None
    after = of_doc(doc)
    changed = [[i for i, (a, b) in enumerate(zip(*pair)) if a != b]
               for pair in zip(before[0], after[0])]  # fmt: skip
    assert changed[0] == [tag.i]
    assert changed[4] == sorted({head.i, child.i})
    ent = doc.ents[0]
    assert Span(doc, ent.start, ent.end, "OTHER")._.confidence is None
    assert Span(doc, ent.start, ent.end + 1, ent.label_)._.confidence is None
    assert Span(doc, ent.start, ent.end, ent.label_)._.confidence == ent._.confidence
    assert start._.sent_start_confidence is not None
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[0:2])
    tokens, spans = of_doc(doc)
    assert not any(filter(None, [*spans, *sum(tokens, [])]))


def test_they_travel(nlp, folder, tmp_path):
    """By bytes, pickle, processes, DocBin in another process, JSON; and outlive a memory zone."""
    docs = list(nlp.pipe(ALL, batch_size=3))
    expected = [(of_doc(doc), doc._.confidences) for doc in docs]

    def told(some):
        return [(of_doc(doc), doc._.confidences) for doc in some]

    assert told(Doc(nlp.vocab).from_bytes(doc.to_bytes()) for doc in docs) == expected
    assert told(pickle.loads(pickle.dumps(docs))) == expected
    assert told(nlp.pipe(ALL, n_process=2, batch_size=3)) == expected
    written = json.dumps([doc.to_json(underscore=["confidences"]) for doc in docs])
    again = [Doc(nlp.vocab).from_json(each) for each in json.loads(written)]
    for doc, (of_first, plain) in zip(again, expected):
        assert doc._.confidences == plain
        assert of_doc(doc)[0] == of_first[0]
    DocBin(docs=docs, store_user_data=True).to_disk(tmp_path / "docs.spacy")
    script = (
        "import json, spacy_skd\nfrom spacy.tokens import DocBin\nfrom spacy.vocab import Vocab\n"
        f"docs = DocBin().from_disk({str(tmp_path / 'docs.spacy')!r})\n"
        "docs = list(docs.get_docs(Vocab()))\n"
        "print(json.dumps([[d._.confidences, [t._.tag_confidence for t in d]] for d in docs]))"
    )
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout
    for (plain, tags), doc in zip(json.loads(printed), docs):
        assert plain == doc._.confidences
        assert tags == [token._.tag_confidence for token in doc]
    with nlp.memory_zone():
        inside = [doc._.confidences for doc in nlp.pipe(ALL, batch_size=3)]
    assert inside == [plain for _, plain in expected]


def test_json_that_is_something_else(nlp):
    doc = nlp("Go !")
    with pytest.raises(ValueError, match="^ner: expected confidences as doc._.confidences returns"):
        doc._.confidences = {"ner": {"layer": "ents"}}
    doc._.confidences = None
    assert doc[0]._.tag_confidence is None
    with pytest.raises(ValueError, match="^expected confidences .* by component, got 'ner'"):
        doc._.confidences = "ner"


def test_a_span_with_two_labels():
    doc = Doc(spacy.blank("en").vocab, ["a", "b"])
    layer = find_layer("spans")
    rows = layer.rows(doc, [(0, 1, "A"), (0, 1, "B"), (0, 2, "A")])
    add_records([doc], "spancat", [layer.record(2, rows, [0.9, 0.6, 0.5])])
    spans = [Span(doc, 0, 1, "A"), Span(doc, 0, 1, "B"), Span(doc, 0, 2, "A"), Span(doc, 0, 2, "B")]
    found = [span._.confidence for span in spans]
    assert found[:3] == pytest.approx([0.9, 0.6, 0.5])
    assert found[3] is None


def test_a_users_extension_of_that_name_stays():
    Token.set_extension("own_confidence", default=7)
    try:
        with pytest.warns(UserWarning, match="Token._.own_confidence is an extension of your own"):
            add_extension(Token, "own_confidence", getter=len)
        assert Doc(spacy.blank("en").vocab, ["a"])[0]._.own_confidence == 7
    finally:
        Token.remove_extension("own_confidence")


def test_a_plugins_layer_has_its_own():
    class MoodLayer(ExtensionLayer):
        name = "mood"

    layer = MoodLayer()
    doc = Doc(spacy.blank("en").vocab, ["a", "b"])
    values = numpy.asarray([layer.value(doc, label) for label in ("GOOD", "BAD")], dtype="uint64")
    layer.write(doc, values, labels=(), overwrite=True)
    add_records([doc], "mood", [layer.record(2, values[:, None], [0.75, 0.5])])
    assert [token._.mood_confidence for token in doc] == [0.75, 0.5]
    doc[1]._.mood = "GOOD"
    assert [token._.mood_confidence for token in doc] == [0.75, None]


def test_a_stock_component_is_refused_by_name(nlp):
    nlp.add_pipe("sentencizer")
    with pytest.raises(ValueError, match="^sentencizer: expected a distilling_tagger"):
        component_with_analyses(nlp, "sentencizer")
    with pytest.raises(ValueError, match="got 'nope'"):
        component_with_analyses(nlp, "nope")


# Calibration


@pytest.mark.parametrize("temperature", [0.25, 3.0])
def test_a_temperature_changes_probabilities_alone(nlp, folder, temperature, tmp_path):
    plain = spacy.load(folder)
    for name in NAMES:
        nlp.get_pipe(name).calibration = temperature
    nlp.to_disk(tmp_path)
    again = spacy.load(tmp_path)
    assert {again.get_pipe(name).calibration for name in NAMES} == {temperature}
    for name in WITH:
        again.get_pipe(name).save_activations = True
    docs, old = list(again.pipe(ALL)), list(plain.pipe(ALL))
    assert [annotation(doc) for doc in docs] == [annotation(doc) for doc in old]
    assert [doc.cats for doc in docs] == [doc.cats for doc in old]
    for name in NAMES:
        pipe, other = again.get_pipe(name), plain.get_pipe(name)
        before = [doc.copy() for doc in old]
        pipe.write_beliefs(before, pipe.believe(before))
        other.write_beliefs(old, other.believe(old))
        assert [annotation(doc) for doc in before] == [annotation(doc) for doc in old]
    for doc in docs:
        for name, prefix in TOKENS.items():
            told = doc._.activations[name]["confidences"]
            for token in doc:
                if not token.is_space:
                    assert token._.get(f"{prefix}_confidence") == pytest.approx(
                        told[token.i], abs=1e-5
                    )
    scores = plain.get_pipe("tag").believe(docs)[0].scores / temperature
    expected = numpy.exp(scores - scores.max(1, keepdims=True))
    expected = (expected / expected.sum(1, keepdims=True)).max(1)
    found = [token._.tag_confidence for token in docs[0]]
    numpy.testing.assert_allclose(found, expected, rtol=1e-4)


def test_the_own_loss_and_the_own_memory_have_no_temperature(folder):
    told = []
    for temperature in (1.0, 5.0):
        nlp = spacy.load(folder)
        nlp.resume_training()
        for name in NAMES:
            nlp.get_pipe(name).calibration = temperature
        examples, tag, losses = gold_examples(nlp), nlp.get_pipe("tag"), {}
        with tag.memory.recalled_by(tag):
            (belief,) = tag.task.believe([nlp.get_pipe("tok2vec")(nlp.make_doc("Go !"))])
        assert tag.calibration == temperature
        nlp.update(examples, losses=losses)
        told.append((losses, belief.scores.tolist()))
    assert told[0] == told[1]


@pytest.mark.parametrize("value", [0, -1, float("nan"), "hot", 10_000, True])
def test_what_is_no_temperature_is_refused(nlp, value):
    with pytest.raises(ValueError, match="^tag: calibration: expected a temperature from 0.001"):
        nlp.get_pipe("tag").calibration = value


# Thresholds


@pytest.mark.parametrize("name", ["ner", "spans", "segments", "bio"])
def test_spans_that_are_not_sure_are_left_out(nlp, folder, name):
    docs = list(nlp.pipe(TEXTS))
    entries = [each for doc in docs for each in doc._.confidences[name]["confidences"]]
    chances = sorted(entry["confidence"] for entry in entries)
    least = (chances[0] + chances[-1]) / 2
    assert chances[0] < least < chances[-1]
    label = entries[0]["label"]
    for setting, kept in (
        ({"min_confidence": least}, lambda entry: entry["confidence"] >= least),
        ({"min_confidence_per_label": {label: 1.0}}, lambda entry: entry["label"] != label),
        ({"min_confidence": 1.0, "min_confidence_per_label": {label: 0.0}},
         lambda entry: entry["label"] == label or entry["confidence"] >= 1.0),
    ):  # fmt: skip
        config = {"components": {name: {"confidences": True, **setting}}}
        found = list(spacy.load(folder, config=config).pipe(TEXTS))
        told = [each for doc in found for each in doc._.confidences[name]["confidences"]]
        assert told == [entry for entry in entries if kept(entry)]


def test_a_label_that_it_has_not(folder):
    with pytest.raises(ValueError, match="^ner: min_confidence_per_label: expected labels of"):
        spacy.load(folder, config={"components.ner.min_confidence_per_label.NOPE": 0.5})


def test_find_threshold(folder):
    best, score, scores = find_threshold(
        str(folder), folder / "dev.spacy", pipe_name="bio", threshold_key="min_confidence",
        scores_key="ents_f", n_trials=3, silent=True,
    )  # fmt: skip
    assert set(scores) == {0.0, 0.5, 1.0}
    assert score == max(scores.values()) > scores[1.0]
    assert best < 1


def test_a_temperature_is_that_of_weights_that_have_not_changed(nlp):
    pipe = nlp.get_pipe("tag")
    pipe.calibration = 2.0
    nlp.update(gold_examples(nlp), sgd=nlp.resume_training())
    assert pipe.calibration == 1.0
