"""Beliefs from a file: what a store has of them, what a student learns, and what is refused."""

import json
import re

import numpy
import pytest
import spacy
from annotated import contents
from spacy.training.initialize import init_nlp
from thinc.api import Adam
from typer.testing import CliRunner

from spacy_skd.cli import skd
from spacy_skd.cli.init import init
from spacy_skd.shards.store import BeliefStore, read_beliefs
from spacy_skd.structures import Parts
from spacy_skd.training.annotation.beliefs import Settings, store_beliefs
from spacy_skd.training.annotation.beliefs_file import survey

TEXT = "Ann went to  Oslo."
ANN, OSLO = {"start": 0, "end": 3, "label": "PER"}, {"start": 13, "end": 17, "label": "LOC"}


def write(path, *lines):
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_text(text, encoding="utf8")
    return path


def stored(folder):
    """The docs of a store, and of each its beliefs by layer."""
    store = BeliefStore(folder)
    vocab = spacy.blank("en").vocab
    docs = [doc for name in store.names(labelled=False) for doc in store.read(name).get_docs(vocab)]
    found = []
    for doc in docs:
        beliefs = read_beliefs(doc.user_data)
        found.append({pipe: store.belief(beliefs, pipe, doc) for pipe in store.forms})
    return docs, found


def tree(heads, tags, *, weight=1.0):
    words = ["Ann", "went", "to", "Oslo", "."]
    starts = [TEXT.index(word) for word in words]
    tokens = [
        {"start": start, "end": start + len(word), "head": head, "dep": "x", "tag": tag,
         "lemma": word.lower(), "morph": ""}
        for word, start, head, tag in zip(words, starts, heads, tags)
    ]  # fmt: skip
    return {"tokens": tokens, "weight": weight}


def test_analyses_of_every_layer_are_stored_by_weight(tmp_path):
    sure = tree([1, 1, 1, 2, 1], ["N", "V", "P", "N", "."], weight=3)
    other = tree([1, 1, 1, 1, 1], ["N", "V", "P", "X", "."])
    del other["tokens"][1]["tag"]
    sure |= {"ents": [ANN, OSLO], "spans": {"sc": [ANN, {**ANN, "end": 8}]}, "cats": {"a": 1}}
    other |= {"ents": [ANN], "spans": {"sc": []}, "cats": {"b": 1}}
    file = write(tmp_path / "a.jsonl", {"text": TEXT, "meta": {"n": 1}, "analyses": [sure, other]})
    outcome = store_beliefs([file], tmp_path / "store")
    assert (outcome.misaligned, outcome.left_out, outcome.unknown) == (0, 0, {})
    assert outcome.manifest.layers == {
        "tag": "tag", "morph": "morph", "lemma": "lemma", "sent": "sent", "parser": "parser",
        "ents": "ents", "spans_sc": "spans:sc", "cats": "cats",
    }  # fmt: skip
    ((doc,), (beliefs,)) = stored(tmp_path / "store")
    # The heaviest is the guess; whitespace is no word.
    assert [ent.text for ent in doc.ents] == ["Ann", "Oslo"]
    assert [token.head.text for token in doc if not token.is_space] == [
        "went", "went", "went", "to", "went",
    ]  # fmt: skip
    assert doc.user_data["meta"] == {"n": 1}
    ents = beliefs["ents"]
    assert numpy.allclose(ents.weights, [1, 1 / 3])
    assert ents.spans_of(0) == [(0, 1, "PER"), (3, 4, "LOC")]
    assert len(beliefs["spans_sc"].spans_of(0)) == 2
    assert beliefs["tag"].named(1) == ["N", None, "P", "X", "."]
    assert beliefs["parser"].heads.tolist() == [[1, -1, 1, 2, 1], [1, -1, 1, 1, 1]]
    assert beliefs["morph"].named(0) == ["_"] * 5
    assert beliefs["lemma"].spelled() == ("Ann", "went", "to", "Oslo", ".")
    assert beliefs["cats"].sets.tolist() == [[True, False], [False, True]]
    # Spans of a group overlap, so its student's do.
    _, plan = init(str(tmp_path / "store"))
    (spans,) = [student for student in plan.students if student.name == "spans_sc"]
    assert spans.settings["structure"] == "independent_spans"


