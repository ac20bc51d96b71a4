"""A saved student learns on: from Python, sourced, from its own config, and by `paths.resume`."""

import logging

import pytest
import spacy
from conftest import build, gold_examples, make_docs, raw_examples
from journey import FEW, command, make_data, make_student, with_rules
from spacy.cli.debug_data import debug_data
from spacy.cli.train import train
from spacy.tokens import DocBin
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.util import load_config, load_model_from_config
from thinc.api import Config

from spacy_skd.pipeline.rehearsal import resume_training
from spacy_skd.training.callbacks import without_teacher
from spacy_skd.training.corpora.stream import examples_seen
from spacy_skd.training.resume import RESUME, make_begin_from, resume

TEXT = "The cat sees Ann . She gave him the book"


@pytest.fixture(scope="module")
def made(teacher, tmp_path_factory):
    """Folder of the data, a store, a config and the student that was trained by it."""
    folder = tmp_path_factory.mktemp("made")
    make_data(folder)
    rules = with_rules(teacher, folder / "teacher")
    command("annotate", rules, folder / "train.spacy", folder / "raw.jsonl", folder / "store")
    make_student(rules, folder, "--store", folder / "store")
    return folder


def saved(made):
    return made / "out" / "model-last"


def paths(made, **others):
    data = str(made / "train.spacy")
    named = {f"paths.{name}": str(path) for name, path in others.items()}
    return {"paths.train": data, "paths.dev": data, **FEW, **named}


def said(nlp):
    doc = nlp(TEXT)
    entities = [(ent.text, ent.label_) for ent in doc.ents]
    return [(t.tag_, t.pos_, t.dep_, t.head.i, t.is_sent_start, t.lemma_) for t in doc], entities


def test_it_learns_from_gold_in_python(made):
    nlp = spacy.load(saved(made))
    optimizer = resume_training(nlp)
    losses = [nlp.update(gold_examples(nlp), sgd=optimizer)["tag"] for _ in range(20)]
    assert losses[-1] < 0.9 * losses[0]
    nlp.rehearse(raw_examples(nlp), sgd=optimizer)
    nlp = spacy.load(saved(made))
    nlp.update(gold_examples(nlp), sgd=nlp.resume_training())


def test_it_is_said_once_that_gold_alone_is_learnt(made, log):
    nlp = spacy.load(saved(made))
    log.set_level(logging.INFO)
    for _ in range(2):
        nlp.update(gold_examples(nlp))
    assert log.text.count("parser: the pipeline has no teacher; it learns from gold alone") == 1


def test_one_that_was_saved_before_its_config_said_so_learns_too(made, tmp_path):
    nlp = spacy.load(saved(made))
    for name in ("sent", "tag", "pos", "parser"):
        nlp._pipe_configs[name].pop("needs_teacher")
    nlp.to_disk(tmp_path)
    nlp = spacy.load(tmp_path)
    assert nlp.get_pipe("tag").needs_teacher
    assert nlp.update(gold_examples(nlp))["tag"] > 0


def test_a_fresh_component_that_is_to_be_taught_needs_a_teacher():
    nlp = spacy.blank("en")
    nlp.add_pipe("distilling_tagger", config={"distill_weight": 0.7})
    with pytest.raises(ValueError, match="distill_weight is 0.7 but the pipeline has no teacher"):
        nlp.initialize(lambda: gold_examples(nlp))


def test_its_config_trains_on_gold_without_a_trace_of_store_and_teacher(made, tmp_path):
    config = Config().from_disk(saved(made) / "config.cfg", interpolate=False)
    assert config["corpora"]["train"]["@readers"] == "spacy.Corpus.v1"
    assert config["corpora"]["train"]["path"] == "${paths.train}"
    assert (config["training"]["max_epochs"], config["paths"]["resume"]) == (0, None)
    assert {config["components"][name]["needs_teacher"] for name in ("tag", "parser")} == {False}
    assert config["components"]["parser"]["distill_weight"] == 0.7
    many = make_docs(spacy.blank("en")) * 20  # spaCy takes fewer than 100 for an error
    DocBin(docs=many).to_disk(tmp_path / "many.spacy")
    debug_data(
        saved(made) / "config.cfg", config_overrides=paths(made, train=tmp_path / "many.spacy")
    )
    train(saved(made) / "config.cfg", tmp_path, overrides=paths(made))
    nlp = spacy.load(tmp_path / "model-last")
    assert set(nlp.get_pipe("tag").labels) == {t.tag_ for d in make_docs(nlp) for t in d}
    train(tmp_path / "model-last" / "config.cfg", overrides=paths(made))  # once more


