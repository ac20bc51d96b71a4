"""`spacy skd stream`: corpora in turn, without forgetting, by one command that goes on."""

import gc
import json
import os
import shutil
import weakref

import numpy
import pytest
import spacy
import srsly
from conftest import TOK2VEC, make_docs
from entities import ENTITIES, examples
from own_code import run
from spacy.scorer import Scorer
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Corpus, Example
from span_pipelines import build as build_spans
from thinc.api import Config

from spacy_skd.cli.distillation import training
from spacy_skd.cli.streaming import corpora as streamed
from spacy_skd.cli.streaming import work
from spacy_skd.cli.streaming.corpora import read_corpora
from spacy_skd.cli.streaming.matrix import matrix_table, summary
from spacy_skd.cli.streaming.rehearsal import write_texts
from spacy_skd.cli.streaming.request import Request, check
from spacy_skd.cli.streaming.scoring import Known, score_on, write_dev
from spacy_skd.cli.streaming.stages import labels_of, strange_labels
from spacy_skd.cli.streaming.variants import IN_TURN, Store
from spacy_skd.disk import locked
from spacy_skd.layers.categories import CatsLayer
from spacy_skd.layers.known_labels import known_labels
from spacy_skd.shards.manifest import Manifest
from spacy_skd.structures import IndependentLabels
from spacy_skd.transfer.beliefs import Form

FEW = ("--training.max_steps 4 --training.eval_frequency 2 --training.batcher.size 60 "
       "--training.optimizer.learn_rate.total_steps 4")  # fmt: skip
TREES = ["Dogs see the cat .", "Ann sleeps", "She sees the book . Go !", "Go home", "They sleep"]
NAMES = [text for text, _ in ENTITIES] + ["Bob saw Paris .", "Ann Lee is nice"]


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setenv("SPACY_CONFIG_OVERRIDES", FEW)


@pytest.fixture(scope="module")
def data(teacher, tmp_path_factory):
    """A corpus of trees and one of entities, each with a teacher of its own."""
    folder = tmp_path_factory.mktemp("corpora")
    nlp = spacy.blank("en")
    DocBin(docs=make_docs(nlp)).to_disk(folder / "trees.spacy")
    DocBin(docs=[eg.reference for eg in examples(nlp)]).to_disk(folder / "names.spacy")
    DocBin(docs=[Doc(nlp.vocab, ["Go", "home"])]).to_disk(folder / "bare.spacy")
    for name, texts in (("trees", TREES), ("names", NAMES)):
        lines = [json.dumps({"text": text}) for text in texts]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    of_names = spacy.blank("en")
    of_names.add_pipe("tok2vec", config={"model": TOK2VEC})
    of_names.add_pipe("ner", config={"model": {"tok2vec": {
        "@architectures": "spacy.Tok2VecListener.v1", "width": 32}}})  # fmt: skip
    of_names.initialize(lambda: examples(of_names))
    of_names.to_disk(folder / "stock")
    config = of_names.config.copy()
    config["training"].update(max_steps=2, eval_frequency=1)
    config["paths"].update(train=None, dev=None)
    config.to_disk(folder / "stock.cfg")
    return folder


def rows(data, teacher, *names):
    """Lines of a file of corpora."""
    teachers = {"trees": {"teacher": str(teacher)}, "names": {"config": str(data / "stock.cfg")}}
    return [
        {"name": name, **teachers[name], "gold": str(data / f"{name}.spacy"),
         "raw": str(data / f"{name}.jsonl"), "dev": str(data / f"{name}.spacy")}
        for name in names
    ]  # fmt: skip


def write(folder, lines):
    path = folder / "corpora.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def stream(corpora, out, *options):
    return run("stream", corpora, out, "--preset", "tiny", "--no-vectors", *options)


