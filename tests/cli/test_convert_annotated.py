"""`convert` of what annotators have."""

import json

import pytest
import spacy
import typer
from spacy.tokens import DocBin, Span
from treebanks import GOOD
from typer.testing import CliRunner

from spacy_skd.cli.convert import convert_cli
from spacy_skd.training.conversion.convert import convert

TEXTS = {
    "train": "Ann Lee met Bob in Paris.",
    "dev": "Carl Ray was in Rome on Monday.",
    "test": "Nobody goes to Oslo these days.",
}
IOB = {
    split: "".join(f"{word}\tNN\tO\n" for word in text.rstrip(".").split())
    for split, text in TEXTS.items()
}


def span_of(text, words, label):
    start = text.index(words)
    return [start, start + len(words), label]


def record(split, **settings):
    text = TEXTS[split]
    words = {"train": "Ann Lee", "dev": "Carl Ray", "test": "Oslo"}[split]
    return {"text": text, "entities": [span_of(text, words, "NAME")], **settings}


@pytest.fixture
def files(tmp_path):
    for split in TEXTS:
        write(tmp_path / f"{split}.jsonl", record(split))
    return tmp_path


def write(path, *records):
    path.write_text("".join(json.dumps(one) + "\n" for one in records), encoding="utf8")


def run(files, *, suffix="jsonl", **settings):
    splits = [files / f"{split}.{suffix}" for split in TEXTS]
    return convert(*splits, files / "out", **settings)


def docs_of(files, split="train"):
    bin_ = DocBin().from_disk(files / "out" / f"{split}.spacy")
    return list(bin_.get_docs(spacy.blank("en").vocab))


def test_entities_of_jsonl(files):
    counts = run(files)
    assert (counts.train.documents, counts.train.docs, counts.train.words) == (1, 1, 7)
    for split, entity in (("train", "Ann Lee"), ("dev", "Carl Ray"), ("test", "Oslo")):
        (doc,) = docs_of(files, split)
        assert doc.text == TEXTS[split]
        assert [(e.text, e.label_) for e in doc.ents] == [(entity, "NAME")]
        assert not doc.has_annotation("DEP")


def test_what_was_refused_and_what_is_odd_is_counted(files):
    text = "Dan saw Eve at the big station there."
    binary = {"text": text, "spans": [{"start": 0, "end": 3, "label": "NAME"}], "_is_binary": True}
    more = [
        record("train", answer="reject"),
        {"text": "Frank is away on a trip today.", "entities": [[0, 4, "NAME"]]},
        {"text": "Greg Hall is away on one more trip.", "label": [[0, 4, "A"], [0, 9, "B"]]},
        {**binary, "answer": "reject"},
        {"text": "Helen is not here at the moment.", "cats": {}},
        {"text": "Ignored for now.", "entities": [], "answer": "ignore"},
    ]
    write(files / "train.jsonl", record("train"), *more)
    counts = run(files)
    found = json.loads((files / "out" / "convert.json").read_text())["train"]
    assert found["answers"] == counts.train.answers == {"rejected": 2, "ignored": 1}
    assert (found["misaligned"], found["overlapping"], found["negative"]) == (1, 1, 1)
    assert (found["without_spans"], found["docs"], found["unfit"]) == (1, 4, 0)
    docs = docs_of(files)
    assert [[e.label_ for e in doc.ents] for doc in docs] == [["NAME"], [], ["B"], []]
    assert [token.ent_iob_ for token in docs[1]][:2] == ["", "O"]
    assert [(s.text, s.label_) for s in docs[3].spans["incorrect_spans"]] == [("Dan", "NAME")]


def test_annotation_that_is_not_read_is_told(files):
    doc = spacy.blank("en")("Jo likes Ulm and Ely a lot.")
    doc.set_ents([doc.char_span(0, 2, label="NAME")])
    doc.spans["a"] = [Span(doc, 2, 3, "SEEN"), Span(doc, 4, 5, "SEEN")]
    doc.spans["b"] = [Span(doc, 0, 1, "SEEN")]
    for token in doc:
        token.tag_ = "X"
    write(files / "train.jsonl", doc.to_json())
    arguments = [str(files / name) for name in ("train.jsonl", "dev.jsonl", "test.jsonl", "out")]
    app = typer.Typer()
    app.command()(convert_cli)
    for more, ents, groups, n in (([], ["Jo"], {}, 3), (["--spans-key", "a"], [], {"a": 2}, 2)):
        found = CliRunner().invoke(app, [*arguments, *more, "--overwrite"])
        said = " ".join(found.output.split())
        assert f"train: {n} spans are not read" in said, said
        assert "train: the tokens of 1 records have tags" in said, said
        (doc,) = docs_of(files)
        assert [ent.text for ent in doc.ents] == ents
        assert {key: len(spans) for key, spans in doc.spans.items()} == groups


def test_texts_that_stand_in_dev_or_test_are_left_out(files):
    write(files / "train.jsonl", record("train"), record("dev"), record("test", meta={"a": 1}))
    counts = run(files)
    assert counts.train.left_out == {"copy": 2, "overlap": 0}
    assert [doc.text for doc in docs_of(files)] == [TEXTS["train"]]


