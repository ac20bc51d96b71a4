"""Which students a teacher can have: by its components' kinds, and what is refused."""

from typing import Any

import all_components
import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Span
from stock_pipelines import PIPELINES

from spacy_skd.pipeline.teacher.component import make_skd_teacher  # noqa: F401  # registers it
from spacy_skd.training.configs.plan import Student, make_plan, with_gold
from spacy_skd.training.configs.presets import DEFAULT, PRESETS
from spacy_skd.training.configs.student_config import student_config

LABELS: dict[str, Any] = {
    "tagger": ["NN"],
    "morphologizer": ["POS=NOUN|Number=Sing", "POS=VERB"],
    "parser": ["nsubj"],
    "ner": ["PER"],
    "spancat": ["PER"],
    "textcat": ["A", "B"],
    "textcat_multilabel": ["A", "B"],
}


def pipeline(*factories: str, **renamed: str) -> Language:
    """Not trained: labels are all that a plan needs. renamed: factories by name."""
    nlp = spacy.blank("en")
    for name, factory in [*((f, f) for f in factories), *renamed.items()]:
        pipe: Any = nlp.add_pipe(factory, name)
        for label in LABELS.get(factory, ()):
            pipe.add_label(label)
    return nlp


def students(nlp, **settings):
    return [(s.name, s.layer, s.asks) for s in make_plan(nlp, **settings).students]


def test_every_stock_component_that_can_teach_has_a_student():
    nlp = pipeline("senter", "tagger", "morphologizer", "parser", "ner", "spancat", "textcat",
                   "textcat_multilabel", topic="textcat")  # fmt: skip
    plan = make_plan(nlp)
    assert students(nlp) == [
        ("senter", "sent", "senter"),
        ("tagger", "tag", "tagger"),
        ("pos", "pos", "morphologizer.pos"),
        ("morph", "morph", "morphologizer.morph"),
        ("parser", "parser", "parser"),
        ("ner", "ents", "ner"),
        ("spancat", "spans:sc", "spancat"),
        ("textcat", "cats:textcat", "textcat"),
        ("textcat_multilabel", "cats_multilabel:textcat_multilabel", "textcat_multilabel"),
        ("topic", "cats:topic", "topic"),
    ]
    assert plan.by_beam == ["parser", "ner"]
    assert plan.sourced == []


def test_our_own_components_teach_what_they_annotate():
    nlp = all_components.build()
    nlp.remove_pipe("bio")
    nlp.initialize(lambda: all_components.gold_examples(nlp))
    layers = {
        **{name: name for name in ("sent", "tag", "pos", "morph", "lemma", "parser")},
        "ner": "ents",
        "spans": "spans:sc",
        "segments": "spans:seg",
        "nested": "spans:nest",
        "textcat": "cats:textcat",
        "multilabel": "cats_multilabel:multilabel",
    }
    assert students(nlp) == [(name, layer, name) for name, layer in layers.items()]
    assert make_plan(nlp).by_beam == []


def test_sentences_come_first_and_the_rest_in_the_teachers_order():
    nlp = pipeline("entity_ruler", "tagger", "parser", "attribute_ruler", "senter", "ner")
    plan = make_plan(nlp)
    assert plan.sourced == ["entity_ruler", "attribute_ruler"]
    assert plan.pipeline == [
        "teacher", "tok2vec", "senter", "entity_ruler", "tagger", "parser", "attribute_ruler", "ner"
    ]  # fmt: skip


def test_the_sentences_of_a_stock_parser_are_learnt_where_nothing_else_sets_any():
    learnt = ("sent", "sent", "parser.sent")
    assert learnt in students(pipeline("tagger", "parser"))
    assert learnt not in students(pipeline("senter", "parser"))
    assert learnt not in students(pipeline("parser", "senter"))
    assert learnt not in students(pipeline("sentencizer", "parser"))
    assert learnt in students(pipeline("parser", "sentencizer"))
    disabled = pipeline("parser", "senter")
    disabled.disable_pipe("senter")
    assert learnt in students(disabled)
    assert students(disabled, pipes=["parser", "senter"])[1:] == [("senter", "sent", "senter")]


def test_a_name_of_a_view_that_is_taken():
    nlp = pipeline("morphologizer", "parser", pos="sentencizer", sent="tagger")
    names = [student[0] for student in students(nlp)]
    assert names == ["morphologizer_pos", "morph", "parser", "parser_sent", "sent"]