def test_scores_are_the_probabilities_of_spans_and_categories(tmp_path):
    spans = [{**ANN, "score": 0.9}, {**OSLO, "score": 0.7}, {**OSLO, "label": "PER", "score": 1}]
    cats = {"a": 0.25, "b": 0.9}
    file = write(
        tmp_path / "a.jsonl",
        {"text": TEXT, "ents": [], "cats": cats},
        {"text": TEXT, "ents": spans, "cats": cats},
    )
    store_beliefs([file], tmp_path / "store")
    docs, beliefs = stored(tmp_path / "store")
    assert [len(doc.ents) for doc in docs] == [0, 2]
    belief = beliefs[1]["ents"]
    _, marginals = belief.structure.infer(Parts({"span": belief.scores[None]}, numpy.array([5])))
    chances = marginals.arrays["span"][0, :, 0]
    assert belief.labels == ("LOC", "PER")
    assert numpy.allclose(chances[0], [0, 0.9], atol=1e-3)
    assert numpy.allclose(chances[3], [0.7, 1.0], atol=1e-3)
    assert not chances[[1, 2, 4]].any()
    assert numpy.allclose(beliefs[0]["cats"].chances(), [0.25, 0.9], atol=1e-3)
    assert BeliefStore(tmp_path / "store").manifest.layers["cats"] == "cats_multilabel"


def test_what_words_do_not_spell_is_counted_and_keys_are_told(tmp_path):
    cut = {**OSLO, "start": 14}
    bare = {"start": 0, "end": len(TEXT)}
    file = write(
        tmp_path / "a.jsonl",
        {"text": TEXT, "entities": [], "analyses": [tree([0] * 5, "abcde") | {"ents": [ANN, cut]}]},
        "",
        {"text": TEXT, "analyses": [{"tokens": [{**bare, "head": 0, "tag": "x", "lemma": "y",
                                                 "morph": "", "foo": 1}], "ents": [ANN]}]},
    )  # fmt: skip
    found = CliRunner().invoke(skd, ["beliefs", str(file), str(tmp_path / "store")])
    said = " ".join(found.output.split())
    assert found.exit_code == 0, said
    assert "2 spans or tokens begin or end within a word" in said
    assert "1 texts have no whole analysis of some layer" in said
    assert "'entities' means nothing here and is not read (first in line 1)" in said
    assert "tokens: 'foo' means nothing here" in said
    ((doc,), _) = stored(tmp_path / "store")
    assert [ent.text for ent in doc.ents] == ["Ann"]


GOOD = {"text": TEXT, "ents": [ANN]}


WRONG = [
    ({"text": TEXT, "analyses": [{"weight": 0, "ents": []}]}, "one is above 0, got [0.0]"),
    ({"text": TEXT, "analyses": [{"weight": -1, "ents": []}]}, "at least 0, got -1"),
    ({"text": TEXT, "analyses": []}, "expected a list of one or more, got []"),
    ({"text": TEXT, "ents": [{**ANN, "end": 99}]}, "within the 18 characters"),
    ({"text": TEXT, "ents": [{**ANN, "score": 1.5}]}, "a score from 0 to 1"),
    ({"text": TEXT, "ents": [{**ANN, "score": 0.5}]}, "as line 1 has, got probabilities"),
    ({"text": TEXT, "ents": [ANN, {**OSLO, "score": 0.5}]}, "got some of both"),
    ({"text": TEXT, "ents": [ANN, {**ANN, "end": 8}]}, "do not overlap"),
    ({"text": TEXT, "ents": [{"start": 0, "end": 3}]}, "a span with a label"),
    ({"text": TEXT, "ents": "PER"}, "expected a list, got str"),
    ({"text": TEXT, "tokens": [None, {"start": 0, "end": 3}]}, "tokens: expected each as"),
    ({"ents": [ANN]}, 'the record has no "text"'),
    ({"text": TEXT, **GOOD, "cats": {"a": 2}}, "numbers from 0 to 1"),
    ({"text": TEXT, "cats": {"a": 1}}, "line 1 has, ents, got cats"),
    ({**GOOD, **tree([1, 0, 1, 1, 1], "abcde")}, "got a circle at word 0"),
    ({**GOOD, **tree([9, 1, 1, 1, 1], "abcde")}, "the number of a token from 0 to 4"),
    ({"text": TEXT, "entities": [ANN]}, "some of cats, ents, spans, tokens, got entities, text"),
    ("{", "not valid JSON"),
]


