"""The frozen teacher component: one pass a doc, a bounded cache, nothing saved."""

import pytest
import spacy
from conftest import LISTENER, gold_examples, raw_examples, student_of, train

from spacy_skd.training.callbacks import keep_pipes, make_keep_pipes, without_teacher


def test_one_pass_for_each_distinct_doc(teacher):
    """Four students, many epochs, an evaluation in between; two of the docs are equal."""
    nlp = student_of(teacher)
    examples = gold_examples(nlp) + raw_examples(nlp) + raw_examples(nlp)[:1]
    nlp.initialize(lambda: examples)
    for _ in range(3):
        train(nlp, examples, 2)
        nlp.evaluate(gold_examples(nlp))
    assert nlp.get_pipe("teacher").passes == len(examples) - 1


def test_the_embedder_runs_once_for_each_distinct_doc(teacher):
    """Counted at the teacher's tok2vec, whatever the component says of itself."""
    nlp = student_of(teacher)
    examples = gold_examples(nlp) + raw_examples(nlp)
    nlp.initialize(lambda: examples)
    tok2vec = nlp.get_pipe("teacher").nlp.get_pipe("tok2vec")
    seen, predict = [], tok2vec.predict

    def counted(docs):
        seen.extend(doc.text for doc in docs)
        return predict(docs)

    tok2vec.predict = counted
    train(nlp, examples, 3)
    nlp.evaluate(gold_examples(nlp))
    assert sorted(seen) == sorted(eg.predicted.text for eg in examples)


def test_a_student_that_there_is_not_is_told_once(teacher, caplog):
    """A name that is spelled otherwise would change nothing, without a word."""
    nlp = student_of(teacher)
    component, examples = nlp.get_pipe("teacher"), gold_examples(nlp)
    component.members[0].student_to_teacher = {"tag": "tag", "tagg": "pos"}
    nlp.initialize(lambda: examples)
    train(nlp, examples, 2)
    assert caplog.text.count("student_to_teacher names ['tagg'], but no student of that name") == 1


def test_a_full_cache_runs_the_teacher_again_and_says_so(teacher, caplog):
    nlp = student_of(teacher)
    component = nlp.get_pipe("teacher")
    component.members[0].cache.most = 2000
    examples = gold_examples(nlp)
    nlp.initialize(lambda: examples)
    train(nlp, examples, 3)
    assert component.passes > len(examples)
    assert 0 < component.members[0].cache.bytes <= 2000
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
    assert a.members[0].cache is b.members[0].cache
    b.members[0].path = "elsewhere"
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
    saved = nlp.to_bytes()
    assert len(saved) < 1.1 * len(without_teacher(nlp).to_bytes())
    copy = student_of(teacher).from_bytes(saved)
    assert annotation(copy("Go !")) == annotation(nlp("Go !"))
    copy.get_pipe("teacher").members[0].path = None
    assert annotation(copy("Go home")) == annotation(nlp("Go home"))
    clone = without_teacher(nlp)
    assert "teacher" not in clone.pipe_names
    assert "teacher" in nlp.pipe_names
    clone.to_disk(tmp_path / "clone")
    assert str(teacher) not in (tmp_path / "clone" / "config.cfg").read_text()
    assert "skd_teacher" not in (tmp_path / "clone" / "config.cfg").read_text()
    train(nlp, examples, 1)
    assert annotation(spacy.load(tmp_path / "clone")("Go !"))


@pytest.mark.parametrize("written", ["${paths.teacher}", "a/teacher"])
def test_a_copied_tokenizer_is_saved_without_a_path_to_the_teacher(written):
    nlp = spacy.blank("en")
    copied = {"@callbacks": "spacy.copy_from_base_model.v1", "tokenizer": written}
    nlp.config["paths"] = {"teacher": "a/teacher"}
    nlp.config["initialize"]["before_init"] = copied
    assert without_teacher(nlp).config["initialize"]["before_init"] is None
    nlp.config["initialize"]["before_init"] = {**copied, "tokenizer": "another"}
    assert without_teacher(nlp).config["initialize"]["before_init"]["tokenizer"] == "another"
    assert nlp.config["paths"] == {"teacher": "a/teacher"}


def annotation(doc):
    return [(t.tag_, t.dep_, t.head.i) for t in doc]


def test_a_pipeline_whose_teacher_is_gone_still_predicts(teacher, tmp_path):
    nlp = student_of(teacher)
    examples = gold_examples(nlp)
    nlp.initialize(lambda: examples)
    nlp.get_pipe("teacher").members[0].path = str(tmp_path / "gone")
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


@pytest.fixture(scope="module")
def rich(teacher, tmp_path_factory):
    """The teacher with pipes that can be kept and pipes that cannot."""
    folder = tmp_path_factory.mktemp("rich")
    source = spacy.load(teacher)
    source.add_pipe("entity_ruler").add_patterns([{"label": "PERSON", "pattern": "Ann"}])
    source.add_pipe("attribute_ruler").add([[{"ORTH": "Ann"}]], {"LEMMA": "ann"})
    model = {"@architectures": "spacy.Tagger.v2", "tok2vec": LISTENER}
    for name, config in (("listening", {"model": model}), ("trained", {})):
        pipe = source.add_pipe("tagger", name, config=config)
        pipe.initialize(lambda: gold_examples(source), nlp=source)
    transformer = source.add_pipe("tagger", "transforming")
    transformer.initialize(lambda: gold_examples(source), nlp=source)
    source.add_pipe("sentencizer", "off")
    source.add_pipe("sentencizer", "mine")
    source.disable_pipe("off")
    source.to_disk(folder)
    return folder


def student_with_a_name_that_is_taken(rich):
    nlp = student_of(rich)
    nlp.add_pipe("entity_ruler", "mine")
    examples = gold_examples(nlp)
    nlp.initialize(lambda: examples)
    return nlp


def test_pipes_without_a_transformer_are_kept_and_the_rest_is_named(rich):
    nlp = student_with_a_name_that_is_taken(rich)
    teacher = nlp.get_pipe("teacher")
    # As if of a transformer: its layers are known by their names.
    next(teacher.nlp.get_pipe("transforming").model.walk()).name = "transformer"
    kept, dropped = keep_pipes(nlp, teacher)
    assert kept == ["entity_ruler", "attribute_ruler", "trained"]
    assert dropped == [
        "tok2vec (makes vectors for the teacher's own components)",
        "listening (listens to vectors of the teacher)",
        "transforming (needs the transformer)",
        "off (is disabled)",
        "mine (the student has a component of that name)",
    ]
    assert nlp.pipe_names[-3:] == kept
    doc = nlp("Ann sleeps")
    assert [(ent.text, ent.label_) for ent in doc.ents] == [("Ann", "PERSON")]
    assert doc[0].lemma_ == "ann"


def test_the_callback_keeps_pipes_and_freezes_them(rich, caplog):
    nlp = student_with_a_name_that_is_taken(rich)
    nlp.config["training"]["frozen_components"] = ["teacher"]
    assert make_keep_pipes()(nlp) is nlp
    frozen = nlp.config["training"]["frozen_components"]
    assert frozen == ["teacher", "entity_ruler", "attribute_ruler", "trained", "transforming"]
    assert set(frozen) < set(nlp.pipe_names)
    assert "Not taken over from the teacher: tok2vec (makes vectors" in caplog.text
    before = nlp.get_pipe("trained").model.to_bytes()
    nlp.update(gold_examples(nlp), sgd=nlp.resume_training(), exclude=frozen)
    assert nlp.get_pipe("trained").model.to_bytes() == before
