"""`spacy skd init`: what it writes trains, and what it cannot do it says."""

import json
import shutil
import warnings
from itertools import islice
from pathlib import Path

import numpy
import pytest
import spacy
from conftest import gold_examples, make_docs
from journey import make_data, make_student
from spacy.cli.init_config import fill_config
from spacy.cli.train import train
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.util import load_config, resolve_dot_names
from stock_pipelines import FEATS, LISTENER, stock_pipeline, tagger_model, transition_model
from thinc.api import Config
from typer.testing import CliRunner

from spacy_skd.cli import app
from spacy_skd.cli.init import init, table
from spacy_skd.cli.prepare import student_words
from spacy_skd.training.annotation.annotate import Settings, annotate
from spacy_skd.training.callbacks import keep_pipes, without_teacher
from spacy_skd.training.configs.paths import unread_paths
from spacy_skd.training.configs.plan import make_plan
from spacy_skd.training.configs.presets import PRESETS
from spacy_skd.training.configs.student_config import for_teacher, student_config

FEW = {"training.max_steps": 4, "training.eval_frequency": 2}
RAW = ["The cat sees Ann . Dogs sleep well", "Go !", "goblin", "She gave him the book"]
SPANCAT = {
    "@architectures": "spacy.SpanCategorizer.v1",
    "tok2vec": LISTENER,
    "reducer": {"@layers": "spacy.mean_max_reducer.v1", "hidden_size": 8},
    "scorer": {"@layers": "spacy.LinearLogistic.v1"},
}


def run(*arguments):
    return CliRunner().invoke(app, ["skd", "init", *map(str, arguments)])


def gold(nlp):
    """All layers, in the docs of conftest."""
    docs = make_docs(nlp)
    for doc in docs:
        names = [(t.i, "PER" if t.pos_ == "PROPN" else "THING") for t in doc if t.tag_[0] == "N"]
        doc.set_ents([Span(doc, i, i + 1, label=label) for i, label in names])
        doc.spans["sc"] = list(doc.ents)
        for token in doc:
            token.lemma_ = token.lower_
            token.set_morph(FEATS.get(token.tag_, ""))
    return docs


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    """Every stock component that can teach, one that cannot, some that need no vectors, and a
    tokenizer with a special case of its own."""
    spacy.util.fix_random_seed(0)
    nlp = stock_pipeline(steps=0)
    nlp.add_pipe("parser", config={"model": transition_model("parser"), "min_action_freq": 1})
    nlp.add_pipe("ner", config={"model": transition_model("ner")})
    nlp.add_pipe("spancat", config={"model": SPANCAT})
    lemmas = {"model": tagger_model(shared=True, normalize=False), "min_tree_freq": 1}
    nlp.add_pipe("trainable_lemmatizer", config=lemmas)
    finder = {"@architectures": "spacy.SpanFinder.v1", "tok2vec": LISTENER,
              "scorer": {"@layers": "spacy.LinearLogistic.v1", "nO": 2}}  # fmt: skip
    nlp.add_pipe("span_finder", config={"model": finder})
    nlp.add_pipe("attribute_ruler", before="morphologizer")
    nlp.add_pipe("entity_ruler", config={"overwrite_ents": True})
    nlp.tokenizer.add_special_case("goblin", [{"ORTH": "gob"}, {"ORTH": "lin"}])
    examples = [Example(Doc(nlp.vocab, [t.text for t in doc]), doc) for doc in gold(nlp)]
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.02
    for _ in range(15):
        nlp.update(examples, sgd=optimizer)
    # What has rules loses them when it is initialized.
    nlp.get_pipe("attribute_ruler").add([[{"LOWER": "gave"}]], {"LEMMA": "give"})
    nlp.get_pipe("entity_ruler").add_patterns([{"label": "BOOK", "pattern": "book"}])
    folder = tmp_path_factory.mktemp("stock") / "pipeline"
    nlp.to_disk(folder)
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    DocBin(docs=gold(spacy.blank("en")), store_user_data=True).to_disk(folder / "gold.spacy")
    (folder / "raw.txt").write_text("\n".join(RAW))
    return folder