def test_a_morphologizer_that_knows_pos_alone_has_no_student_of_features():
    nlp = spacy.blank("en")
    nlp.add_pipe("morphologizer", "m").add_label("POS=NOUN")
    assert students(nlp) == [("pos", "pos", "m.pos")]


def test_what_needs_the_teachers_vectors_has_no_student_and_says_why():
    nlp = pipeline("tagger")
    nlp.add_pipe("tok2vec", first=True)
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 96}
    model = {"@architectures": "spacy.SpanFinder.v1", "tok2vec": listener,
             "scorer": {"@layers": "spacy.LinearLogistic.v1", "nO": 2}}  # fmt: skip
    nlp.add_pipe("span_finder", config={"model": model})
    rows = {row.name: row for row in make_plan(nlp).rows}
    for name in ("span_finder",):
        assert not rows[name].students
        assert not rows[name].is_sourced
        assert rows[name].reason.startswith("listens to vectors of the teacher")
        assert rows[name].is_lost
    assert "tok2vec of their own" in rows["tok2vec"].reason


def test_a_lemmatizer_of_edit_trees_teaches_and_one_of_rules_where_it_is_asked():
    nlp = pipeline("tagger")
    stock: Any = nlp.add_pipe("trainable_lemmatizer")
    assert [row.reason for row in make_plan(nlp).rows] == ["", "has no labels"]
    stock._pair2label("dogs", "dog", add_label=True)
    nlp.add_pipe("lemmatizer", config={"mode": "lookup"})
    plan = make_plan(nlp)
    assert ("trainable_lemmatizer", "lemma", "trainable_lemmatizer") in students(nlp)
    assert plan.sourced == ["lemmatizer"]
    nlp.remove_pipe("trainable_lemmatizer")
    plan = make_plan(nlp, teach=["lemmatizer"])
    assert Student("lemmatizer", "lemma", "lemmatizer") in plan.students
    assert plan.sourced == []
    with pytest.raises(ValueError, match="pipes: expected some of .*, got none"):
        make_plan(nlp, teach=["none"])
    with pytest.raises(ValueError, match="teach: 'lemmatizer' would not be taught: is not one of"):
        make_plan(nlp, pipes=["tagger"], teach=["lemmatizer"])
    with pytest.raises(ValueError, match="teach: 'lemmatizer' would not be taught: taken over"):
        make_plan(nlp, keep=["lemmatizer"], teach=["lemmatizer"])
    nlp.add_pipe("entity_ruler", name="rules")
    with pytest.raises(ValueError, match="teach: 'rules' would not be taught: nothing that it"):
        make_plan(nlp, teach=["rules"])


def test_a_teacher_in_a_pipeline_is_not_taken_over():
    nlp = pipeline("tagger")
    nlp.add_pipe("skd_teacher", "old", config={"teacher": "somewhere"})
    assert make_plan(nlp).sourced == []
    assert "is of training alone" in make_plan(nlp).rows[-1].reason


def test_pipes_choose_of_what_is_taught_and_of_what_is_taken_over():
    nlp = pipeline("tagger", "ner", "attribute_ruler", "entity_ruler")
    plan = make_plan(nlp, pipes=["ner", "entity_ruler"])
    assert plan.pipeline == ["teacher", "tok2vec", "ner", "entity_ruler"]
    assert {row.reason for row in plan.rows} == {"", "is not one of --pipes"}
    with pytest.raises(ValueError, match=r"expected some of tagger, ner, .*, got nerr"):
        make_plan(nlp, pipes=["nerr"])


def test_two_teachers_of_a_layer_are_named():
    with pytest.raises(ValueError, match="'ner' and 'more' both teach the layer 'ents'"):
        make_plan(pipeline("ner", more="ner"))
    assert students(pipeline("ner", more="ner"), pipes=["more"]) == [("more", "ents", "more")]
    keys = pipeline("spancat")
    keys.add_pipe("spancat", "other", config={"spans_key": "x"}).add_label("A")
    assert [layer for _, layer, _ in students(keys)] == ["spans:sc", "spans:x"]