@pytest.fixture(scope="module")
def made(data, teacher, tmp_path_factory):
    """The output of one command with all comparisons, and what it printed."""
    folder = tmp_path_factory.mktemp("made")
    corpora = write(folder, rows(data, teacher, "trees", "names"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPACY_CONFIG_OVERRIDES", FEW)
        found = run("stream", corpora, folder / "out", "--preset", "tiny")
    assert found.exit_code == 0, found.output
    return corpora, folder / "out", found.output


def test_a_student_of_both_corpora_and_its_matrix(made):
    _, out, output = made
    student = spacy.load(out / "stream" / "2_names" / "training" / "model-best")
    assert student.pipe_names == ["tok2vec", "sent", "tag", "pos", "parser", "ner"]
    labels = student.get_pipe("ner").labels
    assert {label.rpartition("-")[2] for label in labels} >= {"PER", "LOC"}
    assert student("Ann sees the cat .")[0].tag_
    report = srsly.read_json(out / "report.json")
    assert report["corpora"] == ["trees", "names"]
    assert set(report["scores"]) == {"stream", "plain", "gold", "joint"}
    assert [len(stages) for stages in report["scores"].values()] == [2, 2, 2, 1]
    first, last = report["scores"]["stream"]
    assert "dep_las" in first["trees"]
    assert "ents_f" in last["names"]
    assert report["summary"]["dep_las"]["stream"]["forgetting"] == pytest.approx(
        first["trees"]["dep_las"] - last["trees"]["dep_las"]
    )
    assert report["scores"]["plain"][0] == first  # its first stage is the stream's
    words = " ".join(output.split())
    assert "LAS +trees +names" in words
    assert "what was lost since each was learnt" in words


def test_what_the_student_lacks_of_a_later_teacher_is_told(data, teacher, tmp_path):
    """Rules are the first teacher's, and what no student learns is left behind of any."""
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": TOK2VEC})
    for name in ("ner", "span_finder"):
        listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 32}
        nlp.add_pipe(name, config={"model": {"tok2vec": listener}})
    nlp.add_pipe("sentencizer", first=True)
    nlp.initialize(lambda: examples(nlp))
    nlp.to_disk(tmp_path / "ruled")
    of_trees, of_names = rows(data, teacher, "trees", "names")
    of_names["teacher"] = str(tmp_path / "ruled")
    corpora = write(tmp_path, [of_trees, of_names])
    found = stream(corpora, tmp_path / "out", "--compare", "none")
    assert found.exit_code == 0, found.output
    words = " ".join(found.output.split())
    assert "sentencizer of" in words
    assert "ruled: not taken over" in words
    assert "span_finder of" in words
    assert "is left behind: no student learns it" in words


def test_a_later_teacher_that_is_trained_may_have_two_components_of_a_layer(
    data, teacher, tmp_path
):
    config = Config().from_disk(data / "stock.cfg", interpolate=False)
    config["components"]["more"] = config["components"]["ner"].copy()
    config["nlp"]["pipeline"].append("more")
    config.to_disk(tmp_path / "two.cfg")
    of_trees, of_names = rows(data, teacher, "trees", "names")
    of_names["config"] = str(tmp_path / "two.cfg")
    corpora = write(tmp_path, [of_trees, of_names])
    found = stream(corpora, tmp_path / "out", "--compare", "none")
    assert found.exit_code == 0, found.output
    assert "more" in Manifest.from_disk(tmp_path / "out/annotated/names").pipes


def test_what_each_kind_of_student_reads(made):
    _, out, _ = made
    read = {name: Config().from_disk(out / name / "2_names" / "student.cfg")["paths"]["stores"]
            for name in ("stream", "plain", "gold")}  # fmt: skip
    old, new = read["stream"].values()
    assert (old["ratio"], old["share"]) == (5.0, 1.0)  # as much as of the new, 1 + 4 words
    assert (new["ratio"], new["share"]) == (4.0, 1.0)
    silent, new = read["plain"].values()
    assert (silent["ratio"], silent["share"], new["ratio"]) == (0.0, 0.0, 4.0)
    *_, gold = read["gold"].values()
    assert (gold["ratio"], gold["share"]) == (0.0, 0.0)
    assert gold["path"] == str(out / "annotated" / "trees")


def test_what_goes_on_with_the_new_corpus_alone_is_evaluated_on_it_alone(made):
    """Else its weights of before are the best on the corpora before, and nothing is learnt."""
    _, out, _ = made
    dev = {name: Config().from_disk(out / name / "2_names" / "student.cfg")["paths"]["dev"]
           for name in ("stream", "plain", "gold")}  # fmt: skip
    assert dev.pop("plain") == str(out / "dev" / "2_names" / "names.spacy")
    assert set(dev.values()) == {str(out / "dev" / "2_names")}


def test_in_training_too_labels_that_a_corpus_does_not_know_do_not_count_on_it(tmp_path):
    """Else the best weights are those that have learnt least of the other corpora's labels."""
    nlp = build_spans()
    doc = Doc(nlp.vocab, ["Ann", "saw", "Argo", "in", "Rome"])
    doc.ents = [Span(doc, 0, 1, "PER")]
    DocBin(docs=[doc]).to_disk(tmp_path / "own.spacy")
    scores = {}
    for labels in ({"LOC"}, {"LOC", "ship"}):
        write_dev(tmp_path / "own.spacy", tmp_path / "dev.spacy", labels={"ents": labels})
        (eg,) = Corpus(tmp_path / "dev.spacy")(nlp)
        said = [Span(eg.predicted, i, i + 1, label)
                for i, label in ((0, "PER"), (2, "ship"), (4, "LOC"))]  # fmt: skip
        eg.predicted.ents = said
        scores[len(labels)] = Scorer(nlp).score([eg])["ents_p"]
        assert list(eg.predicted.ents) == said
    assert scores == {1: 1 / 2, 2: pytest.approx(1 / 3)}


def test_what_students_are_evaluated_on_says_which_labels_its_corpus_knows(made):
    _, out, _ = made
    noted = {}
    for path in (out / "dev" / "2_names").glob("*.spacy"):
        docs = list(DocBin().from_disk(path).get_docs(spacy.blank("en").vocab))
        noted[path.stem] = [known_labels(doc, "ents") for doc in docs]
    assert set(noted["trees"]) == {None}  # no entities are annotated there
    assert [set(labels) for labels in noted["names"]] == [{"LOC", "PER"}] * len(noted["names"])


def test_spans_of_labels_that_a_corpus_does_not_know_do_not_count_on_it(tmp_path):
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler", config={"overwrite_ents": True})
    ruler.add_patterns(
        [
            {"label": label, "pattern": text}
            for label, text in (("PER", "Ann"), ("ship", "Argo"), ("LOC", "Rome"), ("MISC", "Go"))
        ]
    )
    nlp.to_disk(tmp_path / "student")
    doc = Doc(nlp.vocab, ["Ann", "saw", "Argo", "in", "Rome", "Go"])
    doc.ents = [Span(doc, 0, 1, "PER"), Span(doc, 4, 5, "PER")]
    DocBin(docs=[doc]).to_disk(tmp_path / "test.spacy")
    scores = {}
    for labels in ({"PER"}, {"PER", "LOC"}, {"PER", "LOC", "MISC", "ship"}):
        known = {"a": Known(tmp_path / "test.spacy", {"ents": labels})}
        found = score_on(tmp_path / "student", known)["a"]
        scores[len(labels)] = found["ents_f"]
    assert scores == {1: pytest.approx(2 / 3), 2: 0.5, 4: pytest.approx(1 / 3)}


@pytest.mark.parametrize(
    ("labels", "expected"), [({"cats:textcat": {"SHORT", "LONG"}}, 1 / 3), ({}, 0.0)]
)
def test_categories_that_a_corpus_does_not_know_do_not_count_on_it(labels, expected, tmp_path):
    nlp = spacy.blank("en")
    textcat = nlp.add_pipe("distilling_textcat", "textcat")
    examples = []
    for words, cats in (("a b", "SHORT"), ("a b c d e f", "LONG"), ("ein zwei", "KURZ")):
        doc = Doc(nlp.vocab, words.split())
        doc.cats = {label: float(label == cats) for label in ("SHORT", "LONG", "KURZ", "LANG")}
        examples.append(Example(nlp.make_doc(words), doc))
    nlp.initialize(lambda: examples)
    textcat.model.get_ref("output_layer").set_param("b", numpy.asarray([9, 3, 0, 1], "float32"))
    assert textcat.labels == ("KURZ", "LANG", "LONG", "SHORT")
    nlp.to_disk(tmp_path / "student")
    docs = [eg.reference for eg in examples[:2]]
    for doc in docs:
        doc.cats = {label: doc.cats[label] for label in ("SHORT", "LONG")}
    DocBin(docs=docs).to_disk(tmp_path / "test.spacy")
    found = score_on(tmp_path / "student", {"a": Known(tmp_path / "test.spacy", labels)})["a"]
    assert found["cats_score"] == pytest.approx(expected)


def test_categories_of_another_component_have_no_score_of_this_one():
    layer = CatsLayer()
    doc = Doc(spacy.blank("en").vocab, ["a", "b"])
    doc.cats = {"SHORT": 1.0, "LONG": 0.0}
    predicted = doc.copy()
    predicted.cats = {"KURZ": 1.0, "LANG": 0.0}
    assert layer.score([Example(predicted, doc)], labels=("KURZ", "LANG")) == {}
    assert layer.score([Example(predicted, doc)], labels=("KURZ", "SHORT"))["cats_score"] == 0


def test_it_rehearses_what_its_old_self_says_of_the_earlier_text(made):
    _, out, _ = made
    folder = out / "stream" / "2_names"
    old = spacy.load(out / "stream" / "1_trees" / "training" / "model-best")
    manifest = Manifest.from_disk(folder / "rehearsed")
    assert manifest.teacher["name"] == old.meta["name"]
    assert set(manifest.layers.values()) == {"sent", "tag", "pos", "parser"}
    rehearsed = {line["text"] for line in srsly.read_jsonl(folder / "texts.jsonl")}
    assert rehearsed <= set(TREES)
    assert rehearsed


def test_it_begins_with_the_weights_of_the_stage_before_and_its_steps_anew(made):
    _, out, _ = made
    config = Config().from_disk(out / "stream" / "2_names" / "student.cfg")
    assert config["paths"]["former"] == str(out / "stream" / "1_trees" / "training" / "model-best")
    nlp = spacy.load(out / "stream" / "2_names" / "training" / "model-best")
    assert {nlp.get_pipe(name).cfg["step"] for name in ("tag", "ner")} == {5}
    assert nlp.config["paths"]["former"] is None  # a saved student names no other


def test_the_same_command_does_nothing_twice(made):
    corpora, out, _ = made
    before = {path: path.stat().st_mtime_ns for path in out.rglob("model")}
    found = run("stream", corpora, out, "--preset", "tiny")
    assert found.exit_code == 0, found.output
    assert found.output.count("done already") == len(srsly.read_json(out / "stream.json")["done"])
    assert {path: path.stat().st_mtime_ns for path in out.rglob("model")} == before


def test_a_stage_that_somebody_removed_is_made_anew(made, tmp_path):
    corpora, out, _ = made
    shutil.copytree(out, tmp_path / "out")
    shutil.rmtree(tmp_path / "out" / "plain" / "2_names")
    found = run("stream", corpora, tmp_path / "out", "--preset", "tiny")
    assert found.exit_code == 0, found.output
    n_steps = len(srsly.read_json(out / "stream.json")["done"])
    assert found.output.count("done already") == n_steps - 2  # its training and its scores
    scores = [
        srsly.read_json(folder / "report.json")["scores"] for folder in (out, tmp_path / "out")
    ]
    assert scores[0] == scores[1]


@pytest.mark.parametrize(("option", "told"), [
    (("--rehearsal", "2"), "rehearsal: was 1.0, is 2.0"),
    (("--effort", "0.5"), "effort: was 1.0, is 0.5"),
])  # fmt: skip
def test_other_settings_are_refused(made, option, told):
    corpora, out, _ = made
    before = (out / "stream.json").read_bytes()
    found = run("stream", corpora, out, "--preset", "tiny", *option)
    assert found.exit_code == 1
    assert told in " ".join(found.output.split())
    assert (out / "stream.json").read_bytes() == before


def test_a_corpus_is_added_later_and_raw_text_is_gone(data, teacher, tmp_path):
    """The student that there is learns on; other text stands for what is lost, and is told."""
    lines = rows(data, teacher, "trees", "names")
    for line in lines:
        line["raw"] = shutil.copy(line["raw"], tmp_path)
    del lines[0]["gold"]
    with open(lines[0]["raw"], "a") as file:
        file.write("{\n")  # is set aside, whoever reads it
    out = tmp_path / "out"
    first_run = stream(write(tmp_path, lines[:1]), out, "--compare", "none")
    assert first_run.exit_code == 3, first_run.output
    first = out / "stream" / "1_trees" / "training" / "model-best" / "tag" / "model"
    before = first.stat().st_mtime_ns
    os.remove(lines[0]["raw"])
    found = stream(write(tmp_path, lines), out, "--compare", "joint", "--accept-rejects")
    assert found.exit_code == 0, found.output
    assert "No text was left of trees when names was learnt" in " ".join(found.output.split())
    assert first.stat().st_mtime_ns == before
    texts = srsly.read_jsonl(out / "stream" / "2_names" / "texts.jsonl")
    assert {line["text"] for line in texts} <= set(NAMES)
    again = stream(write(tmp_path, lines[::-1]), out, "--compare", "none")
    assert again.exit_code == 1
    assert "corpora: were trees, names, are names, trees" in " ".join(again.output.split())


def test_interrupted_in_the_middle_it_goes_on(data, teacher, tmp_path, monkeypatch):
    corpora, out = write(tmp_path, rows(data, teacher, "trees", "names")), tmp_path / "out"
    train = work.Training.run

    def stop(self, *args, **settings):
        train(self, *args, **settings)
        if "2_names" in str(self.output):
            raise KeyboardInterrupt

    monkeypatch.setattr(work.Training, "run", stop)
    stopped = stream(corpora, out, "--compare", "none")
    assert stopped.exit_code == 130
    assert "the same command goes on where it stopped" in " ".join(stopped.output.split())
    monkeypatch.setattr(work.Training, "run", train)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("model")}
    found = stream(corpora, out, "--compare", "none")
    assert found.exit_code == 0, found.output
    assert "rehearsed names: done already" in found.output
    after = {path: path.stat().st_mtime_ns for path in out.rglob("model")}
    assert after == before  # that training had come to its end