STUDENTS = ["senter", "tagger", "attribute_ruler", "pos", "morph", "parser", "ner", "spancat",
            "trainable_lemmatizer", "entity_ruler"]  # fmt: skip


def test_a_student_of_every_kind_of_component(stock, data, tmp_path):
    found = run(stock, tmp_path / "deep" / "student.cfg", "--preset", "tiny")
    assert found.exit_code == 0, found.output
    rows = [line.split() for line in found.output.splitlines()]
    assert ["morphologizer", "morph", "morph"] in rows
    assert "taken over, as a fast_attribute_ruler" in found.output
    assert ["spancat", "spans:sc", "spancat"] in rows
    (row,) = (row for row in rows if row[:1] == ["span_finder"])
    assert " ".join(row[1:]).startswith("- listens to vectors of the teacher")
    assert "parser, ner: a beam" in found.output
    assert f"spacy skd rehead {stock} heads --pipes parser,ner" in found.output
    assert f"spacy skd silver {stock} raw.jsonl span_finder.spacy" in found.output
    given = Config().from_disk(tmp_path / "deep" / "student.cfg", interpolate=False)
    # As the teacher's, where rules stand before: spaCy's morphologizer replaces what they write.
    overwrites = {
        name: given["components"][name]["overwrite"] for name in ("tagger", "pos", "morph")
    }
    assert overwrites == {"tagger": False, "pos": True, "morph": True}
    block = given["components"]["spancat"]
    assert (block["structure"], block["max_positive"]) == ("independent_spans", None)
    assert block["model"]["@architectures"] == "spacy-skd.SegmentScorer.v1"
    assert "transformer" not in found.output
    assert f"spacy train {tmp_path}" in " ".join(found.output.split())
    filled = fill_config(tmp_path / "f.cfg", tmp_path / "deep" / "student.cfg")[1]
    assert filled.to_str(interpolate=False) == given.to_str(interpolate=False)
    assert given["nlp"]["pipeline"] == ["teacher", "tok2vec", *STUDENTS]
    frozen = given["training"]["frozen_components"]
    assert frozen == ["teacher", "attribute_ruler", "entity_ruler"]
    assert given["initialize"]["after_init"] == {
        "@callbacks": "spacy-skd.resume.v1", "path": "${paths.resume}",
        "first": {"@callbacks": "spacy-skd.fast_rules.v1"},
    }  # fmt: skip
    paths = {"paths.train": data / "gold.spacy", "paths.dev": data / "gold.spacy",
             "paths.raw": data / "raw.txt"}  # fmt: skip
    overrides = {**{name: str(path) for name, path in paths.items()}, **FEW}
    train(tmp_path / "deep" / "student.cfg", tmp_path / "out", overrides=overrides)
    check_student(tmp_path / "out" / "model-last", stock)


def check_student(folder, stock):
    """Its components, the tokenizer, what was taken over, and no trace of the teacher."""
    student, teacher = spacy.load(folder), spacy.load(stock)
    assert student.pipe_names == ["tok2vec", *STUDENTS]
    assert [t.text for t in student("goblin")] == ["gob", "lin"]
    assert student.get_pipe_meta("attribute_ruler").factory == "fast_attribute_ruler"
    doc = student("She gave him the book")
    assert doc[1].lemma_ == "give"
    assert ("book", "BOOK") in [(ent.text, ent.label_) for ent in doc.ents]
    assert all(t.tag_ and t.dep_ and t.pos_ for t in doc)
    assert "sc" in doc.spans
    for name, asked in (("tagger", "tagger"), ("ner", "ner"), ("spancat", "spancat")):
        assert set(student.get_pipe(name).labels) == set(teacher.get_pipe(asked).labels)
    assert set(student.get_pipe("morph").labels) == {"_", *FEATS.values()}
    text = (folder / "config.cfg").read_text()
    for trace in (str(stock), "skd_teacher", "copy_from_base_model", "drop_teacher"):
        assert trace not in text