def with_listener(nlp: Language, name: str) -> Language:
    """A `ner` that needs the teacher's tok2vec, first in the pipeline."""
    if "tok2vec" not in nlp.pipe_names:
        nlp.add_pipe("tok2vec", first=True)
    model = {"@architectures": "spacy.TransitionBasedParser.v2", "state_type": "ner",
             "extra_state_tokens": False, "hidden_width": 16, "maxout_pieces": 2, "use_upper": True,
             "tok2vec": {"@architectures": "spacy.Tok2VecListener.v1", "width": 96}}  # fmt: skip
    pipe: Any = nlp.add_pipe("ner", name, after="tok2vec", config={"model": model})
    pipe.add_label("PER")
    return nlp


def test_of_a_layer_what_needs_the_teachers_vectors_teaches_and_the_rest_is_taken_over():
    plan = make_plan(with_listener(pipeline("tagger", more="ner"), "shared"))
    assert [(s.name, s.layer) for s in plan.students] == [("shared", "ents"), ("tagger", "tag")]
    assert plan.sourced == ["more"]
    (reason,) = (row.reason for row in plan.rows if row.name == "more")
    assert reason == "taken over as it is, beside what 'shared' teaches"
    with pytest.raises(ValueError, match="both teach the layer 'ents'"):
        make_plan(with_listener(with_listener(pipeline(), "a"), "b"))


def test_what_is_to_be_kept_is_taken_over_though_it_could_teach():
    nlp = pipeline("tagger", "ner", more="ner")
    plan = make_plan(nlp, keep=["more"])
    assert plan.pipeline == ["teacher", "tok2vec", "tagger", "ner", "more"]
    assert plan.sourced == ["more"]
    plan = make_plan(nlp, pipes=["ner"], keep=["tagger"])
    assert plan.pipeline == ["teacher", "tok2vec", "tagger", "ner"]
    assert [s.name for s in plan.students] == ["ner"]
    with pytest.raises(
        ValueError, match="keep: 'shared' cannot be taken over as it is: it listens"
    ):
        make_plan(with_listener(nlp, "shared"), keep=["shared"])


def test_how_a_teacher_chooses_and_is_scored_is_carried_over():
    nlp = pipeline("textcat", "textcat_multilabel", topic="textcat")
    stock: Any = nlp.get_pipe("textcat")
    stock.cfg["positive_label"] = "B"  # as its `initialize` does
    nlp.add_pipe("textcat_multilabel", "strict", config={"threshold": 0.9}).add_label("A")
    ours: Any = nlp.add_pipe("distilling_textcat", "ours", config={"positive_label": "A"})
    ours.cfg["labels"] = ["A", "B"]
    settings = {"exclusive": False, "threshold": 0.2}
    nlp.add_pipe("distilling_textcat", "loose", config=settings).add_label("A")
    nlp.add_pipe("spancat", config={"threshold": 0.3, "max_positive": 2}).add_label("PER")
    carried = {s.name: s.settings for s in make_plan(nlp).students}
    spans = carried.pop("spancat")
    assert (spans["threshold"], spans["max_positive"]) == (0.3, 2)
    assert carried == {
        "textcat": {"positive_label": "B"},
        "textcat_multilabel": {},
        "topic": {},
        "strict": {"threshold": 0.9},
        "ours": {"positive_label": "A"},
        "loose": {"threshold": 0.2},
    }
    config = student_config(make_plan(nlp).students, preset=PRESETS[DEFAULT])
    student = config["components"]["strict"]
    assert (student["exclusive"], student["threshold"]) == (False, 0.9)
    assert config["components"]["textcat"]["positive_label"] == "B"


def test_what_overlaps_has_such_a_student_and_what_it_loses_is_said():
    nlp = pipeline("spancat")
    single: Any = nlp.add_pipe("spancat_singlelabel", "one", config={"spans_key": "one"})
    flat = {"spans_key": "flat", "allow_overlap": False}
    pipe: Any = nlp.add_pipe("spancat_singlelabel", "flat", config=flat)
    for each in (single, pipe):
        each.add_label("PER")
    given = {"@misc": "spacy.preset_spans_suggester.v1", "spans_key": "given"}
    settings = {"spans_key": "given", "suggester": given}
    nlp.add_pipe("spancat", "given", config=settings).add_label("PER")
    plan = make_plan(nlp)
    assert [row.loses for row in plan.rows] == [
        "", "", "", "spans of more than 16 words (max_width of the student)"
    ]  # fmt: skip
    assert [s.settings.get("max_positive", "flat") for s in plan.students] == [
        None,
        1,
        "flat",
        None,
    ]
    widths = [s.settings.get("model", {}).get("max_width") for s in plan.students]
    assert widths == [3, 3, None, 16]


