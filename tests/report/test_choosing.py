"""Which texts are chosen: against what is computed by hand, and what is refused."""

import json

import numpy
import pytest
import spacy
from spacy.language import Language
from spacy.training.initialize import init_nlp
from typer.testing import CliRunner

from spacy_skd.cli import skd
from spacy_skd.cli.init import init
from spacy_skd.disk import numbers_to_null
from spacy_skd.report.choosing import choose_texts
from spacy_skd.shards.store import BeliefStore
from spacy_skd.training.annotation.beliefs import Settings, store_beliefs
from spacy_skd.training.annotation.inputs import find_inputs, read_inputs


def tagged(text, *tags, weight=1):
    """Words between single spaces, each with a tag."""
    tokens, start = [], 0
    for word, tag in zip(text.split(" "), tags):
        tokens.append({"start": start, "end": start + len(word), "tag": tag})
        start += len(word) + 1
    return {"tokens": tokens, "weight": weight}


def store_of(folder, *lines, shard_words=8):
    file = folder / "lines.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)), encoding="utf8")
    store_beliefs([file], folder / "store", settings=Settings(shard_words=shard_words))
    return BeliefStore(folder / "store")


SURE, TORN = "Ann sees five small dogs", "Bo hears seven large cats there"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Of SURE all samples say the same, of TORN half; a copy of it, and what is too short."""
    lines = [
        {"text": SURE, "meta": {"n": 1}, "analyses": [tagged(SURE, *"NVANN", weight=2)]},
        *(
            {
                "text": text,
                "meta": {"who": "\u0141"},
                "analyses": [tagged(text, *"NVANND"), tagged(text, *"NVANNX")],
            }
            for text in (TORN, TORN.replace("seven", "9"), TORN.upper())
        ),
        {"text": "Go", "analyses": [tagged("Go", "V"), tagged("Go", "N")]},
    ]
    return store_of(tmp_path_factory.mktemp("choosing"), *lines)


def test_the_least_sure_come_first_without_copies(store):
    choice = choose_texts(store, words=100)
    assert [(each.text, each.shard, each.number) for each in choice.chosen] == [
        (TORN, "shard-000000.spacy", 1),
        (TORN.replace("seven", "9"), "shard-000001.spacy", 0),
        (SURE, "shard-000000.spacy", 0),
    ]
    assert choice.copies == 1  # in capitals
    assert numpy.allclose([each.score for each in choice.chosen], [numpy.log(2) / 6] * 2 + [0])
    assert choice.words == 17
    assert choice.covered == 1.0
    assert choose_texts(store, words=100, overlap=0.14).copies == 2
    assert choose_texts(store, words=100, overlap=2).copies == 0
    assert [each.text for each in choose_texts(store, words=6).chosen] == [TORN]
    assert len(choose_texts(store, words=100, min_words=1).chosen) == 4


def test_coverage_takes_what_adds_most_for_each_word(tmp_path):
    texts = ["the cat saw the", "the cat saw dogs run", "dogs run far away now", "the the the the"]
    lines = [{"text": text, "ents": []} for text in texts]
    lines[0]["ents"] = [{"start": 4, "end": 7, "label": "X"}]
    store = store_of(tmp_path, *lines)
    choice = choose_texts(store, words=14, by="coverage", min_words=1, overlap=2)
    # "the" is 7 of the 18 words, "cat", "saw", "dogs" and "run" 2 each, the rest 1.
    first, second, third = choice.chosen
    assert (first.text, first.score) == (texts[1], pytest.approx(15 / 18))
    assert (second.text, second.score) == (texts[2], pytest.approx(3 / 18))
    assert (third.text, third.score) == (texts[0], 0)
    assert choice.covered == 1.0


@Language.component("tests_merge_two", retokenizes=True)
def merge_two(doc):
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[:2])
    return doc


def test_divergence_is_that_of_each_students_distribution(tmp_path):
    """Untrained; by the student's own probabilities of what each sample says."""
    text = "Ann sees Bo in Oslo"
    spans = [{"start": 0, "end": 3, "label": "PER"}]
    analyses = [tagged(text, *"NVNPN", weight=3) | {"ents": spans}, tagged(text, *"NVNPX")]
    analyses[1] |= {"ents": []}
    store = store_of(tmp_path, {"text": text, "analyses": analyses})
    config, _ = init(str(store.folder), preset="tiny")
    config["paths"]["dev"] = str(tmp_path / "none.spacy")
    nlp = init_nlp(config)
    doc = nlp(text)
    tag, ents = nlp.get_pipe("tag"), nlp.get_pipe("ents")
    (scores,) = (belief.scores for belief in tag.believe([doc]))
    log_p = scores - numpy.log(numpy.exp(scores).sum(axis=1, keepdims=True))
    by_label = {label: log_p[:, i] for i, label in enumerate(tag.labels)}
    expected = -sum(float(by_label[label][i]) for i, label in enumerate("NVNP"))
    for label, p in (("N", 0.75), ("X", 0.25)):
        expected += p * (numpy.log(p) - float(by_label[label][4]))
    choice = choose_texts(store, words=5, by="divergence", student=nlp, pipes=["tag"])
    assert choice.chosen[0].score == pytest.approx(expected / 5, abs=1e-3)
    found = {len(said): p for _, _, p, said in ents.analyses(doc, k=200) if len(said) < 1
             or [(s.text, s.label_) for s in said] == [("Ann", "PER")]}  # fmt: skip
    both = 0.75 * numpy.log(0.75 / found[1]) + 0.25 * numpy.log(0.25 / found[0])
    choice = choose_texts(store, words=5, by="divergence", student=nlp)
    assert choice.chosen[0].score == pytest.approx((expected + both) / 5, abs=1e-3)
    nlp.add_pipe("tests_merge_two", last=True)
    nlp.add_pipe("doc_cleaner", config={"attrs": {"tensor": None, "user_data": {}}})
    cleaned = choose_texts(store, words=5, by="divergence", student=nlp)
    assert cleaned.chosen[0].score == choice.chosen[0].score
    with pytest.raises(ValueError, match="a component of this package for some of tag"):
        choose_texts(store, words=5, by="divergence", student=spacy.blank("en"), pipes=["tag"])