@pytest.mark.parametrize("frozen", [[], ["tok2vec", "sent"], ["tok2vec", "sent", "tag", "parser"]])
def test_its_components_are_sourced_into_another_config(made, tmp_path, frozen):
    config = load_config(saved(made) / "config.cfg")
    names = ["tok2vec", "sent", "tag", "parser"]
    config["nlp"]["pipeline"] = names
    config["components"] = {name: {"source": str(saved(made))} for name in names}
    if len(frozen) < len(names):
        config["components"]["tag"]["replace_listeners"] = ["model.tok2vec"]
    config["training"].update(frozen_components=frozen, annotating_components=["tok2vec"])
    config.to_disk(tmp_path / "other.cfg")
    train(tmp_path / "other.cfg", tmp_path / "out", overrides=paths(made))
    assert spacy.load(tmp_path / "out" / "model-last")(TEXT)[0].tag_


def test_a_path_that_nothing_reads_is_told(made, log):
    """Raw text beside the store that it is to be annotated into."""
    given = {**paths(made), "training.max_steps": 0}
    init_nlp(load_config(made / "student.cfg", overrides=given))
    assert "nothing in the config reads it" not in log.text
    given["paths.raw"] = "raw.jsonl"
    init_nlp(load_config(made / "student.cfg", overrides=given))
    assert "paths.raw: nothing in the config reads it, got raw.jsonl" in log.text


def test_distilling_goes_on_where_it_stopped(made, tmp_path, log):
    before = spacy.load(saved(made))
    few = {**paths(made, resume=saved(made)), "training.max_steps": 0}
    config = load_config(made / "student.cfg", overrides=few)
    log.set_level(logging.INFO)
    nlp = init_nlp(config)
    assert "Resumed from" in log.text
    assert said(nlp) == said(before)
    assert said(nlp)[1] == [("book", "BOOK")]
    for name in ("sent", "tag", "pos", "parser"):
        assert nlp.get_pipe(name).cfg == before.get_pipe(name).cfg
    assert examples_seen(nlp) == examples_seen(before) > 0
    few["training.max_steps"] = 2
    train(made / "student.cfg", tmp_path, overrides=few)
    after = spacy.load(tmp_path / "model-last")
    assert after.get_pipe("tag").cfg["step"] == before.get_pipe("tag").cfg["step"] + 3


def test_its_own_config_begins_with_all_that_was_saved(made, tmp_path):
    few = {**paths(made, resume=saved(made)), "training.max_steps": 1}
    train(saved(made) / "config.cfg", tmp_path, overrides=few)
    nlp = spacy.load(tmp_path / "model-last")
    assert [t.text for t in nlp("goblin")] == ["gob", "lin"]
    assert ("book", "BOOK") in [(ent.text, ent.label_) for ent in nlp(TEXT).ents]
    assert nlp("She gave him")[1].lemma_ == "give"


def test_gold_may_lack_labels_that_the_student_has(made, tmp_path):
    """Those of its teacher."""
    few = make_docs(spacy.blank("en"))[2:3]
    DocBin(docs=few).to_disk(tmp_path / "few.spacy")
    given = paths(made, resume=saved(made), train=tmp_path / "few.spacy")
    train(saved(made) / "config.cfg", tmp_path, overrides={**given, "training.max_steps": 1})
    before, after = spacy.load(saved(made)), spacy.load(tmp_path / "model-last")
    for name in ("sent", "tag", "pos", "parser"):
        assert after.get_pipe(name).labels == before.get_pipe(name).labels
        assert after.get_pipe(name).cfg["step"] > before.get_pipe(name).cfg["step"]
    assert len(before.get_pipe("tag").labels) > len({t.tag_ for t in few[0]})


def test_gold_may_have_labels_that_are_new_to_the_student(made, tmp_path, log):
    """They begin as `add_label` makes them; what is known stays as it was, and both are learnt."""
    docs = make_docs(spacy.blank("en"))
    docs[0][0].tag_, docs[0][0].dep_ = "NEW", "new:dep"
    DocBin(docs=docs[:1]).to_disk(tmp_path / "new.spacy")
    given = paths(made, resume=saved(made), train=tmp_path / "new.spacy")
    train(saved(made) / "config.cfg", tmp_path, overrides={**given, "training.max_steps": 1})
    before, after = spacy.load(saved(made)), spacy.load(tmp_path / "model-last")
    for name, label in (("tag", "NEW"), ("parser", "new:dep")):
        assert after.get_pipe(name).labels == (*before.get_pipe(name).labels, label)
        assert f"{name!r} learns labels that are new" in log.text
    assert "'pos' learns" not in log.text