def test_no_step_leaves_a_pipeline_in_memory(data, teacher, tmp_path, monkeypatch):
    """Else a teacher's transformer stays while others train, until Python looks for it."""
    pipelines, alive = [], []

    def train(self, stage, **settings):
        nlp = spacy.blank("en")
        nlp.refers = [nlp]  # as some that were trained do
        pipelines.append(weakref.ref(nlp))
        stage.folder.mkdir(parents=True)

    def score(self, stage):
        alive.extend(pipeline() for pipeline in pipelines)
        raise KeyboardInterrupt

    monkeypatch.setattr(work.Work, "train", train)
    monkeypatch.setattr(work.Work, "score", score)
    corpora = write(tmp_path, rows(data, teacher, "trees"))
    gc.disable()
    try:
        assert stream(corpora, tmp_path / "out", "--compare", "none").exit_code == 130
    finally:
        gc.enable()
    assert alive == [None]


def test_another_run_is_at_work(data, teacher, tmp_path):
    (tmp_path / "out").mkdir()
    with locked(tmp_path / "out"):
        found = stream(write(tmp_path, rows(data, teacher, "trees")), tmp_path / "out")
    assert found.exit_code == 1
    assert "is being written by" in " ".join(found.output.split())


WRONG = [
    ([{"name": "a b"}], "line 1: expected a name of letters, digits"),
    (["{"], "line 1: expected JSON"),
    ([{"name": "a", "golden": "x"}], "expected an object of name, teacher, config, gold"),
    ([{"name": "a"}], "a has no teacher: name a trained pipeline as `teacher`"),
    ([{"name": "a", "teacher": "t"}], "a: expected `dev`, labelled docs (.spacy)"),
    ([{"name": "a", "teacher": "t", "dev": "DEV"}], "a: expected `gold`, `raw` or both"),
    ([{"name": "a", "teacher": "t", "dev": "no.spacy", "raw": "r"}], "found none at no.spacy"),
    ([{"name": "a", "prepared": "nowhere"}], "expected a folder that `spacy skd prepare` wrote"),
    ([{"name": "a", "teacher": 3}], "expected paths as strings"),
    ([], "expected corpora, a line each, found none"),
]