def test_from_a_store_with_steps_for_its_words(stock, data, tmp_path):
    settings = Settings(beam_width=2)
    manifest = annotate(
        stock, [str(data / "gold.spacy"), str(data / "raw.txt")], tmp_path / "a", settings=settings
    )
    config, _ = init(
        str(stock), preset="tiny", store=str(tmp_path / "a"), dev=str(data / "gold.spacy")
    )
    batches = student_words(manifest.counts["words"]) / config["training"]["batcher"]["size"]
    steps = config["training"]["max_steps"]
    assert abs(steps - batches) <= 2.5
    assert steps % config["training"]["eval_frequency"] == 0, "the last step is not evaluated"
    assert config["training"]["optimizer"]["learn_rate"]["total_steps"] == steps
    half, _ = init(str(stock), preset="tiny", store=str(tmp_path / "a"), effort=0.5)
    assert abs(half["training"]["max_steps"] - batches / 2) <= 2.5
    config.to_disk(tmp_path / "student.cfg")
    train(tmp_path / "student.cfg", tmp_path / "out", overrides=FEW)
    check_student(tmp_path / "out" / "model-last", stock)
    with pytest.raises(ValueError, match="effort: expected --store beside 0.5"):
        init(str(stock), preset="tiny", effort=0.5)


def test_labelled_docs_that_are_given_stand_in_place_of_the_stores(stock, data, tmp_path):
    """By `--paths.train` of `spacy train`."""
    annotate(
        stock, [str(data / "gold.spacy"), str(data / "raw.txt")], tmp_path / "a",
        settings=Settings(beam_width=2, pipes=("tagger",)),
    )  # fmt: skip
    config, _ = init(str(stock), preset="tiny", store=str(tmp_path / "a"), pipes=["tagger"])
    config.to_disk(tmp_path / "student.cfg")
    nlp = spacy.blank("en")
    own = gold(nlp)[:1]
    for token in own[0]:
        token.tag_ = f"OWN_{token.tag_}"
    DocBin(docs=own).to_disk(tmp_path / "own.spacy")
    tags = {}
    given = {"paths.dev": str(data / "gold.spacy")}
    for name, more in (
        ("store", given),
        ("own", {**given, "paths.train": str(tmp_path / "own.spacy")}),
    ):
        loaded = load_config(tmp_path / "student.cfg", overrides=more, interpolate=True)
        (reader,) = resolve_dot_names(loaded, ["corpora.train"])
        tags[name] = {
            token.tag_
            for eg in islice(reader(nlp), 8)
            for token in eg.reference
            if token.tag_.startswith("OWN_") or eg.reference.has_annotation("TAG")
        }
    assert tags["own"] == {token.tag_ for token in own[0]}
    assert tags["store"]
    assert not any(tag.startswith("OWN_") for tag in tags["store"])


def test_layers_without_gold_in_the_evaluation_docs_do_not_count(stock, data, tmp_path):
    docs = gold(spacy.blank("en"))
    kept = [Doc(d.vocab, [t.text for t in d], tags=[t.tag_ for t in d]) for d in docs]
    (tmp_path / "dev").mkdir()
    DocBin(docs=kept).to_disk(tmp_path / "dev" / "tags.spacy")
    config, _ = init(str(stock), dev=str(tmp_path / "dev"))
    weights = config["training"]["score_weights"]
    assert {name: w for name, w in weights.items() if w is not None} == {"tag_acc": 1.0}
    assert config["paths"]["dev"] == str(tmp_path / "dev")
    config, _ = init(str(stock), dev=str(data / "gold.spacy"))
    weights = {name for name, w in config["training"]["score_weights"].items() if w}
    assert weights == {"tag_acc", "pos_acc", "morph_acc", "lemma_acc", "sents_f", "ents_f",
                       "dep_uas", "dep_las", "spans_sc_f"}  # fmt: skip


