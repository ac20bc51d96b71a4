"""`spacy skd check`: what a training would learn and cost, before it is begun."""

from types import SimpleNamespace

import pytest
import spacy
from conftest import make_docs
from own_code import printed, run
from spacy.tokens import Doc, DocBin
from thinc.api import Config

from spacy_skd.cli.init import init
from spacy_skd.training import check as module
from spacy_skd.training.annotation.annotate import annotate
from spacy_skd.training.check import DOUBTFUL, GOOD, check_training

RAW = ["The cat sees Ann . Dogs sleep well", "Go !", "She gave him the book"]


@pytest.fixture(scope="module")
def made(teacher, tmp_path_factory):
    """A student's config, of gold and raw text that a teacher annotated."""
    folder = tmp_path_factory.mktemp("check")
    DocBin(docs=make_docs(spacy.blank("en"))).to_disk(folder / "gold.spacy")
    (folder / "raw.txt").write_text("\n".join(RAW), encoding="utf8")
    annotate(teacher, [str(folder / "gold.spacy"), str(folder / "raw.txt")], folder / "store")
    config, _ = init(
        str(teacher), preset="tiny", store=str(folder / "store"), dev=str(folder / "gold.spacy")
    )
    config.to_disk(folder / "student.cfg")
    return folder


def rows_of(folder, **changes):
    config = Config().from_disk(folder / "student.cfg", interpolate=False, overrides=changes)
    return {(row.where, row.what): row for row in check_training(config, steps=3)}


def test_all_is_well(made):
    rows = rows_of(made, **{"training.max_steps": 1000, "training.eval_frequency": 100})
    assert {row.verdict for row in rows.values()} == {GOOD}
    for name in ("sent", "tag", "pos", "parser"):
        assert "in common" in rows[name, "labels"].value
        assert rows[name, "lost of the teacher's probability"].value == "0.0 %"
        assert rows[name, "examples with complete gold"].value.endswith("dev 100.0 %")
    assert rows["", "dev tokens that the tokenizer makes"].value == "100.0 %"
    assert rows["", "whitespace tokens"].value == "0.0 %"
    words = sum(map(len, make_docs(spacy.blank("en")))) + len(" ".join(RAW).split())
    assert rows["teacher", "stored beliefs"].value.startswith(f"{words} words, ")
    assert "1,000 steps" in rows["", "the training, about"].value
    assert rows["", "a step"].value.endswith("for the teacher")


def test_what_is_doubtful_is_told_with_a_remedy(made, teacher, tmp_path):
    """Other tokens, whitespace, no annotation in dev, a student that lacks labels, no store."""
    docs = [Doc(spacy.blank("en").vocab, ["Thecat", "sees", "\n\n", "Ann"])]
    DocBin(docs=docs).to_disk(tmp_path / "dev.spacy")
    texts = "\n".join(f'{{"text": "Go !{"".join([chr(92) + "n"] * 6)} the dogs"}}' for _ in "abc")
    (tmp_path / "raw.jsonl").write_text(texts, encoding="utf8")
    rows = rows_of(
        made,
        **{
            "paths.dev": str(tmp_path / "dev.spacy"),
            "paths.raw": str(tmp_path / "raw.jsonl"),
            "paths.train": str(made / "gold.spacy"),
            "paths.store": None,
            "corpora.train": {
                "@readers": "spacy-skd.MixedCorpus.v1",
                "path": "${paths.train}",
                "raw": "${paths.raw}",
                "raw_ratio": 3.0,
            },
            "initialize.components": {"tag": {"labels": ["NN", "DT"]}},
        },
    )
    doubts = {key for key, row in rows.items() if row.verdict == DOUBTFUL}
    assert ("teacher", "stored beliefs") in doubts
    assert ("parser", "examples with complete gold") in doubts
    assert ("tag", "labels") in doubts
    assert rows["tag", "labels"].remedy.startswith("only the teacher: ")
    assert rows["tag", "lost of the teacher's probability"].verdict
    assert rows["", "dev tokens that the tokenizer makes"].verdict
    assert all(rows[key].remedy for key in doubts)


