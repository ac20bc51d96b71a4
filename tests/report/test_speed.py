"""Speed of pipelines that take turns, and the size of folders."""

import numpy as np
import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.vectors import Vectors

from spacy_skd.report import speed
from spacy_skd.report.speed import megabytes, words_per_second


class Clock:
    """Time passes when a pipeline says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


def slow(clock: Clock, seconds: float) -> Language:
    """A blank pipeline that takes some seconds a doc."""
    nlp = spacy.blank("en")

    def wait(doc):
        clock.now += seconds
        return doc

    nlp._components.append(("wait", wait))
    return nlp


def test_words_of_the_median_round(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(speed, "time", clock)
    texts = ["two words"] * 10
    found = words_per_second({"a": slow(clock, 0.1), "b": slow(clock, 0.4)}, texts, rounds=3)
    assert round(found["a"], 6) == 20.0
    assert round(found["b"], 6) == 5.0


def test_the_first_tenth_of_a_turn_is_not_timed(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(speed, "time", clock)
    nlp = spacy.blank("en")

    def wait(doc):
        clock.now += 5.0 if doc.text == "a long and cold one" else 0.1
        return doc

    nlp._components.append(("wait", wait))
    texts = ["a long and cold one"] * 2 + ["two words"] * 18
    found = words_per_second({"a": nlp}, texts, batch_sizes=(8,), rounds=1)
    assert round(found["a"], 6) == 20.0


def test_no_text_is_met_twice_and_too_few_are_told(monkeypatch):
    monkeypatch.setattr(speed, "time", Clock())
    nlp, met = spacy.blank("en"), []
    nlp._components.append(("meet", lambda doc: met.append(doc.text) or doc))
    texts = [f"text {i}" for i in range(40)]
    nlp._components.append(("wait", slow(speed.time, 1.0)._components[0][1]))
    words_per_second({"a": nlp}, texts)
    warm = len(texts) // 20
    assert sorted(met[warm:]) == sorted(texts)
    with pytest.raises(ValueError, match="expected 6 texts or more, got 5"):
        words_per_second({"a": nlp}, texts[:5])


def test_no_tokenizer_meets_a_text_twice_before_all_is_timed():
    met = {"a": [], "b": []}

    def watched(name):
        nlp = spacy.blank("en")
        tokenizer = nlp.tokenizer
        nlp.tokenizer = lambda text: met[name].append(text) or tokenizer(text)
        return nlp

    texts = [f"text {i}" for i in range(40)]
    words_per_second({name: watched(name) for name in met}, texts)
    warm = len(texts) // 20
    for found in met.values():
        assert sorted(found[warm:][: len(texts)]) == sorted(texts)


def test_words_are_those_of_the_first_pipeline(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(speed, "time", clock)
    by_letter = slow(clock, 0.1)
    by_letter.tokenizer = lambda text: Doc(by_letter.vocab, words=list(text))
    pipelines = {"words": slow(clock, 0.1), "letters": by_letter}
    found = words_per_second(pipelines, ["two words"] * 6)
    assert round(found["words"], 6) == round(found["letters"], 6) == 20.0


def test_words_that_a_component_merges_count(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(speed, "time", clock)
    merging = slow(clock, 0.1)

    def merge(doc):
        with doc.retokenize() as retokenizer:
            retokenizer.merge(doc[:])
        return doc

    merging._components.append(("merge", merge))
    pipelines = {"merging": merging, "plain": slow(clock, 0.2)}
    found = words_per_second(pipelines, ["two words"] * 6)
    assert {name: round(found[name], 6) for name in found} == {"merging": 20.0, "plain": 10.0}


def test_each_pipeline_begins_a_turn():
    met = []

    def named(name):
        nlp = spacy.blank("en")
        nlp._components.append(("meet", lambda doc: met.append(name) or doc))
        return nlp

    texts = ["two words"] * 3
    words_per_second({n: named(n) for n in "abc"}, texts, batch_sizes=(8,), rounds=3)
    assert "".join(met) == "abc" + "abc" + "bca" + "cab"  # once to warm up


def test_megabytes_are_those_of_all_files(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(b"x" * 1_500_000)
    (tmp_path / "c").write_bytes(b"x" * 500_000)
    assert megabytes(tmp_path) == 2.0


def test_megabytes_without_vectors_leave_out_the_table_its_config_and_its_keys(tmp_path):
    nlp = spacy.blank("en")
    words = [f"word{i}" for i in range(500)]
    nlp.vocab.vectors = Vectors(data=np.ones((500, 8), dtype="float32"), keys=words)
    nlp.to_disk(tmp_path)
    vocab = tmp_path / "vocab"
    sizes = {name: (vocab / name).stat().st_size for name in ("vectors", "vectors.cfg", "key2row")}
    assert all(sizes.values())
    assert sizes["vectors"] > 500 * 8 * 4
    (tmp_path / "tagger").mkdir()
    (tmp_path / "tagger" / "vectors").write_bytes(b"x" * 1000)  # not the vocab's
    left = megabytes(tmp_path) - megabytes(tmp_path, vectors=False)
    assert left == pytest.approx(sum(sizes.values()) / 1e6, abs=1e-9)