def test_vectors_are_written_and_checked(stock, tmp_path):
    nlp = spacy.blank("en")
    nlp.to_disk(tmp_path / "none")
    nlp.vocab.set_vector("cat", numpy.ones(2, dtype="float32"))
    nlp.to_disk(tmp_path / "some")
    config, _ = init(str(stock), vectors=str(tmp_path / "some"))
    assert config["paths"]["vectors"] == str(tmp_path / "some")
    assert config["components"]["tok2vec"]["model"]["embed"]["include_static_vectors"]
    with pytest.raises(ValueError, match="has no vectors"):
        init(str(stock), vectors=str(tmp_path / "none"))
    with pytest.raises(ValueError, match="cannot load the vectors"):
        init(str(stock), vectors=str(tmp_path / "missing"))


def test_our_own_pipeline_keeps_its_names_and_tokenizer(teacher):
    config, plan = init(str(teacher))
    assert config["nlp"]["pipeline"] == ["teacher", "tok2vec", "sent", "tag", "pos", "parser"]
    assert config["components"]["teacher"]["student_to_teacher"] == {}
    assert config["training"]["frozen_components"] == ["teacher"]
    assert config["initialize"]["before_init"] is None
    assert config["paths"]["teacher"] == str(teacher)
    assert [row[:3] for row in table(plan)][:2] == [("tok2vec", "", "-"), ("sent", "sent", "sent")]


def test_spacy_does_not_warn_of_vectors_that_rules_do_not_read(tmp_path):
    nlp = spacy.blank("en")
    nlp.tokenizer.add_special_case("cannae", [{"ORTH": "can"}, {"ORTH": "nae"}])
    nlp.add_pipe("tagger", config={"model": tagger_model(shared=False, normalize=False)})
    nlp.initialize(lambda: [Example(doc, doc) for doc in make_docs(nlp)])
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "PER", "pattern": "Ann"}])
    nlp.vocab.set_vector("Ann", numpy.ones(4, dtype="f"))
    nlp.to_disk(tmp_path / "teacher")
    DocBin(docs=make_docs(nlp)).to_disk(tmp_path / "gold.spacy")
    config, plan = init(str(tmp_path / "teacher"), preset="tiny")
    assert plan.sourced == ["entity_ruler"]
    config["paths"].update(dict.fromkeys(("train", "dev"), str(tmp_path / "gold.spacy")))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        student = init_nlp(config)
    assert [str(each.message) for each in told if "W113" in str(each.message)] == []
    assert [token.text for token in student.make_doc("I cannae")] == ["I", "can", "nae"]
    assert student("Ann").ents[0].label_ == "PER"
    assert without_teacher(student).config["initialize"]["before_init"] is None
    blank = spacy.blank("en")
    blank.add_pipe("skd_teacher", config={"teacher": str(tmp_path / "teacher")})
    blank.add_pipe("distilling_tagger", "tagger")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert keep_pipes(blank, blank.get_pipe("skd_teacher"))[0] == ["entity_ruler"]
    assert [str(each.message) for each in told if "W113" in str(each.message)] == []


def test_the_language_and_its_tokenizer_are_the_teachers(tmp_path):
    nlp = spacy.blank("zh", config={"nlp": {"tokenizer": {"segmenter": "char"}}})
    nlp.add_pipe("tagger", config={"model": tagger_model(shared=False, normalize=False)})
    doc = Doc(nlp.vocab, ["\u6211", "\u770b"], tags=["PN", "VV"])
    nlp.initialize(lambda: [Example(nlp.make_doc(doc.text), doc)])
    nlp.to_disk(tmp_path / "teacher")
    config, _ = init(str(tmp_path / "teacher"))
    assert config["nlp"]["lang"] == "zh"
    assert config["nlp"]["tokenizer"]["@tokenizers"] == "spacy.zh.ChineseTokenizer"
    assert config["initialize"]["before_init"] is None


def test_what_a_tokenizer_annotates_is_replaced_as_the_teacher_does(tmp_path):
    """Not where nothing is there to replace: such a morphologizer would replace its POS, too."""
    nlp = spacy.blank("en")
    nlp.add_pipe("morphologizer", config={"model": tagger_model(shared=False, normalize=False)})
    nlp.initialize(lambda: gold_examples(nlp))
    for tokenizes, overwrites in ((nlp.tokenizer, False), (Tagging(nlp.tokenizer), True)):
        nlp.tokenizer = tokenizes
        config = for_teacher(
            student_config(make_plan(nlp).students, preset=PRESETS["tiny"]),
            make_plan(nlp),
            nlp,
            source=None,
        )
        assert config["components"]["pos"]["overwrite"] == overwrites