@pytest.mark.parametrize("factory", ["attribute_ruler", "fast_attribute_ruler"])
def test_rules_that_were_taken_over_are_there_once(tmp_path, factory):
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe(factory, "ruler")
    ruler.add([[{"LOWER": "go"}]], {"TAG": "GO"})
    nlp.to_disk(tmp_path / "saved")
    for tag in ("GO", "OLD"):  # as it was taken over, and as the teacher had it before
        nlp.get_pipe("ruler").clear()
        nlp.get_pipe("ruler").add([[{"LOWER": "go"}]], {"TAG": tag})
        resume(nlp, str(tmp_path / "saved"))
        assert nlp.get_pipe("ruler").patterns == [
            {"patterns": [[{"LOWER": "go"}]], "attrs": {"TAG": "GO"}, "index": 0}
        ]
        assert nlp("go")[0].tag_ == "GO"


def test_a_component_that_takes_no_labels_refuses_others(tmp_path):
    for label in ("A", "B"):
        nlp = spacy.blank("en")
        doc = nlp("one two")
        doc[0].tag_, doc[1].tag_ = "SAME", label
        nlp.add_pipe("tagger")
        nlp.initialize(lambda doc=doc: [Example(doc.copy(), doc)])
        nlp.to_disk(tmp_path / label)
    message = r"'tagger' has other labels .* alone has \['A'\], this training alone \['B'\]"
    with pytest.raises(ValueError, match=message):
        resume(nlp, str(tmp_path / "A"))


def test_a_config_that_does_not_read_the_switch(made, tmp_path):
    """As those of earlier versions; what is trained by them today has it."""
    config = Config().from_disk(saved(made) / "config.cfg", interpolate=False)
    config["initialize"]["after_init"] = None
    config.to_disk(tmp_path / "old.cfg")
    with pytest.raises(ValueError, match="nothing in the config reads it"):
        train(tmp_path / "old.cfg", overrides=paths(made, resume=saved(made)))
    nlp = load_model_from_config(load_config(tmp_path / "old.cfg"))
    block = without_teacher(nlp).config["initialize"]["after_init"]
    assert (block["@callbacks"], block["path"]) == (RESUME, "${paths.resume}")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda nlp: nlp.remove_pipe("pos"), "has no component 'pos', but tok2vec, sent"),
        (lambda nlp: nlp.rename_pipe("tag", "xpos"), "has no component 'tag'"),
        (
            lambda nlp: nlp.replace_pipe("pos", "sentencizer"),
            "'pos' is a distilling_tagger, but a sentencizer",
        ),
    ],
)
def test_what_does_not_fit_is_said(made, tmp_path, change, message):
    other = spacy.load(saved(made))
    change(other)
    other.to_disk(tmp_path)
    with pytest.raises(ValueError, match=message):
        resume(spacy.load(saved(made)), str(tmp_path))


def test_other_sizes_and_no_pipeline_at_all(made, tmp_path):
    config = load_config(saved(made) / "config.cfg")
    config["components"]["tok2vec"]["model"]["embed"]["affix_rows"] = 7
    nlp = load_model_from_config(config)
    nlp.initialize(lambda: gold_examples(nlp))
    with pytest.raises(ValueError, match="'tok2vec' has a model of other layers or sizes"):
        resume(nlp, str(saved(made)))
    with pytest.raises(ValueError, match="cannot load the pipeline to resume"):
        resume(nlp, str(tmp_path))


def test_a_new_training_begins_with_an_earlier_students_weights(teacher, tmp_path):
    """Its steps begin anew, and so does a component that the earlier student lacks."""
    earlier = spacy.load(teacher, exclude=["pos"])
    earlier.to_disk(tmp_path)
    nlp = build()
    nlp.initialize(lambda: gold_examples(nlp))
    mine = nlp.get_pipe("pos").model.to_bytes()
    assert make_begin_from(None)(nlp).get_pipe("pos").model.to_bytes() == mine
    make_begin_from(tmp_path)(nlp)
    for name in ("tok2vec", "tag", "parser"):
        assert nlp.get_pipe(name).model.to_bytes() == earlier.get_pipe(name).model.to_bytes()
    assert nlp.get_pipe("pos").model.to_bytes() == mine
    assert earlier.get_pipe("tag").cfg["step"] > 0
    assert {nlp.get_pipe(name).cfg["step"] for name in ("tag", "parser", "pos")} == {0}
    assert {nlp.get_pipe(name).cfg["seen"] for name in ("tag", "parser")} == {0}