NORMS = []


@Language.component("tests_norms")
def norms_of(doc):
    NORMS.append([token.norm_ for token in doc])
    return doc


def test_a_student_reads_the_norms_that_the_tokenizer_gave(tmp_path):
    text = "Ann can't see it"
    tokens = [(0, 3), (4, 6), (6, 9), (10, 13), (14, 16)]
    said = [{"start": start, "end": end, "tag": "N"} for start, end in tokens]
    store = store_of(tmp_path, {"text": text, "tokens": said})
    config, _ = init(str(store.folder), preset="tiny")
    config["paths"]["dev"] = str(tmp_path / "none.spacy")
    nlp = init_nlp(config)
    nlp.add_pipe("tests_norms", first=True)
    NORMS.clear()
    choose_texts(store, words=5, by="divergence", student=nlp)
    assert NORMS == [["ann", "can", "not", "see", "it"]]


def test_the_file_is_what_annotate_reads(store, tmp_path):
    out = tmp_path / "chosen.jsonl"
    arguments = ["select", str(store.folder), str(out), "-n", "100", "--pipes", "tag"]
    found = CliRunner().invoke(skd, arguments)
    said = " ".join(found.output.split())
    assert found.exit_code == 0, said
    assert "There are 17 words to choose, of 100" in said
    assert (
        "17 words of 3 texts, whose forms are those of 100.0% of the words; 1 near copies" in said
    )
    records = list(read_inputs(find_inputs([str(out)]), max_chars=1000))
    assert [record.text for record in records][::2] == [TORN, SURE]
    assert records[2].meta == {
        "n": 1, "score": 0.0, "by": "entropy", "from": "shard-000000.spacy:0",
    }  # fmt: skip
    assert CliRunner().invoke(skd, arguments).exit_code == 1  # the file is there
    shown = CliRunner().invoke(skd, ["select", str(store.folder), "-n", "1"])
    assert json.loads(shown.stdout)["text"] == TORN
    for charset in ("ascii", "latin-1"):  # what is chosen is UTF-8 to whoever reads it
        again = CliRunner(charset=charset).invoke(skd, ["select", str(store.folder), "-n", "1"])
        assert again.stdout_bytes == shown.stdout_bytes


def test_what_json_cannot_hold_is_null_and_a_store_holds_no_other_file(store, tmp_path):
    assert numbers_to_null({"a": [float("nan"), 1.5], "b": "x"}) == {"a": [None, 1.5], "b": "x"}
    inside = store.folder / "chosen.jsonl"
    found = CliRunner().invoke(skd, ["select", str(store.folder), str(inside), "-n", "5"])
    assert found.exit_code == 1
    assert "lies in the input folder" in " ".join(found.output.split())
    with pytest.raises(ValueError, match="a store is read from a disk"):
        BeliefStore("s3://bucket/store")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"words": 0}, "words: expected a number from 1"),
        ({"by": "age"}, "by: expected one of entropy, divergence, coverage"),
        ({"by": "divergence"}, "student: expected a pipeline"),
        ({"pipes": ["ner"]}, "pipes: expected some of tag, got ner"),
        ({"by": "coverage", "pipes": ["tag"]}, "pipes: expected none with by = coverage"),
        ({"min_words": 50}, "of at least 50 words, found none"),
    ],
)
def test_bad_settings_are_refused(store, settings, message):
    with pytest.raises(ValueError, match=message):
        choose_texts(store, **{"words": 5, **settings})