def test_the_embedding_that_heads_could_listen_to():
    assert make_plan(pipeline("ner")).embedding == ""
    assert make_plan(with_listener(pipeline(), "ner")).embedding == "tok2vec"


def test_a_parser_without_sentences_is_refused():
    nlp = all_components.build()
    nlp.initialize(lambda: all_components.gold_examples(nlp))
    with pytest.raises(ValueError, match="student of 'parser' needs sentence starts"):
        make_plan(nlp, pipes=["parser", "tag"])
    assert make_plan(nlp, pipes=["parser", "sent"]).pipeline[2:] == ["sent", "parser"]


def test_no_teacher_is_refused_with_what_was_found():
    with pytest.raises(ValueError, match=r"no component that can teach.*\n  sentencizer"):
        make_plan(pipeline("sentencizer"))
    with pytest.raises(ValueError, match="found none"):
        make_plan(pipeline())
    nlp = spacy.blank("en")
    nlp.add_pipe("tagger")
    with pytest.raises(ValueError, match=r"tagger \(tagger\): has no labels"):
        make_plan(nlp)


@pytest.mark.parametrize("name", ["teacher", "tok2vec"])
def test_a_name_that_every_student_has_is_refused(name):
    with pytest.raises(ValueError, match=f"{name!r} has the name of a component that every"):
        make_plan(pipeline(**{name: "tagger"}))


@pytest.mark.parametrize("kind", PIPELINES)
def test_of_a_transformer_what_listens_to_it_teaches(kind, tmp_path):
    nlp = PIPELINES[kind](tmp_path)
    nlp.add_pipe("sentencizer")
    plan = make_plan(nlp)
    assert Student("tagger", "tag", "tagger") in plan.students
    assert plan.sourced == ["sentencizer"]
    assert "tok2vec of their own" in plan.rows[0].reason


def test_what_listened_once_is_taken_over_beside_what_listens(tmp_path):
    """`replace_listeners` leaves the listener's name in those of the layers around it."""
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec")
    model = {"tok2vec": {"@architectures": "spacy.Tok2VecListener.v1", "width": 96}}
    for name in ("tagger", "second"):
        nlp.add_pipe("tagger", name, config={"model": model}).add_label("NN")  # type: ignore[attr-defined]
    nlp.initialize()
    nlp.replace_listeners("tok2vec", "second", ["model.tok2vec"])
    nlp.to_disk(tmp_path)
    plan = make_plan(spacy.load(tmp_path))
    assert [student.asks for student in plan.students] == ["tagger"]
    assert plan.sourced == ["second"]


def test_our_own_spans_that_overlap_have_such_a_student():
    nlp = spacy.blank("en")
    model = {"@architectures": "spacy-skd.SegmentScorer.v1", "max_width": 7,
             "tok2vec": nlp.get_factory_meta("distilling_tagger").default_config["model"]
             ["tok2vec"]}  # fmt: skip
    config = {"layer": "spans", "structure": "independent_spans", "threshold": 0.4, "model": model}
    pipe: Any = nlp.add_pipe("distilling_tagger", "sc", config=config)
    pipe.add_label("PER")
    (student,) = make_plan(nlp).students
    assert student.settings["threshold"] == 0.4
    assert student.settings["max_positive"] == 1
    assert student.settings["model"]["max_width"] == 7


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([(0, 2, "A"), (2, 3, "A")], None),
        ([(0, 3, "A"), (2, 3, "A")], (1, 3)),
        ([(0, 2, "A"), (0, 2, "B")], (None, 2)),
    ],
)
def test_gold_that_overlaps_makes_a_student_of_spans_that_do(spans, expected):
    nlp = spacy.blank("en")
    flat = {"allow_overlap": False}
    pipe: Any = nlp.add_pipe("spancat_singlelabel", "sc", config=flat)
    pipe.add_label("A")
    doc = nlp.make_doc("a b c")
    doc.spans["sc"] = [Span(doc, *span) for span in spans]
    (student,) = with_gold(make_plan(nlp), [doc, nlp.make_doc("d")]).students
    settings = student.settings
    found = (settings["max_positive"], settings["model"]["max_width"]) if settings else None
    assert found == expected