@pytest.mark.parametrize(("lines", "told"), WRONG, ids=[told[:30] for _, told in WRONG])
def test_a_wrong_file_of_corpora(lines, told, data, tmp_path):
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    path = tmp_path / "c.jsonl"
    path.write_text(text.replace("DEV", str(data / "trees.spacy")) + "\n")
    found = stream(path, tmp_path / "out")
    assert found.exit_code == 1
    assert told in " ".join(found.output.split())
    assert not (tmp_path / "out").exists()


def test_a_file_of_corpora_as_a_windows_editor_saves_it(data, tmp_path):
    path = tmp_path / "c.jsonl"
    row = {"name": "a", "teacher": "t", "dev": str(data / "trees.spacy"), "raw": "r.txt"}
    text = "\ufeff" + json.dumps(row) + "\r\n\r\n" + json.dumps({**row, "name": "b"}) + "\r\n"
    path.write_bytes(text.encode())
    assert [corpus.name for corpus in read_corpora(path)] == ["a", "b"]
    path.write_bytes(text.encode() + '{"name": "é"}'.encode("latin-1"))
    with pytest.raises(ValueError, match=r"c.jsonl, line 4: expected UTF-8, found not UTF-8"):
        read_corpora(path)


def test_two_corpora_of_one_name(data, teacher, tmp_path):
    found = stream(write(tmp_path, rows(data, teacher, "trees", "trees")), tmp_path / "out")
    assert found.exit_code == 1
    assert "line 2: expected another name, 'trees' is taken" in " ".join(found.output.split())