class Tagging:
    """A tokenizer that writes POS, as that of Japanese does."""

    def __init__(self, tokenizer):
        self.tokenizer = tokenizer

    def __call__(self, text):
        doc = self.tokenizer(text)
        for token in doc:
            token.pos_ = "X"
        return doc

    def to_bytes(self, **kwargs):
        return self.tokenizer.to_bytes(**kwargs)


def test_standard_output_is_the_config_alone(teacher, tmp_path):
    found = run(teacher, "-")
    assert found.exit_code == 0, found.output
    assert Config().from_str(found.stdout, interpolate=False) == init(str(teacher))[0]


def test_an_existing_config_is_kept_unless_told(teacher, tmp_path):
    path = tmp_path / "student.cfg"
    path.write_text("mine")
    found = run(teacher, path)
    assert found.exit_code == 1
    assert "exists already" in " ".join(found.output.split())
    assert path.read_text() == "mine"
    assert run(teacher, path, "--overwrite", "--pipes", "tag,pos").exit_code == 0
    assert Config().from_disk(path)["nlp"]["pipeline"] == ["teacher", "tok2vec", "tag", "pos"]


def entity_component(label):
    """A `ner` with a tok2vec of its own, that finds one word."""
    nlp = spacy.blank("en")
    nlp.add_pipe("ner", label.lower())
    docs = [Doc(nlp.vocab, ["Ann", "Go"], ents=[f"B-{label}", "O"])] * 4
    examples = [Example(nlp.make_doc(doc.text), doc) for doc in docs]
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(20):
        nlp.update(examples, sgd=optimizer)
    return nlp


def test_a_second_component_of_a_layer_is_kept(data, tmp_path):
    nlp = entity_component("PER")
    nlp.add_pipe("own", source=entity_component("OWN"))
    nlp.to_disk(tmp_path / "teacher")
    refused = run(tmp_path / "teacher", tmp_path / "student.cfg")
    assert refused.exit_code == 1
    assert "by --keep" in " ".join(refused.output.split())
    found = run(tmp_path / "teacher", tmp_path / "student.cfg", "--preset", "tiny", "--keep", "own")
    assert found.exit_code == 0, found.output
    assert "spacy skd rehead" not in found.output, "there is nothing to put heads on"
    paths = {"paths.train": data / "gold.spacy", "paths.dev": data / "gold.spacy",
             "paths.raw": data / "raw.txt"}  # fmt: skip
    overrides = {**{name: str(path) for name, path in paths.items()}, **FEW}
    train(tmp_path / "student.cfg", tmp_path / "out", overrides=overrides)
    student = spacy.load(tmp_path / "out" / "model-last")
    assert student.pipe_names == ["tok2vec", "per", "own"]
    assert type(student.get_pipe("own")).__name__ == "EntityRecognizer"
    kept = spacy.load(tmp_path / "out" / "model-last", disable=["per"])("Ann")
    assert [ent.label_ for ent in kept.ents] == ["OWN"]


