"""A student as the documented commands make it: `skd init` of a teacher, then `spacy train`."""

import json
from pathlib import Path
from typing import Any

import spacy
from conftest import make_docs
from spacy.cli.train import train
from spacy.tokens import DocBin
from typer.testing import CliRunner

from spacy_skd.cli import app

RAW = ["Ann sees the dogs . They sleep", "Go home", "The book !"]
FEW = {"training.max_steps": 4, "training.eval_frequency": 2}


def command(*arguments: Any) -> str:
    """Run `spacy skd ...`. RETURNS (str): what it prints."""
    found = CliRunner().invoke(app, ["skd", *map(str, arguments)])
    assert found.exit_code == 0, found.output
    return found.output


def with_rules(teacher: Path, folder: Path) -> Path:
    """A teacher that has components to be taken over, too."""
    nlp = spacy.load(teacher)
    nlp.add_pipe("attribute_ruler").add([[{"LOWER": "gave"}]], {"LEMMA": "give"})
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "BOOK", "pattern": "book"}])
    nlp.tokenizer.add_special_case("goblin", [{"ORTH": "gob"}, {"ORTH": "lin"}])
    nlp.to_disk(folder)
    return folder


def make_data(folder: Path) -> None:
    docs = make_docs(spacy.blank("en"))
    DocBin(docs=docs).to_disk(folder / "train.spacy")
    lines = (json.dumps({"text": text}) for text in RAW)
    (folder / "raw.jsonl").write_text("\n".join(lines), encoding="utf8")


def make_student(teacher: Path, folder: Path, *options: Any, **overrides: Any) -> Path:
    """Of a teacher and the data of `make_data`, in `folder`. RETURNS (Path): the trained one."""
    config, data = folder / "student.cfg", folder / "train.spacy"
    command("init", teacher, config, "--preset", "tiny", "--dev", data, *options)
    paths = {} if "--store" in options else {"paths.train": str(data)}
    if paths:
        paths["paths.raw"] = str(folder / "raw.jsonl")
    train(config, folder / "out", overrides={**paths, **FEW, **overrides})
    return folder / "out" / "model-last"