def test_errors_name_the_line_before_anything_is_written(tmp_path):
    nlp = spacy.blank("en")
    for line, message in WRONG:
        file = write(tmp_path / "a.jsonl", GOOD, line)
        with pytest.raises(ValueError, match=re.escape(f"{file}, line 2: ")) as error:
            survey(nlp, [file])
        assert message in str(error.value)
    with pytest.raises(ValueError, match="line 2: not valid JSON"):
        store_beliefs([file], tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_a_run_that_was_stopped_goes_on_and_another_is_refused(tmp_path):
    lines = [{"text": f"Ann {i} sees Bo", "ents": [{**ANN, "score": 0.5}]} for i in range(9)]
    file = write(tmp_path / "a.jsonl", *lines)
    small = Settings(shard_words=8)
    whole = store_beliefs([file], tmp_path / "whole", settings=small).manifest
    assert len(whole.shards) == 5

    def stop(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store_beliefs([file], tmp_path / "store", settings=small, report=stop)
    with pytest.raises(ValueError, match="is not whole"):
        BeliefStore(tmp_path / "store")
    store_beliefs([file], tmp_path / "store", settings=small)
    assert contents(tmp_path / "store") == contents(tmp_path / "whole")
    with pytest.raises(ValueError, match="another run"):
        store_beliefs([write(file, *lines[:5])], tmp_path / "store", settings=small)


def test_a_student_learns_the_weights(tmp_path):
    """By what `init` writes: a city is one in three of four samples."""
    lines = []
    for name in ("Ann", "Bo", "Eve"):
        for city in ("Oslo", "Rome", "Bern"):
            text = f"{name} saw {city}."
            spans = [{"start": 0, "end": len(name), "label": "PER"},
                     {"start": text.index(city), "end": len(text) - 1, "label": "LOC"}]  # fmt: skip
            analyses = [{"weight": 3, "ents": spans}, {"weight": 1, "ents": spans[:1]}]
            lines.append({"text": text, "analyses": analyses})
    store_beliefs([write(tmp_path / "a.jsonl", *lines)], tmp_path / "store")
    config, _ = init(str(tmp_path / "store"), preset="tiny")
    config["paths"]["dev"] = str(tmp_path / "none.spacy")
    nlp = init_nlp(config)
    pipe = nlp.get_pipe("ents")
    assert pipe.labels == ("LOC", "PER")
    corpus = spacy.util.registry.resolve(config.interpolate()["corpora"])["train"]
    examples = list(corpus(nlp))
    sgd = Adam(0.01)
    for _ in range(120):
        nlp.update(examples, sgd=sgd)
    doc = nlp.make_doc(lines[0]["text"])
    for _, component in nlp.pipeline:
        doc = component(doc)
    analyses = {
        tuple((ent.text, ent.label_) for ent in ents): probability
        for _, _, probability, ents in pipe.analyses(doc, k=2)
    }
    assert analyses[("Ann", "PER"), ("Oslo", "LOC")] == pytest.approx(0.75, abs=0.08)
    assert analyses[(("Ann", "PER"),)] == pytest.approx(0.25, abs=0.08)


def test_words_are_those_of_the_named_tokenizer(tmp_path):
    """Which the student gets, too."""
    nlp = spacy.blank("en")
    nlp.tokenizer.add_special_case("Annsees", [{"ORTH": "Ann"}, {"ORTH": "sees"}])
    nlp.to_disk(tmp_path / "nlp")
    file = write(tmp_path / "a.jsonl", {"text": "Annsees", "ents": [ANN]})
    settings = Settings(tokenizer=str(tmp_path / "nlp"))
    assert store_beliefs([file], tmp_path / "store", settings=settings).misaligned == 0
    config, _ = init(str(tmp_path / "store"), preset="tiny")
    assert config["components"]["teacher"]["teacher"] is None
    copied = config.interpolate()["initialize"]["before_init"]
    assert copied["tokenizer"] == str(tmp_path / "nlp")
    with pytest.raises(ValueError, match="lang: "):
        store_beliefs([file], tmp_path / "other", settings=Settings(lang="qq"))
    spacy.blank("en").to_disk(tmp_path / "en")
    with pytest.raises(ValueError, match="lang: expected that of the tokenizer's .*'en', got 'de'"):
        store_beliefs(
            [file], tmp_path / "other", settings=Settings(lang="de", tokenizer=str(tmp_path / "en"))
        )


def test_one_label_has_one_spelling(tmp_path):
    def said(morph):
        return {"tokens": [{"start": 0, "end": 3, "morph": morph}]}

    analyses = [said("Case=Nom|Number=Sing"), said("Number=Sing|Case=Nom")]
    file = write(tmp_path / "a.jsonl", {"text": "Ann", "analyses": analyses})
    store_beliefs([file], tmp_path / "store")
    _, ((beliefs),) = stored(tmp_path / "store")
    assert beliefs["morph"].labels == ("Case=Nom|Number=Sing",)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"ents": [ANN], "meta": {"x": 10**30}}, "cannot be stored"),
        ({"ents": [{**ANN, "label": "\ud800"}]}, "cannot be stored"),
        ({"analyses": [{"weight": 10**400, "ents": []}]}, "weight: expected a number"),
        ({"spans": {"a:b": [ANN], "a_b": [OSLO]}}, "would have one name in a store"),
        ({"spans": {"a.b": [ANN]}}, "expected a name that a config can hold"),
        (
            {**tree([0, 1, 1, 2, 1], "NNNNN"), "sents": [{"start": 0, "end": 18}]},
            "sents: expected the sentences of the heads",
        ),
    ],
)
def test_what_a_store_cannot_hold_is_refused_before_anything_is_written(line, message, tmp_path):
    file = write(tmp_path / "a.jsonl", {"text": TEXT, **line})
    with pytest.raises(ValueError, match=f"line 1: .*{message}"):
        store_beliefs([file], tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_spans_of_which_none_fits_the_words_are_refused_by_what_may_be_wrong(tmp_path):
    file = write(tmp_path / "a.jsonl", {"text": TEXT, "ents": [{**ANN, "end": ANN["end"] - 1}]})
    with pytest.raises(ValueError, match=r"there is no label.*within a word.*--tokenizer"):
        store_beliefs([file], tmp_path / "store")


def test_a_weight_of_a_line_is_told_to_mean_nothing(tmp_path):
    file = write(tmp_path / "a.jsonl", {"text": TEXT, "weight": 3, "ents": [ANN]})
    assert store_beliefs([file], tmp_path / "store").unknown == {"'weight'": 1}


def test_texts_of_which_nothing_is_left_make_no_store(tmp_path):
    no_tree, no_tags = (tree([1, 1, 1, 2, 1], tags)["tokens"] for tags in ("NNNNN", [""] * 5))
    lines = [{"text": TEXT, "tokens": tokens} for tokens in (no_tree[:4], no_tags)]
    for line in lines:
        for token in line["tokens"]:
            del token["lemma"], token["morph"]
    file = write(tmp_path / "a.jsonl", *lines)
    with pytest.raises(ValueError, match="no text has a whole analysis of each of tag, sent, pars"):
        store_beliefs([file], tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_inputs_and_output_may_be_urls(tmp_path):
    fsspec = pytest.importorskip("fsspec", reason="extra [scale]")
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/beliefs/in/a.jsonl", json.dumps({"text": TEXT, "ents": [ANN]}).encode())
    url = "memory://beliefs/in/a.jsonl"
    store_beliefs([url, "memory://beliefs/in/*.jsonl"], "memory://beliefs/out")
    manifest = json.loads(memory.cat_file("/beliefs/out/manifest.json"))
    assert manifest["counts"]["texts"] == 1
    assert [entry["path"] for entry in manifest["inputs"]] == ["memory:///beliefs/in/a.jsonl"]
    with pytest.raises(ValueError, match="lie in one another"):
        store_beliefs(["memory://beliefs/in"], "memory://beliefs/in/out")
    memory.pipe_file("/beliefs/in/a.jsonl", b"{")
    with pytest.raises(ValueError, match="memory:///beliefs/in/a.jsonl, line 1: not valid JSON"):
        store_beliefs([url], tmp_path / "store")
