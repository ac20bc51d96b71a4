"""What a student takes over of its teacher beside components: callbacks of `[nlp]`, lookup tables
of the vocab, what merges tokens."""

import pytest
import spacy
from journey import FEW, make_data, make_student, with_rules
from spacy.cli.train import train
from spacy.language import Language
from spacy.util import load_config, load_model_from_config, registry
from stock_pipelines import stock_pipeline

from spacy_skd.cli.init import init
from spacy_skd.report.scores import score
from spacy_skd.training.inherited import make_lookups_of

TEXT = "Ann sees the colour"
PAIRS = "tests_merge_pairs"
CALLBACKS = ("before_creation", "after_creation", "after_pipeline_creation")


@Language.component(PAIRS, retokenizes=True)
def merge_pairs(doc):
    with doc.retokenize() as retokenizer:
        for i in range(0, len(doc) - 1, 2):
            retokenizer.merge(doc[i : i + 2])
    return doc


@registry.callbacks("tests.note_meta.v1")
def make_note(key: str):
    def note(of):  # a pipeline, or before that is created its class
        if isinstance(of, Language):
            of.meta[key] = "called"
        return of

    return note


@pytest.fixture(scope="module")
def made(teacher, tmp_path_factory):
    """A folder with such a teacher, and a student of it in `out`."""
    folder = tmp_path_factory.mktemp("inherited")
    notes = {key: {"@callbacks": "tests.note_meta.v1", "key": key} for key in CALLBACKS}
    nlp = spacy.load(with_rules(teacher, folder / "plain"), config={"nlp": notes})
    nlp.vocab.lookups.add_table("lexeme_norm", {"colour": "color"})
    nlp.add_pipe(PAIRS, "pairs")
    nlp.to_disk(folder / "teacher")
    make_data(folder)
    make_student(folder / "teacher", folder)
    return folder


def test_tables_and_callbacks_are_the_teachers(made, tmp_path):
    student = spacy.load(made / "out" / "model-last")
    assert student.vocab.lookups.get_table("lexeme_norm")["colour"] == "color"
    assert student.make_doc(TEXT)[-1].norm_ == "color"
    assert student.meta["after_creation"] == student.meta["after_pipeline_creation"] == "called"
    assert student.config["nlp"]["before_creation"]["key"] == "before_creation"
    assert student.tokenizer.max_cache_size == 100_000
    text = (made / "out" / "model-last" / "config.cfg").read_text(encoding="utf8")
    assert str(made / "teacher") not in text
    gold = str(made / "train.spacy")
    paths = {"paths.train": gold, "paths.dev": gold, "paths.resume": str(made / "out/model-last")}
    few = {**FEW, "training.optimizer.learn_rate.initial_rate": 0.0}
    train(made / "out" / "model-last" / "config.cfg", tmp_path, overrides={**paths, **few})
    resumed = spacy.load(tmp_path / "model-last")
    assert resumed.make_doc(TEXT)[-1].norm_ == "color"
    # Tokens are merged in what is saved, and were not in the scores of this training, either.
    assert [token.text for token in resumed(TEXT)] == ["Ann sees", "the colour"]
    scores = [nlp.meta["performance"]["tag_acc"] for nlp in (student, resumed)]
    assert scores[0] == scores[1] > 0


def test_lookup_tables_are_read_without_loading_a_component(made, monkeypatch):
    """A teacher may be large, and is loaded for its beliefs anyway."""
    monkeypatch.setattr(Language, "create_pipe", None)
    tables = make_lookups_of(made / "teacher")
    assert tables.get_table("lexeme_norm")["colour"] == "color"
    with pytest.raises(ValueError, match="cannot load the pipeline .*nosuch"):
        make_lookups_of(made / "nosuch")


def test_what_merges_tokens_does_so_in_the_saved_student_alone(made):
    config = load_config(made / "student.cfg")
    assert config["nlp"]["disabled"] == ["pairs"]
    student = spacy.load(made / "out" / "model-last")
    assert student.disabled == []
    assert [token.text for token in student(TEXT)] == ["Ann sees", "the colour"]
    plain = spacy.load(made / "out" / "model-last", exclude=["pairs"])
    references = list(plain.pipe([TEXT, "Dogs sleep"]))
    assert score(student, references, setting="predicted_sentences")["tag_acc"] == 1.0


@registry.callbacks("tests.freeze_embedding.v1")
def make_freeze():
    def freeze(nlp):
        nlp.get_pipe("embedding").is_frozen = True
        return nlp

    return freeze


def test_a_callback_that_needs_what_students_lack_is_left_out_and_told(tmp_path, caplog):
    """Not found out by `spacy train`, after all has been annotated."""
    nlp = stock_pipeline()
    nlp.rename_pipe("tok2vec", "embedding")
    nlp.config["nlp"]["after_pipeline_creation"] = {"@callbacks": "tests.freeze_embedding.v1"}
    nlp.to_disk(tmp_path / "teacher")
    config, _ = init(str(tmp_path / "teacher"))
    assert config["nlp"]["after_pipeline_creation"] is None
    assert "'tests.freeze_embedding.v1' fails on the student (KeyError" in caplog.text
    assert "embedding" not in load_model_from_config(config, auto_fill=True).pipe_names