def test_an_evaluation_takes_what_it_takes_to_predict(monkeypatch):
    """However long it takes to count the docs of a larger corpus."""
    clock = SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(module.time, "perf_counter", lambda: clock.seconds)

    def evaluate(examples):
        clock.seconds += 2.0

    def dev(nlp):
        clock.seconds += 1000.0
        yield from range(10 * module.SOME)

    trial = module.Trial(["eg"], [1.0])
    monkeypatch.setattr(module.Trial, "words", 1)
    rows = module._cost(SimpleNamespace(evaluate=evaluate), trial,
                        {"max_steps": 10, "eval_frequency": 10},
                        of_dev=["eg"] * module.SOME, dev=dev)  # fmt: skip
    of_training = next(row for row in rows if row.what.startswith("the training"))
    assert of_training.value == "50 s: 10 steps, an evaluation 20 s"


def test_the_command(made, tmp_path):
    done = run("check", made / "student.cfg", "--steps", 2)
    assert done.exit_code == 0, printed(done)
    assert "Ready to train" in printed(done)
    assert "lost of the teacher's probability" in printed(done)
    done = run("check", made / "student.cfg", "--paths.dev", tmp_path / "none.spacy")
    assert done.exit_code == 1
    assert "The training would fail" in printed(done)
    assert "none.spacy" in printed(done)


def test_what_is_pointless_has_an_exit_code(made, tmp_path):
    """A layer of which neither gold nor a teacher says anything."""
    bare = [Doc(spacy.blank("en").vocab, ["Go", "!"]) for _ in range(3)]
    for doc in bare:
        doc[0].tag_ = doc[1].tag_ = "X"
    DocBin(docs=bare).to_disk(tmp_path / "bare.spacy")
    config = Config().from_disk(made / "student.cfg", interpolate=False)
    for name in ("sent", "parser", "pos"):
        config["components"].pop(name, None)
    config["nlp"]["pipeline"] = ["tok2vec", "tag", "pos"]
    config["components"]["tag"]["distill_weight"] = 0.0
    config["components"]["pos"] = {**config["components"]["tag"], "layer": "pos"}
    config["components"].pop("teacher")
    config["training"].update(frozen_components=[], before_to_disk=None)
    config["initialize"].update(after_init=None)
    config["initialize"]["components"] = {"pos": {"labels": ["NOUN", "VERB"]}}
    config["corpora"]["train"] = {"@readers": "spacy.Corpus.v1", "path": "${paths.train}"}
    config["paths"].update(train=str(tmp_path / "bare.spacy"), teacher=None)
    config.to_disk(tmp_path / "bare.cfg")
    done = run("check", tmp_path / "bare.cfg", "--steps", 2)
    assert done.exit_code == 1, printed(done)
    assert "pointless" in printed(done)
    assert "neither gold nor a teacher" in printed(done)


def test_a_lexicon_from_init_to_check(made, teacher, tmp_path):
    """Unfit lines are told and counted, by the command and by the check; a phrase that occurs and
    one that does not."""
    lexicon, out = tmp_path / "lexicon.jsonl", tmp_path / "student.cfg"
    lexicon.write_text('{"phrase": "the cat", "classes": ["A", "B"]}\n{"phrase": 3, "label": "A"}')
    command = ["init", teacher, out, "--preset", "tiny", "--store", made / "store",
               "--dev", made / "gold.spacy", "--lexicon", lexicon]  # fmt: skip
    found = run(*command)
    assert found.exit_code == 3
    assert "The lexicon has 1 phrases of the classes A, B" in printed(found)
    assert "1 of 2 lines of the lexicon are unfit" in printed(found)
    assert run(*command, "--overwrite", "--accept-rejects").exit_code == 0
    config = Config().from_disk(out, interpolate=False)
    assert config["initialize"]["before_init"]["path"] == "${paths.lexicon}"
    rows = {(row.where, row.what): row for row in check_training(config, steps=3)}
    size, inside = (
        rows["tok2vec", what] for what in ("phrases of the lexicon", "tokens within phrases")
    )
    assert (size.value, size.verdict) == ("1 of 2 classes; 1 unfit lines", DOUBTFUL)
    assert (inside.value != "0.0 %", inside.verdict) == (True, GOOD)
    lexicon.write_text('{"phrase": "Rio de Janeiro", "label": "A"}')
    rows = {(row.where, row.what): row for row in check_training(config, steps=3)}
    assert rows["tok2vec", "tokens within phrases"].verdict == DOUBTFUL
    assert rows["tok2vec", "phrases of the lexicon"].verdict == GOOD
    lexicon.write_text("")
    found = run(*command, "--overwrite")
    assert (found.exit_code, "and no entry" in printed(found)) == (1, True)