@pytest.mark.parametrize(("change", "told"), [
    ({"teacher": "nowhere"}, "cannot load the teacher of trees 'nowhere'"),
    ({"dev": "bare"}, "expected labelled docs, found none with any of tag"),
    ({"raw": "missing.jsonl"}, "missing.jsonl: raw of trees: no such file"),
])  # fmt: skip
def test_inputs_that_are_wrong_are_told_before_anything_is_written(
    change, told, data, teacher, tmp_path
):
    line = {**rows(data, teacher, "trees")[0], **change}
    line["dev"] = line["dev"].replace("bare", str(data / "bare.spacy"))
    found = stream(write(tmp_path, [line]), tmp_path / "out")
    assert found.exit_code == 1
    assert told in " ".join(found.output.split())
    assert not (tmp_path / "out" / "annotated").exists()


def test_a_dev_of_none_of_the_layers_that_the_student_has_then(data, teacher, tmp_path):
    """`plain` is evaluated on it alone: told before its turn comes, hours later."""
    line = {**rows(data, teacher, "trees")[0], "dev": str(data / "names.spacy")}
    found = stream(write(tmp_path, [line]), tmp_path / "out", "--compare", "none")
    assert found.exit_code == 1
    assert "dev of trees: expected docs with some of the layers" in " ".join(found.output.split())
    lines = [*rows(data, teacher, "trees"), {**line, "name": "again"}]
    corpora = write(tmp_path, lines)
    found = stream(corpora, tmp_path / "out", "--compare", "plain,joint")
    assert found.exit_code == 1
    told = " ".join(found.output.split())
    assert "names.spacy: dev of again: expected docs with some of the layers" in told
    assert "only plain of --compare is evaluated on it alone" in told
    assert not (tmp_path / "out" / "annotated").exists()
    request = Request(tuple(read_corpora(corpora)), compare=("gold", "joint"))
    assert list(check(request, {}, {}).settings["corpora"]) == ["trees", "again"]
    names = {**rows(data, teacher, "names")[0], "dev": line["dev"]}
    both = tuple(read_corpora(write(tmp_path, [lines[0], names])))
    check(Request(both), {}, {})  # of a teacher that is trained first, what it may teach