def test_several_stores_teach_one_student(teacher, data, tmp_path):
    """Trees of the teacher, tags of it over other text, and entities of another teacher, which this
    one has no component for; checked, trained and saved without a trace of them."""
    entities = entity_component("PER")
    entities.meta["name"] = "entities"
    entities.to_disk(tmp_path / "entities")
    gold, raw = str(data / "gold.spacy"), str(data / "raw.txt")
    annotate(teacher, [gold], tmp_path / "trees", settings=Settings(pipes=("sent", "parser")))
    annotate(teacher, [raw], tmp_path / "tags", settings=Settings(pipes=("tag", "pos")))
    (tmp_path / "more.txt").write_text("Ann sleeps\nGo home Ann !")
    annotate(tmp_path / "entities", [str(tmp_path / "more.txt")], tmp_path / "names")
    stores = [option for name in ("trees", "tags", "names")
              for option in ("--store", tmp_path / name)]  # fmt: skip
    found = run(teacher, tmp_path / "s.cfg", "--preset", "tiny", "--dev", gold, *stores)
    assert found.exit_code == 0, found.output
    assert ["per", "ents", "per", "from"] in [
        line.split()[:4] for line in found.output.splitlines()
    ]
    config = Config().from_disk(tmp_path / "s.cfg", interpolate=False)
    assert config["nlp"]["pipeline"] == [
        "teacher",
        "tok2vec",
        "sent",
        "tag",
        "pos",
        "parser",
        "per",
    ]
    assert unread_paths(config) == {}
    table = config["paths"]["stores"]
    ratios = [row["ratio"] for row in table.values()]
    assert ratios == pytest.approx([0, 64 / 22, 24 / 22], abs=1e-4)
    assert config["corpora"]["train"]["stores"] == "${paths.stores}"
    checked = CliRunner().invoke(app, ["skd", "check", str(tmp_path / "s.cfg")])
    assert "stored beliefs of" in " ".join(checked.output.split()), checked.output
    more = {"paths.stores.tags.ratio": 1.0, "training.logger.output_file": str(tmp_path / "log")}
    train(tmp_path / "s.cfg", tmp_path / "out", overrides={**FEW, **more})
    *_, last = map(json.loads, (tmp_path / "log").read_text().splitlines())
    assert 0 < last["skd"]["teacher_time"] < 1
    assert all(of["teacher"] > 0 for of in last["skd"]["components"].values())
    student = spacy.load(tmp_path / "out" / "model-last")
    assert set(student.get_pipe("per").labels) == {"PER", "THING"}  # of the teacher, and of gold
    text = student.config.to_str()
    assert not [name for name in ("trees", "tags", "names") if str(tmp_path / name) in text]
    made = student.meta["spacy_skd"]
    assert made["data"] == ["gold.spacy", "raw.txt", "more.txt"]
    assert len(made["teachers"]) == 2
    with pytest.raises(ValueError, match=r"no store has what the student 'sent' asks"):
        init(str(teacher), store=[str(tmp_path / name) for name in ("tags", "names")])
    with pytest.raises(ValueError, match="the beliefs of another teacher"):
        init(str(tmp_path / "entities"), store=[str(tmp_path / n) for n in ("tags", "trees")])


def test_what_is_wrong_is_named_and_nothing_is_written(stock, teacher, data, tmp_path):
    raw, wrong = str(data / "raw.txt"), str(tmp_path / "other")
    annotate(teacher, [raw], Path(wrong))
    few = str(tmp_path / "few")
    annotate(teacher, [raw], Path(few), settings=Settings(pipes=("tag",)))
    DocBin(docs=[spacy.blank("en")("Go !")]).to_disk(tmp_path / "bare.spacy")
    DocBin(docs=make_docs(spacy.blank("en"))).to_disk(tmp_path / "dev.docbin")
    cases = [
        ([stock, "--preset", "big"], "expected one of tiny, small, medium, got 'big'"),
        (["no_such_package"], "cannot load the teacher 'no_such_package'"),
        ([stock, "--pipes", "nerr"], "got nerr"),
        ([stock, "--store", tmp_path / "none"], "found no manifest.json"),
        ([stock, "--store", wrong], "the beliefs of another teacher"),
        ([teacher, "--store", few], "students ask sent, pos, parser"),
        ([teacher, "--dev", tmp_path / "no.spacy"], "expected docs as spaCy's DocBin writes them"),
        ([stock, "--store", tmp_path / "of $HOME"], "without '$'"),
        ([teacher, "--dev", raw], "expected docs as spaCy's DocBin writes them"),
        ([teacher, "--dev", tmp_path / "dev.docbin"], "a file whose name ends in .spacy"),
        ([teacher, "--dev", tmp_path / "bare.spacy"], "the layers sent, tag, pos, parser, found"),
    ]
    for (pipeline, *options), message in cases:
        found = run(pipeline, tmp_path / "student.cfg", *options)
        assert found.exit_code == 1, (options, found.output)
        assert message in " ".join(found.output.split()), found.output
        assert not (tmp_path / "student.cfg").exists()
    assert run(teacher, tmp_path / "s.cfg", "--store", few, "--pipes", "tag").exit_code == 0


