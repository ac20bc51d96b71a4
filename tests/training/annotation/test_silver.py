"""A file of best guesses: whoever annotates, however often it is stopped, it is the same."""

import json
import multiprocessing
import os
import signal

import pytest
import spacy
from annotated import contents, write_text
from sent import engine_of_a_worker
from spacy.tokens import DocBin
from typer.testing import CliRunner

from spacy_skd.cli import skd
from spacy_skd.shards.manifest import FILE
from spacy_skd.training.annotation import silver as silver_module
from spacy_skd.training.annotation.places.folder import FolderPlace
from spacy_skd.training.annotation.silver import SilverSettings, parts_of, rejects_of, silver
from spacy_skd.training.engines.choice import Workers

SMALL = SilverSettings(batch_words=40, shard_words=40)


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    return write_text(tmp_path_factory.mktemp("silver") / "in" / "a.jsonl")


@pytest.fixture(scope="module")
def expected(teacher, text, tmp_path_factory):
    folder = tmp_path_factory.mktemp("expected")
    assert silver(teacher, text, folder / "s.spacy", settings=SMALL) == (30, 2)
    assert sorted(contents(folder)) == ["s.rejects.jsonl", "s.spacy"]
    return contents(folder)


def stopping(after):
    """A report that stops the command when so many shards are written."""
    left = [after]

    def report(progress):
        left[0] -= progress.is_new
        if not left[0]:
            raise KeyboardInterrupt

    return report


def test_every_text_in_order_and_what_is_unfit(teacher, text, expected):
    docs = list(DocBin().from_bytes(expected["s.spacy"]).get_docs(spacy.blank("en").vocab))
    assert [doc.text for doc in docs] == [f"Ann sees dogs {i} . They sleep" for i in range(30)]
    assert all(token.tag_ and token.dep_ for doc in docs for token in doc)
    nlp = spacy.load(teacher)
    heads = [[token.head.i for token in nlp(doc.text)] for doc in docs]
    assert [[token.head.i for token in doc] for doc in docs] == heads
    rejects = expected["s.rejects.jsonl"].decode("utf8").splitlines()
    assert [json.loads(line)["number"] for line in rejects] == [8, 9]


def test_a_run_that_is_stopped_goes_on(teacher, text, expected, tmp_path):
    output = tmp_path / "s.spacy"
    with pytest.raises(KeyboardInterrupt):
        silver(teacher, text, output, settings=SMALL, report=stopping(after=2))
    assert [path.name for path in tmp_path.iterdir()] == ["s.parts"]
    is_new = []
    with pytest.raises(ValueError, match=r"(?s)shard_words: expected 40 .*--overwrite"):
        silver(teacher, text, output)
    silver(teacher, text, output, settings=SMALL, report=lambda told: is_new.append(told.is_new))
    assert is_new[:2] == [False, False]
    assert all(is_new[2:])
    assert contents(tmp_path) == expected


def test_a_run_that_is_killed_before_it_has_cleared_its_parts(
    teacher, text, expected, tmp_path, monkeypatch
):
    output = tmp_path / "s.spacy"

    def killed(place):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(FolderPlace, "clear", killed)
        with pytest.raises(KeyboardInterrupt):
            silver(teacher, text, output, settings=SMALL)
    assert (parts_of(output) / FILE).exists()
    silver(teacher, text, output, settings=SMALL)
    assert contents(tmp_path) == expected


def test_an_output_that_training_would_not_read(teacher, text, tmp_path):
    with pytest.raises(ValueError, match=r"expected a file whose name ends in \.spacy"):
        silver(teacher, text, tmp_path / "s.docbin")
    assert not [*tmp_path.iterdir()]


def test_a_worker_writes_the_same(teacher, text, expected, tmp_path, monkeypatch):
    monkeypatch.setattr(silver_module, "make_engine", engine_of_a_worker)
    silver(teacher, text, tmp_path / "s.spacy", settings=SMALL)
    assert contents(tmp_path) == expected


@pytest.mark.long  # those of `annotate` do the same, in engines/test_engines.py
def test_processes_of_which_one_is_killed(teacher, text, expected, tmp_path):
    strokes = [lambda: os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)]

    def report(progress):
        if strokes and progress.is_new:
            strokes.pop()()

    two = Workers(count=2)
    silver(teacher, text, tmp_path / "s.spacy", settings=SMALL, workers=two, report=report)
    assert contents(tmp_path) == expected
    assert not multiprocessing.active_children()


def test_another_output_is_replaced_only_if_asked_and_its_rejects_with_it(teacher, text, tmp_path):
    output, fit = tmp_path / "s.spacy", tmp_path / "fit.txt"
    fit.write_text("Go home !\n")
    silver(teacher, text, output)
    with pytest.raises(ValueError, match="exists already"):
        silver(teacher, fit, output)
    assert silver(teacher, fit, output, overwrite=True) == (1, 0)
    assert len(DocBin().from_disk(output)) == 1
    assert not rejects_of(output).exists()


def test_without_text_nothing_is_written(teacher, tmp_path):
    (tmp_path / "raw.jsonl").write_text("{\n")
    with pytest.raises(ValueError, match=r"found 1 unfit lines; the first is .*not valid JSON"):
        silver(teacher, tmp_path / "raw.jsonl", tmp_path / "s.spacy")
    assert [path.name for path in tmp_path.iterdir()] == ["raw.jsonl"]


def test_the_command_takes_workers_and_accepts_rejects(teacher, tmp_path):
    (tmp_path / "raw.jsonl").write_text(
        '{"text": "Go home !", "meta": {"a": 18446744073709551616000}}\n{\n'
    )
    arguments = ["silver", str(teacher), str(tmp_path / "raw.jsonl"), str(tmp_path / "s.spacy")]
    found = CliRunner().invoke(skd, arguments)
    assert found.exit_code == 3, found.output
    (reject,) = (tmp_path / "s.rejects.jsonl").read_text().splitlines()
    assert json.loads(reject)["number"] == 2
    found = CliRunner().invoke(skd, [*arguments, "--accept-rejects", "--overwrite"])
    assert found.exit_code == 0, found.output
    found = CliRunner().invoke(skd, [*arguments, "--overwrite", "--address", "auto"])
    assert found.exit_code == 1
    assert "--engine ray" in found.output
