"""`spacy skd report --html`, as a user runs it."""

import json
import re

import pytest
import spacy
import srsly
from conftest import make_docs
from pages import read
from spacy.tokens import DocBin
from typer.testing import CliRunner

from spacy_skd.cli import app
from spacy_skd.cli.report import Page, report

LOG = {"step": 5, "losses": {"tag": 1.0}, "scores": {"tag_acc": 50.0}}


@pytest.fixture
def here(teacher, tmp_path, monkeypatch):
    """A folder with a corpus of two genres, the log of a training and another pipeline."""
    monkeypatch.chdir(tmp_path)
    docs = make_docs(spacy.blank("en"))
    for i, doc in enumerate(docs):
        doc.user_data["meta"] = {"genre": ["pets", "books"][i % 2]}
    DocBin(docs=docs, store_user_data=True).to_disk("dev.spacy")
    (tmp_path / "log.jsonl").write_text(json.dumps(LOG) + "\n")
    rules = spacy.blank("en")
    rules.add_pipe("sentencizer")
    rules.to_disk("rules")
    return tmp_path


def test_the_name_of_a_log_may_have_an_equals_sign(tmp_path):
    log = tmp_path / "lr=0.1.jsonl"
    log.write_text(json.dumps(LOG) + "\n")
    page = Page(tmp_path / "r.html", logs=[str(log), f"small={log}", f"none={tmp_path / 'none'}"])
    assert page.named_logs == [("", log), ("small", log), ("none", tmp_path / "none")]


def run(*arguments):
    return CliRunner().invoke(app, ["skd", "report", "dev.spacy", *map(str, arguments)])


def test_the_page_and_the_json_have_all_of_it(teacher, here):
    found = run(
        f"a={teacher}", "b=rules", "--html", "r.html", "-o", "r.json", "--teacher", "a",
        "--slice", "genre", "--train", "dev.spacy", "--log", "small=log.jsonl",
        "--speed-words", 50,
    )  # fmt: skip
    assert found.exit_code == 0, found.output
    assert "words/s" in found.output
    assert "Saved to r.html" in found.output
    root = read((here / "r.html").read_text(encoding="utf8"))
    assert "a, b on dev.spacy" in root.all("title")[0].text
    slices = {each.attrs.get("data-slice") for each in root.all("tr")}
    assert {"genre: pets", "genre: books", "in training: seen"} <= slices
    assert root.all("section", id="curves")[0].all("li")[0].text == "small"
    numbers = srsly.read_json("r.json")
    assert numbers["a"]["reliability"]["tag"]["accuracy"] == 1.0
    assert numbers["a"]["reliability"]["parser"]["ece"] < 0.2
    assert numbers["b"]["reliability"] == numbers["b"]["nats_to_a"] == {}
    assert numbers["b"]["predicted_sentences"]
    again = run(f"a={teacher}", "--html", "r.html", "--speed-words", 50)
    assert again.exit_code == 1
    assert "exists already" in again.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--teacher", "x"], "expected one of the pipelines a, got 'x'"),
        (["--slice", "topic"], "slice 'topic': expected a key .* there are: genre"),
        (["--log", "none.jsonl"], "expected the log of a training, found none"),
        (["--log", "x=dev.spacy"], "expected an evaluation|can't decode"),
        (["--train", "none.spacy"], "expected a .spacy file, found none"),
        (["--html", "log.jsonl", "--log", "log.jsonl", "--overwrite"], "log.jsonl"),
    ],
)
def test_what_is_not_there_is_said_before_anything_is_measured(
    teacher, here, monkeypatch, options, message
):
    monkeypatch.setattr("spacy_skd.cli.report.report", lambda *a, **k: pytest.fail("measured"))
    html = [] if "--html" in options else ["--html", "r.html"]
    found = run("a=rules", *html, *options)
    assert found.exit_code == 1, found.output
    said = " ".join(found.output.split())
    assert re.search(message, said), said
    assert not (here / "r.html").exists()
    assert srsly.read_json("log.jsonl") == LOG


def test_each_pipeline_has_a_name_and_each_output_a_file(here):
    """Else the last alone would be told of, or kept."""
    twice = run("a=rules", "a=none")
    assert twice.exit_code == 1
    assert "got 'a' twice" in twice.output
    same = run("a=rules", "--html", "r", "-o", here / "r", "--overwrite")
    assert same.exit_code == 1
    assert "another for --html" in " ".join(same.output.split())
    assert not (here / "r").exists()


def test_options_of_the_page_need_one(here):
    found = run("a=rules", "--slice", "genre")
    assert found.exit_code == 1
    assert "--html" in found.output


def test_a_page_that_fails_costs_nothing_that_was_measured(here, monkeypatch):
    def fail(*arguments, **settings):
        raise ValueError("no page today")

    monkeypatch.setattr("spacy_skd.cli.report.write_html", fail)
    found = run("a=rules", "--html", "r.html", "-o", "r.json", "--speed-words", 50)
    assert found.exit_code == 1
    assert "no page today" in found.output
    assert srsly.read_json("r.json")["a"]["megabytes"] > 0


def test_speed_words_are_counted_where_there_are_no_spaces(tmp_path, monkeypatch):
    nlp = spacy.blank("zh")
    nlp.add_pipe("sentencizer")
    nlp.to_disk(tmp_path / "zh")
    DocBin(docs=[nlp("我喜欢北京的苹果")] * 4).to_disk(tmp_path / "dev.spacy")
    measured = []

    def measure(pipelines, texts):
        measured.extend(texts)
        return dict.fromkeys(pipelines, 1.0)

    monkeypatch.setattr("spacy_skd.cli.report.words_per_second", measure)
    report(tmp_path / "dev.spacy", {"zh": tmp_path / "zh"}, speed_words=160)
    assert sum(map(len, measured)) == 160
