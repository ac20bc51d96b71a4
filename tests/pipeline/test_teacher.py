"""The frozen teacher component: one pass a doc, a bounded cache, nothing saved."""

import pytest
import spacy
from conftest import gold_examples, raw_examples, student_of, train

from spacy_skd.training.callbacks import keep_pipes, without_teacher


def test_one_pass_for_each_distinct_doc(teacher):
    """Four students, many epochs, an evaluation in between; two of the docs are equal."""
    nlp = student_of(teacher)
    examples = gold_examples(nlp) + raw_examples(nlp) + raw_examples(nlp)[:1]
    nlp.initialize(lambda: examples)
    for _ in range(3):
        train(nlp, examples, 2)
        nlp.evaluate(gold_examples(nlp))
    assert nlp.get_pipe("teacher").passes == len(examples) - 1


def test_a_full_cache_runs_the_teacher_again_and_says_so(teacher, caplog):
    nlp = student_of(teacher)
    component = nlp.get_pipe("teacher")
    component._cache.most = 2000
    examples = gold_examples(nlp)
    nlp.initialize(lambda: examples)
    train(nlp, examples, 3)
    assert component.passes > len(examples)
    assert 0 < component._cache.bytes <= 2000
    assert "exceed cache_mb" in caplog.text


def test_trainings_that_share_a_teacher_run_it_once_and_bound_their_beliefs_together(teacher):
    first, second = student_of(teacher), student_of(teacher)
    examples = [gold_examples(nlp) for nlp in (first, second)]
    second.get_pipe("teacher").share(first.get_pipe("teacher"))
    for nlp, some in zip((first, second), examples):
        nlp.initialize(lambda found=some: found)
        train(nlp, some, 2)
    a, b = (nlp.get_pipe("teacher") for nlp in (first, second))
    assert (a.passes, b.passes) == (len(examples[0]), 0)
    assert a._cache is b._cache
    b.teacher = "elsewhere"
    with pytest.raises(ValueError, match="same teacher"):
        b.share(a)


def test_the_pipe_changes_nothing_and_runs_nothing(teacher):
    nlp = student_of(teacher)
    examples = gold_examples(nlp)
    nlp.initialize(lambda: examples)
    doc = nlp("Go !")
    assert doc[0].tag_
    assert nlp.get_pipe("teacher").passes == 0


def test_nothing_of_the_teacher_is_saved(teacher, tmp_path):
    nlp = student_of(teacher)
    examples = gold_examples(nlp)
    nlp.initialize(lambda: examples)
    train(nlp, examples, 1)
    nlp.to_disk(tmp_path / "live")
    assert not (tmp_path / "live" / "teacher").exists()
    loaded = spacy.load(tmp_path / "live", config={"components.teacher.teacher": None})
    assert annotation(loaded("Go !")) == annotation(nlp("Go !"))
    student_of(teacher).from_bytes(nlp.to_bytes())
    clone = without_teacher(nlp)
    assert "teacher" not in clone.pipe_names
    assert "teacher" in nlp.pipe_names
    clone.to_disk(tmp_path / "clone")
    assert str(teacher) not in (tmp_path / "clone" / "config.cfg").read_text()
    assert "skd_teacher" not in (tmp_path / "clone" / "config.cfg").read_text()
    train(nlp, examples, 1)
    assert annotation(spacy.load(tmp_path / "clone")("Go !"))


def annotation(doc):
    return [(t.tag_, t.dep_, t.head.i) for t in doc]


def test_a_pipeline_whose_teacher_is_gone_still_predicts(teacher, tmp_path):
    nlp = student_of(teacher)
    examples = gold_examples(nlp)
    nlp.initialize(lambda: examples)
    nlp.get_pipe("teacher").teacher = str(tmp_path / "gone")
    nlp.config["components"]["teacher"]["teacher"] = str(tmp_path / "gone")
    nlp.to_disk(tmp_path / "x")
    assert spacy.load(tmp_path / "x")("Go !")[0].tag_


def test_sentences_come_from_the_reference_or_else_from_the_teacher(teacher):
    nlp = student_of(teacher)
    examples = gold_examples(nlp) + raw_examples(nlp)
    nlp.initialize(lambda: examples)
    beliefs = nlp.get_pipe("teacher").beliefs(examples, "parser")
    for eg, belief in zip(examples, beliefs):
        if eg.reference.has_annotation("DEP"):
            assert belief.units[:, 0].tolist() == [s.start for s in eg.reference.sents]
    judged = spacy.load(teacher)(examples[-3].predicted.copy())
    assert beliefs[-3].units[:, 0].tolist() == [s.start for s in judged.sents]


def test_pipes_without_a_transformer_are_kept_and_the_rest_is_named(teacher, tmp_path):
    source = spacy.load(teacher)
    source.add_pipe("entity_ruler").add_patterns([{"label": "PERSON", "pattern": "Ann"}])
    source.add_pipe("attribute_ruler").add([[{"ORTH": "Ann"}]], {"LEMMA": "ann"})
    source.to_disk(tmp_path / "rich")
    nlp = student_of(tmp_path / "rich")
    examples = gold_examples(nlp)
    nlp.initialize(lambda: examples)
    kept, dropped = keep_pipes(nlp, nlp.get_pipe("teacher"))
    assert kept == ["entity_ruler", "attribute_ruler"]
    assert dropped == ["tok2vec (makes vectors for the teacher's own components)"]
    doc = nlp("Ann sleeps")
    assert [(ent.text, ent.label_) for ent in doc.ents] == [("Ann", "PERSON")]
    assert doc[0].lemma_ == "ann"
