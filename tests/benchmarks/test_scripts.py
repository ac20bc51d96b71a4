"""The scripts behind the figures of the docs: each says how it is called, the quick ones run."""

import json
import subprocess
import sys

import numpy
import pytest
import spacy
from scripts import FOLDER, run
from stock_pipelines import transition_pipeline
from treebanks import GOOD

# cells.py holds what others share.
SCRIPTS = sorted(path.name for path in FOLDER.glob("*.py") if path.name != "cells.py")


@pytest.mark.parametrize("name", SCRIPTS)
def test_it_says_how_it_is_called(monkeypatch, name):
    code, printed = run(monkeypatch, name, "--help")
    assert code == 0
    assert printed.startswith(f"usage: {name}")
    readme = (FOLDER / "README.md").read_text(encoding="utf8")
    assert f"`{name}`" in readme or f"benchmarks/{name}" in readme


def test_it_runs_as_a_process():
    script = [sys.executable, str(FOLDER / "genre.py"), "--help"]
    assert subprocess.run(script, capture_output=True, text=True, check=True).stdout


def test_a_treebank_without_a_genre(monkeypatch, tmp_path):
    (tmp_path / "all").mkdir()
    text = GOOD.replace("newdoc id = a", "newdoc id = {}-1")
    for split in ("train", "dev", "test"):
        lines = text.format("reviews") + text.format("email")
        (tmp_path / "all" / f"xx-{split}.conllu").write_text(lines, encoding="utf8")
    code, printed = run(monkeypatch, "genre.py", tmp_path / "all", tmp_path / "out", "reviews")
    assert (code, printed.splitlines()[0]) == (0, "train: 1 of 2 documents")
    assert "reviews" not in (tmp_path / "out" / "xx-train.conllu").read_text(encoding="utf8")
    assert "email" not in (tmp_path / "out" / "xx-dev.conllu").read_text(encoding="utf8")


def test_sizes_of_the_tokenizers_cache_change_no_token(monkeypatch, tmp_path):
    lines = [json.dumps({"text": f"Ann sees dog {i}."}) for i in range(20)]
    (tmp_path / "raw.jsonl").write_text("\n".join(lines), encoding="utf8")
    code, printed = run(monkeypatch, "tokenizer.py", tmp_path / "raw.jsonl", "--sizes", 2, 100)
    assert code == 0
    assert printed.splitlines()[-1] == "the same tokens: True"


def test_calibration_beside_the_beams_of_stock_components(monkeypatch, teacher, corpus, tmp_path):
    transition_pipeline().to_disk(tmp_path / "stock")
    told = tmp_path / "told.json"
    arguments = (f"same={corpus}", "--stock", f"stock={tmp_path / 'stock'}", "--json", told)
    code, printed = run(monkeypatch, "calibration.py", teacher, corpus, *arguments)
    assert code == 0
    assert "same       stock      parser     beam" in printed
    results = json.loads(told.read_text())
    ours, beam = results["same"]["student"]["parser"], results["same"]["stock"]["parser"]
    of_dev = results["dev"]["components"]["parser"]["after"]
    assert ours["after"] == {name: of_dev[name] for name in ours["after"]}
    assert beam["n"] == ours["after"]["n"]
    assert 0 < beam["confidence"] < 1


def test_errors_by_words_with_and_without_a_vector(monkeypatch, teacher, corpus, tmp_path):
    vectors = spacy.blank("en")
    vectors.vocab.set_vector("Ann", numpy.ones(2, dtype="f"))
    vectors.to_disk(tmp_path / "vectors")
    code, printed = run(monkeypatch, "unseen.py", corpus, tmp_path / "vectors", teacher)
    assert code == 0
    counts = printed.splitlines()[-1].split()[-6:]
    assert int(counts[0]) + int(counts[3]) > int(counts[0]) > 0


@pytest.mark.parametrize("name", ["results.py", "ner_results.py", "cases.py", "stock.py"])
def test_a_table_of_missing_cells_is_left_as_it_is(monkeypatch, tmp_path, name):
    page = tmp_path / "page.md"
    tables = ("accuracy", "entities", "cases", "teach")
    text = "".join(f"<!-- {table} -->\nold\n<!-- end -->\n" for table in tables)
    page.write_text(text, encoding="utf8")
    (tmp_path / "work" / "cells").mkdir(parents=True)
    arguments = {
        "results.py": (tmp_path / "work", page),
        "ner_results.py": (page, f"A={tmp_path / 'work'}"),
        "cases.py": (tmp_path / "work", "table", page),
        "stock.py": ("table", page, tmp_path / "work"),
    }[name]
    code, _ = run(monkeypatch, name, *arguments)
    assert "missing: " in str(code)
    assert page.read_text(encoding="utf8").count("old") >= 3


def test_rules_are_timed_and_compared(monkeypatch, tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("attribute_ruler").add([[{"LOWER": "gave"}]], {"LEMMA": "give"})
    nlp.to_disk(tmp_path / "pipeline")
    (tmp_path / "raw.jsonl").write_text('{"text": "She gave him ten."}\n' * 30)
    few = ["--words", "40", "--turns", "2"]
    texts = tmp_path / "raw.jsonl"
    code, printed = run(monkeypatch, "rules.py", tmp_path / "pipeline", texts, *few)
    assert code == 0, code
    assert [line.split(" |")[0] for line in printed.splitlines()[2:]] == [
        "| attribute_ruler, first", "| together, first",
        "| attribute_ruler, later", "| together, later",
    ]  # fmt: skip


def test_calls_are_counted(monkeypatch):
    code, printed = run(monkeypatch, "calls.py", "--list")
    assert code == 0
    titles = [line for line in printed.splitlines() if not line.startswith(" ")]
    assert [title.partition(":")[0] for title in titles] == ["parser.update", "parser(doc)"]
    assert "  pipeline/" in printed


@pytest.mark.corpus
def test_two_checkouts_are_measured():
    few = ["--pairs", "1", "--words", "1000", "--steps", "2", "--taught", "2"]
    script = [sys.executable, str(FOLDER / "pairs.py")]
    both = ["--old", sys.executable, "--new", sys.executable]
    done = subprocess.run([*script, *both, *few], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["predict", "annotate", "step"] * 2
    assert all(0.2 < float(line.partition("median ")[2][:5]) < 5 for line in lines)


@pytest.mark.parametrize("system", ["as it is", "other rules"])
def test_memory_of_a_service(monkeypatch, tmp_path, system):
    nlp = spacy.blank("en")
    nlp.add_pipe("attribute_ruler").add([[{"LOWER": "go"}]], {"TAG": "GO"})
    nlp.to_disk(tmp_path / "stock")
    settings = ["--words", 400, "--zone", 100, "--points", 2, "--system", system]
    code, printed = run(monkeypatch, "memory.py", tmp_path / "stock", *settings)
    assert code == 0
    assert [json.loads(line)[0] for line in printed.splitlines()] == [200, 400]