def test_what_was_never_trained_is_refused_as_annotate_does(stock, tmp_path):
    nlp = spacy.load(stock, disable=["senter"])
    nlp.add_pipe("senter", "never")
    nlp.to_disk(tmp_path / "teacher")
    found = run(tmp_path / "teacher", tmp_path / "s.cfg", "--pipes", "never,tagger,entity_ruler")
    message = " ".join(found.output.split())
    assert "never: what has not been trained cannot teach: leave" in message, message
    assert "(--pipes tagger,entity_ruler)" in message
    assert found.exit_code == 1
    assert not (tmp_path / "s.cfg").exists()
    assert run(tmp_path / "teacher", tmp_path / "s.cfg", "--pipes", "tagger").exit_code == 0


@Language.component("similar")
def similar(doc):
    doc.user_data["similar"] = float(doc.vector_norm)
    return doc


@pytest.mark.parametrize("with_vectors", [False, True])
def test_taken_over_components_read_the_teachers_static_vectors(teacher, tmp_path, with_vectors):
    """A model of its own that reads them, and a function that may; the student's are beside."""
    nlp = spacy.load(teacher)
    for i, word in enumerate("The cat sees Ann".split()):
        nlp.vocab.set_vector(word, numpy.eye(4, dtype="float32")[i])
    embed = {
        "@architectures": "spacy.HashEmbedCNN.v2", "pretrained_vectors": True, "width": 8,
        "depth": 1, "embed_size": 50, "window_size": 1, "maxout_pieces": 2,
        "subword_features": True,
    }  # fmt: skip
    model = {"@architectures": "spacy.TextCatCNN.v2", "exclusive_classes": True, "tok2vec": embed}
    examples = gold_examples(nlp)
    for eg in examples:
        eg.reference.cats = {"LONG": float(len(eg.reference) > 5)}
    textcat = nlp.add_pipe("textcat", config={"model": model})
    textcat.initialize(lambda: examples, nlp=nlp, labels=["LONG", "SHORT"])
    nlp.add_pipe("similar")
    nlp.to_disk(tmp_path / "teacher")
    make_data(tmp_path)
    other = spacy.blank("en")
    for word in ("The", "dogs"):
        other.vocab.set_vector(word, numpy.ones(3, dtype="float32"))
    other.to_disk(tmp_path / "vectors")
    options = ["--keep", "textcat"]
    options += ["--vectors", tmp_path / "vectors"] if with_vectors else []
    student = spacy.load(make_student(tmp_path / "teacher", tmp_path, *options))
    assert student.vocab.vectors.shape[1] == 4
    text = "The cat sees Ann . Dogs sleep"
    said, expected = student(text), nlp(text)
    assert said.cats == pytest.approx(expected.cats, abs=1e-5)
    assert said.user_data["similar"] == expected.user_data["similar"] > 0
    assert student.config["initialize"]["vectors"] is None
    elsewhere = spacy.blank("en")
    for name in ("tok2vec", "tag"):
        elsewhere.add_pipe(name, source=student)
    assert [t.tag_ for t in elsewhere(text)] == [t.tag_ for t in said]


def test_without_a_need_the_vocab_has_no_vectors(teacher, tmp_path):
    make_data(tmp_path)
    nlp = spacy.blank("en")
    nlp.vocab.set_vector("The", numpy.ones(3, dtype="float32"))
    nlp.to_disk(tmp_path / "vectors")
    made = make_student(teacher, tmp_path, "--vectors", tmp_path / "vectors")
    student = spacy.load(made)
    assert not student.vocab.vectors.shape[1]
    data = {f"paths.{name}": str(tmp_path / "train.spacy") for name in ("train", "dev")}
    shutil.rmtree(tmp_path / "vectors")
    with pytest.raises(ValueError, match="cannot load the vectors .*--paths.vectors"):
        train(made / "config.cfg", overrides={**data, **FEW})
    train(made / "config.cfg", overrides={**data, **FEW, "paths.vectors": str(made)})