def test_labelled_docs_whose_spans_have_a_key_of_their_own(data, teacher, tmp_path):
    doc = Doc(spacy.blank("en").vocab, ["Ann", "Lee", "sleeps"])
    doc.spans["people"] = [Span(doc, 0, 2, "ACT")]
    DocBin(docs=[doc]).to_disk(tmp_path / "people.spacy")
    line = {**rows(data, teacher, "names")[0], "gold": str(tmp_path / "people.spacy")}
    line["dev"] = line["gold"]
    checked = check(Request(tuple(read_corpora(write(tmp_path, [line])))), {}, {})
    assert list(checked.settings["corpora"]) == ["names"]


def test_an_unknown_comparison_and_a_folder_of_something_else(data, teacher, tmp_path):
    corpora = write(tmp_path, rows(data, teacher, "trees"))
    found = stream(corpora, tmp_path / "out", "--compare", "best")
    assert "compare: expected one of plain, gold, joint" in " ".join(found.output.split())
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    found = stream(corpora, tmp_path / "mine")
    assert found.exit_code == 1
    assert "holds no stream.json, but notes.txt" in found.output
    assert (tmp_path / "mine" / "notes.txt").read_text() == "mine"


# Parts


def test_a_prepared_folder_names_its_files(tmp_path):
    for name in ("train.spacy", "dev.spacy", "test.spacy", "teacher.cfg", "raw.jsonl"):
        (tmp_path / name).write_text("")
    path = tmp_path / "c.jsonl"
    path.write_text(json.dumps({"name": "a", "prepared": str(tmp_path)}) + "\n")
    (corpus,) = read_corpora(path)
    assert corpus.config == tmp_path / "teacher.cfg"
    assert corpus.teacher is None
    assert corpus.test == tmp_path / "test.spacy"
    assert corpus.raw == (tmp_path / "raw.jsonl",)
    path.write_text(json.dumps({"name": "a", "prepared": str(tmp_path), "teacher": "t"}) + "\n")
    (corpus,) = read_corpora(path)
    assert corpus.teacher == "t"
    assert corpus.config is None


