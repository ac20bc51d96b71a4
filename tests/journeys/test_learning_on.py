"""A saved student learns on: by hand, by `spacy train` of its own config, sourced, resumed."""

import shutil

import pytest
import spacy
from journeys.commands import run
from journeys.predictions import best, examples, says, scores, texts
from journeys.workshop import SHORT
from thinc.api import Config

from spacy_skd.pipeline.rehearsal import resume_training

DATA = "--paths.train train.spacy --paths.dev dev.spacy"
BEST, LAST = "out/model-best", "out/model-last"


@pytest.fixture(scope="module")
def here(made, tmp_path_factory):
    """A copy of the workshop, to write to, without the teacher and what it wrote."""
    folder = tmp_path_factory.mktemp("learning") / "here"
    shutil.copytree(made, folder)
    return folder


def without_teacher(here, folder):
    """A folder of labelled text, word vectors and the student."""
    folder.mkdir()
    for name in ("train.spacy", "dev.spacy", "raw.jsonl"):
        shutil.copy(here / name, folder)
    for name in ("out", "vectors"):
        shutil.copytree(here / name, folder / name)
    return folder


def test_by_hand_from_gold(here):
    nlp = best(here)
    gold = examples(nlp, here / "dev.spacy")[:16]
    optimizer = resume_training(nlp)
    optimizer.learn_rate = 0.001
    losses = []
    for _ in range(12):
        losses.append({})
        nlp.update(gold, sgd=optimizer, losses=losses[-1])
    assert sum(losses[-1].values()) < sum(losses[0].values())
    (before, after) = (pipeline.evaluate(gold) for pipeline in (best(here), nlp))
    assert after["sents_f"] > before["sents_f"]


def test_a_new_label_is_learnt(here):
    nlp = best(here)
    nlp.get_pipe("ner").add_label("BOAT")
    gold = [example for example in examples(nlp, here / "train.spacy") if "ship" in example.text]
    for example in gold:
        doc = example.reference
        boats = [doc.char_span(*span, label="BOAT") for span in places(doc.text, "ship")]
        doc.set_ents([boat for boat in boats if boat], default="unmodified")
    optimizer = nlp.resume_training()
    optimizer.learn_rate = 0.01
    for _ in range(20):
        with nlp.select_pipes(enable=["tok2vec", "ner"]):
            nlp.update(gold[:12], sgd=optimizer)
    found = [ent.label_ for example in gold[:12] for ent in nlp(example.text).ents]
    assert "BOAT" in found


def places(text, word):
    start = text.find(word)
    while start >= 0:
        yield start, start + len(word)
        start = text.find(word, start + 1)


def test_by_spacy_train_from_its_own_config(here, tmp_path):
    """From gold, without its teacher: nothing of it is there any more. What was taken over from it
    is in the saved student alone."""
    folder = without_teacher(here, tmp_path / "alone")
    command = f"python -m spacy train {BEST}/config.cfg -o again {DATA}"
    assert "--paths.resume" in run(command, folder, env=SHORT, code=1)
    run(f"{command} --paths.resume {BEST}", folder, env=SHORT)
    nlp = spacy.load(folder / "again" / "model-last")
    assert nlp.pipe_names == best(here).pipe_names
    doc = nlp("Ann painted ten miles.")
    assert ("ten miles", "DISTANCE") in [(ent.text, ent.label_) for ent in doc.ents]
    assert doc[1].lemma_ == "paint"
    assert doc[1].tag_ == best(here)("Ann painted ten miles.")[1].tag_


@pytest.mark.parametrize("replace", [False, True])
def test_by_spacy_train_from_sources(here, tmp_path, replace):
    """replace: of one component alone, with a tok2vec of its own."""
    folder = without_teacher(here, tmp_path / "alone")
    names = ["ner"] if replace else best(here).pipe_names
    run("python -m spacy init config plain.cfg --lang en --pipeline tagger", folder)
    config = Config().from_disk(folder / "plain.cfg", interpolate=False)
    config["nlp"]["pipeline"] = names
    config["components"] = {name: {"source": BEST} for name in names}
    if replace:
        config["components"]["ner"]["replace_listeners"] = ["model.tok2vec"]
    rules = [name for name in names if name in ("attribute_ruler", "lemmatizer", "entity_ruler")]
    config["training"]["frozen_components"] = rules
    config["training"]["score_weights"] = {}
    config.to_disk(folder / "sourced.cfg")
    run(f"python -m spacy train sourced.cfg -o again {DATA}", folder, env=SHORT)
    before, after = best(here), spacy.load(folder / "again" / "model-best")
    key = "ents_f" if replace else "tag_acc"
    first, then = (scores(nlp, folder / "dev.spacy")[key] for nlp in (before, after))
    assert then > first - 0.1, "the weights were not those of the source"


def test_a_training_resumes(here):
    before = spacy.load(here / LAST)
    run(f"python -m spacy train student.cfg -o resumed --paths.resume {LAST}", here, env=SHORT)
    after = spacy.load(here / "resumed" / "model-last")
    for name in ("parser", "ner", "tagger"):
        assert set(after.get_pipe(name).labels) == set(before.get_pipe(name).labels)
        assert after.get_pipe(name).cfg["step"] > before.get_pipe(name).cfg["step"]
    first, then = (scores(nlp, here / "dev.spacy")["tag_acc"] for nlp in (before, after))
    assert then > first - 0.1


def test_its_rehearsed_self_says_nearly_the_same(here):
    nlp = best(here)
    given = texts(here)
    before = says(nlp, given)
    optimizer = resume_training(nlp)
    optimizer.learn_rate = 1e-6
    raw = [spacy.training.Example(nlp.make_doc(text), nlp.make_doc(text)) for text in given]
    losses = nlp.rehearse(raw, sgd=optimizer)
    assert losses
    assert says(nlp, given) == before