def test_spans_of_a_group(files):
    text = TEXTS["train"]
    spans = [span_of(text, "Ann Lee", "NAME"), span_of(text, "Ann", "FIRST")]
    write(files / "train.jsonl", {"text": text, "spans": [{"start": s, "end": e, "label": label}
                                                          for s, e, label in spans]})  # fmt: skip
    counts = run(files, spans_key="sc")
    (doc,) = docs_of(files)
    assert [span.text for span in doc.spans["sc"]] == ["Ann Lee", "Ann"]
    assert not doc.has_annotation("ENT_IOB")
    assert not counts.train.overlapping


@pytest.mark.parametrize("suffix", ["conll", "iob", "tsv", "txt"])
def test_iob(files, suffix):
    start = "-DOCSTART-\tO\n\n"
    for split, text in IOB.items():
        text = text.replace("Paris\tNN\tO", "Paris\tNN\tB-LOC")
        (files / f"{split}.{suffix}").write_text(f"{start}{text}\n{text.upper()}\n{start}Go\tO\n")
    counts = run(files, suffix=suffix, min_overlap=50)
    assert (counts.train.documents, counts.train.docs, counts.train.sentences) == (2, 1, 2)
    assert counts.train.left_out == {"copy": 1, "overlap": 0}  # "Go"
    (doc,) = docs_of(files)
    assert [e.text for e in doc.ents] == ["Paris", "PARIS"]
    assert [token.tag_ for token in doc] == ["NN"] * len(doc)
    assert [token.i for token in doc if token.is_sent_start] == [0, 6]
    assert doc.has_unknown_spaces
    one = run(files, suffix=suffix, min_overlap=50, sentences_per_doc=1, overwrite=True)
    assert one.train.docs == 2


def test_formats_may_differ(files):
    (files / "dev.jsonl").rename(files / "dev.json")
    (files / "test.conllu").write_text(GOOD, encoding="utf8")
    counts = convert(
        *(files / f for f in ("train.jsonl", "dev.json", "test.conllu")), files / "out"
    )
    assert counts.train.docs == counts.dev.docs == 1
    assert counts.test.sentences == 2
    assert docs_of(files, "test")[0].has_annotation("DEP")


def main(files, *options):
    app = typer.Typer()
    app.command()(convert_cli)
    splits = [str(files / f"{split}.jsonl") for split in TEXTS]
    return CliRunner().invoke(app, [*splits, str(files / "out"), *options])


def test_lines_that_are_malformed_are_set_aside(files):
    path = files / "train.jsonl"
    path.write_text(path.read_text() + '{"text": "a", "entities": [[0, 5, "A"]]}\n{\n')
    result = main(files)
    assert result.exit_code == 3, result.output
    rejects = [json.loads(line) for line in (files / "out" / "rejects.jsonl").open()]
    assert [(one["file"], one["number"]) for one in rejects] == [(str(path), 2), (str(path), 3)]
    assert len(docs_of(files)) == 1
    assert main(files, "--overwrite", "--accept-rejects").exit_code == 0


def test_the_command_says_what_was_left_out(files):
    more = {"text": "Frank is away.", "entities": [[0, 4, "NAME"]]}
    write(files / "train.jsonl", record("train"), more, record("train", answer="reject"))
    result = main(files)
    assert result.exit_code == 0
    output = " ".join(result.output.split())
    assert "train: records that annotators refused are not learnt as they are: 1 rejected" in output
    assert "train: 1 spans begin or end within a token" in output
    assert "their tokens are unknown" in output
    as_spans = " ".join(main(files, "--overwrite", "--spans-key", "sc").output.split())
    assert "1 spans begin or end within a token" in as_spans
    assert "they are left out" in as_spans
    assert "unknown" not in as_spans


def test_categories(files):
    texts = [{"text": "It is so cheap today.", "cats": {"SPAM": 1, "WORK": 1, "HOME": 0}},
             {"text": "Malformed.", "cats": {"SPAM": "yes"}}]  # fmt: skip
    write(files / "train.jsonl", record("train"), record("dev", cats={"SPAM": 0.0}), *texts)
    write(files / "dev.jsonl", {"text": "Win at last!", "cats": {"SPAM": 1.0}})
    result = main(files)
    assert result.exit_code == 3, result.output
    output = " ".join(result.output.split())
    assert "train: 2 of 3 texts have no categories" not in output
    assert "train: 1 of 3 texts have no categories: they are unknown" in output
    assert "train: 1 texts have several categories at once" in output
    assert "exclusive = false" in output
    assert "dev: " not in output
    spam = {"SPAM": 1.0, "WORK": 1.0, "HOME": 0.0}
    assert [doc.cats for doc in docs_of(files)] == [{}, {"SPAM": 0.0}, spam]
    assert [len(doc.ents) for doc in docs_of(files)] == [1, 1, 0]
    assert docs_of(files, "dev")[0].cats == {"SPAM": 1.0}


def test_nothing_to_learn_is_an_error(files):
    write(files / "dev.jsonl", record("dev", answer="reject"), {"text": "a"})
    result = main(files)
    assert result.exit_code == 1
    assert "found none (1 rejected, 1 without_spans)" in " ".join(result.output.split())
    assert not (files / "out").exists()