def test_the_matrix_in_percent():
    stages = [{"a": {"m": 0.9}, "b": {"m": 0.2}}, {"a": {"m": 0.5}, "b": {"m": 0.8}}]
    table = matrix_table({"stream": stages, "joint": [stages[1]]}, ["a", "b"], "m")
    found = [line.split() for line in table.splitlines() if line.strip()]
    assert found[2:] == [["stream", "a", "90.0", "50.0"], ["b", "(20.0)", "80.0"],
                         ["joint", "a", "50.0"], ["b", "80.0"]]  # fmt: skip


def test_the_matrix_lacks_corpora_without_the_score():
    stages = [{"a": {"n": 0.9}, "b": {"m": 0.2}}, {"a": {"n": 0.5}, "b": {"m": 0.8}}]
    table = matrix_table({"stream": stages}, ["a", "b"], "m")
    found = [line.split() for line in table.splitlines() if line.strip()]
    assert found == [["m", "+a", "+b"], found[1], ["stream", "b", "(20.0)", "80.0"]]


def test_forgetting_is_the_mean_loss_since_each_was_learnt():
    stages = [
        {"a": {"m": 0.9}, "b": {"m": 0.2}, "c": {}},
        {"a": {"m": 0.7}, "b": {"m": 0.8}, "c": {}},
        {"a": {"m": 0.6}, "b": {"m": 0.7}, "c": {"m": 1.0}},
    ]
    found = summary(stages, ["a", "b", "c"], "m")
    assert found["forgetting"] == pytest.approx((0.3 + 0.1) / 2)
    assert found["final"] == pytest.approx((0.6 + 0.7 + 1.0) / 3)
    assert summary(stages[-1:], ["a", "b", "c"], "m")["forgetting"] is None
    assert summary([{"a": {}}], ["a"], "m") == {"final": None, "forgetting": None}


@pytest.mark.parametrize(("labelled", "unlabelled", "gold"), [
    (1000, 9000, 500), (1000, 0, 500), (0, 9000, 500), (1000, 9000, 0),
])  # fmt: skip
@pytest.mark.parametrize("rehearsal", [0.5, 1.0])
def test_all_kinds_see_as_much_of_the_new_corpus(labelled, unlabelled, gold, rehearsal, tmp_path):
    """Words of the new corpus, of those that a pass over the labelled docs (or, without any, over
    the unlabelled ones) has."""
    new = Store(tmp_path / "new", labelled, unlabelled)
    old = Store(tmp_path / "old", gold, 5000)
    rehearsed = Store(tmp_path / "rehearsed", 0, 4000)
    seen = {}
    for variant in ("stream", "plain", "gold"):
        settings = {"words": new.worth, "rehearsal": rehearsal, "ratio": 4.0}
        found = IN_TURN[variant].mix(new, rehearsed, [old], **settings)
        golds = labelled + (gold if variant == "gold" else 0)
        per = golds or 1.0
        of_new = labelled + per * found.ratios[new.folder] * bool(unlabelled)
        whole = golds + per * sum(
            found.ratios.get(store.folder, 0.0) * bool(store.unlabelled)
            for store in (new, old, rehearsed)
        )
        seen[variant] = found.words * of_new / whole
        assert sum(found.ratios.values()) > 0
    assert seen["plain"] == pytest.approx(seen["stream"]) == pytest.approx(seen["gold"])


def test_a_corpus_without_a_label_in_common_is_told(tmp_path):
    """Layers that one folder alone has are no matter."""
    labels = {"old": {"tag": ("DT", "NN"), "ents": ("PER",)}, "new": {"tag": ("x",), "pos": ("y",)},
              "same": {"tag": ("NN", "x")}}  # fmt: skip
    for name, of_layer in labels.items():
        pipes = {
            layer: Form("tokens", IndependentLabels(), known).to_json()
            for layer, known in of_layer.items()
        }
        manifest = Manifest({}, {}, {}, [], pipes, layers={layer: layer for layer in of_layer})
        (tmp_path / name).mkdir()
        manifest.to_disk(tmp_path / name)
    found = strange_labels(tmp_path / "old", tmp_path / "new")
    assert found == {"tag": (["DT", "NN"], ["x"])}
    assert strange_labels(tmp_path / "old", tmp_path / "same") == {}


def test_several_components_of_a_layer_have_the_labels_of_all(tmp_path):
    known = {"ner": ("PER",), "more": ("SHIP", "LOC"), "tag": ("NN",)}
    pipes = {name: Form("tokens", IndependentLabels(), of).to_json() for name, of in known.items()}
    layers = {"ner": "ents", "more": "ents", "tag": "tag"}
    Manifest({}, {}, {}, [], pipes, layers=layers).to_disk(tmp_path)
    assert labels_of(tmp_path) == {"ents": {"PER", "SHIP", "LOC"}, "tag": {"NN"}}


def test_texts_to_rehearse_are_as_many_words_of_each_corpus(tmp_path):
    path = tmp_path / "c.jsonl"
    rows = []
    for name in ("a", "b", "c"):
        lines = [json.dumps({"text": f"{name} word number {i}"}) for i in range(50)]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
        (tmp_path / "dev.spacy").write_text("")
        rows.append({"name": name, "teacher": "t", "raw": str(tmp_path / f"{name}.jsonl"),
                     "dev": str(tmp_path / "dev.spacy")})  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    a, b, c = read_corpora(path)
    chosen = write_texts([a, b], c, tmp_path / "out.jsonl", words=80)
    texts = [line["text"] for line in srsly.read_jsonl(tmp_path / "out.jsonl")]
    assert chosen.words == 80
    assert chosen.of == ("a", "b")
    assert chosen.lost == ()
    assert [sum(text[0] == name for text in texts) for name in "abc"] == [10, 10, 0]
    again = write_texts([a, b], c, tmp_path / "again.jsonl", words=80)
    assert again == chosen
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "out.jsonl").read_bytes()
    for name in "abc":
        os.remove(tmp_path / f"{name}.jsonl")
    with pytest.raises(ValueError, match="nothing is left of a, b, and c has no text"):
        write_texts([a, b], c, tmp_path / "out.jsonl", words=80)


def test_what_a_small_corpus_lacks_others_make_up_for_and_gold_stands_for_raw(tmp_path):
    nlp = spacy.blank("en")
    docs = [Doc(nlp.vocab, ["gold", "text", str(i)]) for i in range(3)]
    DocBin(docs=docs).to_disk(tmp_path / "gold.spacy")
    lines = [json.dumps({"text": f"raw text number {i}"}) for i in range(100)]
    (tmp_path / "raw.jsonl").write_text("\n".join([*lines, "{"]) + "\n")
    small = streamed.Corpus("a", tmp_path, tmp_path, gold=tmp_path / "gold.spacy")
    large = streamed.Corpus("b", tmp_path, tmp_path, raw=(tmp_path / "*.jsonl",))
    chosen = write_texts([large, small], large, tmp_path / "out.jsonl", words=100)
    texts = [line["text"] for line in srsly.read_jsonl(tmp_path / "out.jsonl")]
    assert sum(text.startswith("gold") for text in texts) == 3
    assert 100 <= chosen.words <= 104
    assert (chosen.of, chosen.lost) == (("b", "a"), ())


def test_a_teacher_that_was_changed_or_exchanged_is_seen(data, teacher, tmp_path):
    """If it is gone, nothing is to be seen."""
    own = tmp_path / "teacher"
    shutil.copytree(teacher, own)
    line = {**rows(data, teacher, "trees")[0], "teacher": str(own)}
    corpora, out = write(tmp_path, [line]), tmp_path / "out"
    assert stream(corpora, out, "--compare", "none").exit_code == 0
    nlp = spacy.load(own)
    nlp.get_pipe("tag").model.get_ref("output_layer").set_param(
        "b", nlp.get_pipe("tag").model.get_ref("output_layer").get_param("b") + 1
    )
    nlp.to_disk(own)
    found = stream(corpora, out, "--compare", "none")
    assert found.exit_code == 1
    assert "trees: teacher: was" in " ".join(found.output.split())
    shutil.rmtree(own)
    assert stream(corpora, out, "--compare", "none").exit_code == 0


def test_a_folder_that_was_moved_while_a_student_was_trained_goes_on(
    data, teacher, tmp_path, monkeypatch
):
    corpora, out = write(tmp_path, rows(data, teacher, "trees", "names")), tmp_path / "out"
    train = training.train

    def stop(config, output, **settings):
        if "2_names" in str(output):
            raise KeyboardInterrupt
        train(config, output, **settings)

    monkeypatch.setattr(training, "train", stop)
    assert stream(corpora, out, "--compare", "none").exit_code == 130
    monkeypatch.setattr(training, "train", train)
    shutil.move(out, tmp_path / "elsewhere")
    found = stream(corpora, tmp_path / "elsewhere", "--compare", "none")
    assert found.exit_code == 0, found.output
