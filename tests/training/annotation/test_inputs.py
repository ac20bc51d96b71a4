"""What is annotated, and what is rejected with its file, number and reason."""

import json
from pathlib import Path

import pytest
import spacy
from conftest import make_docs
from spacy.tokens import Doc, DocBin

from spacy_skd.training.annotation.inputs import MAX_LINE, Record, Unfit, find_inputs, read_inputs


def read(path, *, max_chars=10**6):
    return list(read_inputs(find_inputs([str(path)]), max_chars=max_chars))


def texts(items):
    return [(item.number, item.text) for item in items if isinstance(item, Record)]


def rejects(items):
    return {item.number: item.reason for item in items if isinstance(item, Unfit) and item.reason}


def test_text_and_jsonl(tmp_path):
    (tmp_path / "b.jsonl").write_text(
        '{"text": "x y", "meta": {"k": [1, null]}}\n\n{"text": " "}\n'
    )
    (tmp_path / "a.txt").write_bytes("\ufeffone two\r\n\nthree\u2028more".encode())
    items = read(tmp_path)
    assert texts(items) == [(1, "one two"), (3, "three\u2028more"), (1, "x y")]
    assert items[-3].meta == {"k": [1, None]}
    assert rejects(items) == {}
    assert items[2].end == (tmp_path / "a.txt").stat().st_size
    assert items[0].n_words == 2


def test_every_kind_of_bad_line(tmp_path):
    lines = [
        b'{"text": "good"}',
        b"{",
        b'{"x": 1}',
        b'["text"]',
        b'{"text": 1}',
        b'{"text": "x", "meta": 3}',
        b'{"text": "\xff"}',
        b'{"text": "\\ud800"}',
        b'{"text": "x", "meta": {"n": 9007199254740993, "a": [1, {"b": 18446744073709551616}]}}',
        b"[" * 100_000,
        b'{"text": "long long"}',
        b'{"text": "a\0b"}',
        b'{"text": "good"}',
    ]
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(lines))
    items = read(tmp_path, max_chars=5)
    assert texts(items) == [(1, "good"), (13, "good")]
    found = rejects(items)
    assert sorted(found) == list(range(2, 13))
    for number, said in {
        2: "not valid JSON", 3: 'no "text"', 4: "found list", 5: "to be a string",
        6: "to be an object", 7: "not UTF-8: the byte 0xff", 8: "cannot be stored",
        9: 'cannot be stored: meta["a"][1]["b"] is an integer of more than 64 bits',
        10: "not valid JSON", 11: "9 characters, more than", 12: "a byte 0",
    }.items():  # fmt: skip
        assert said in found[number]


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b""])
def test_a_line_of_ten_megabytes_is_read_and_a_longer_one_is_not(tmp_path, ending):
    path = tmp_path / "a.txt"
    path.write_bytes(
        b"x" * MAX_LINE
        + b"\n"
        + b"y" * (MAX_LINE + 1)
        + b"\nshort\n"
        + b"z" * MAX_LINE * 2
        + ending
    )
    items = read(path, max_chars=MAX_LINE)
    assert [(number, len(text)) for number, text in texts(items)] == [(1, MAX_LINE), (3, 5)]
    assert rejects(items) == dict.fromkeys((2, 4), f"the line is longer than {MAX_LINE} bytes")


def test_docs_are_gold_if_they_have_any_annotation(tmp_path):
    nlp = spacy.blank("en")
    plain, empty, ents = (
        Doc(nlp.vocab, ["a", "b"]),
        Doc(nlp.vocab),
        Doc(nlp.vocab, ["a"], ents=["O"]),
    )
    DocBin(docs=[*make_docs(nlp), plain, empty, ents]).to_disk(tmp_path / "a.spacy")
    items = read(tmp_path)
    assert [item.is_gold for item in items if isinstance(item, Record)] == [True] * 6 + [
        False,
        True,
    ]
    assert [item.number for item in items if isinstance(item, Unfit)] == [8]
    assert items[-1].end == (tmp_path / "a.spacy").stat().st_size


def test_files_globs_and_folders_each_file_once(tmp_path):
    for name in ("b.txt", "a.jsonl", "sub/c.txt", "d.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(json.dumps({"text": name}))

    def names(*patterns):
        return [path.name for path in find_inputs([str(tmp_path / p) for p in patterns])]

    assert names("") == ["a.jsonl", "b.txt", "c.txt"]
    assert names("*.txt") == ["b.txt"]
    assert names("**/*.txt", "") == ["b.txt", "c.txt", "a.jsonl"]


def test_a_file_that_turns_binary_late_loses_those_lines_alone(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"text\n" * 5000 + bytes(range(256)) + b"\ntext")
    items = read(tmp_path)
    assert len(texts(items)) == 5001
    assert sorted(rejects(items)) == [5001, 5002]


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="a file that no user may read")
def test_a_file_that_is_not_readable(tmp_path):
    (tmp_path / "a.txt").symlink_to("/proc/self/mem")
    with pytest.raises(ValueError, match=r"a.txt: cannot be read \(Input/output error\)"):
        read(tmp_path / "a.txt")


def test_a_file_of_docs_without_their_strings(tmp_path):
    nlp = spacy.blank("en")
    bin_ = DocBin(docs=[nlp("some words")])
    bin_.strings = set()
    bin_.to_disk(tmp_path / "a.spacy")
    with pytest.raises(ValueError, match=r"a.spacy: expected docs as spaCy's DocBin .*E018"):
        read(tmp_path / "a.spacy")


def test_input_that_cannot_be_read_is_an_error_that_names_it(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"text\0\1\2")
    (tmp_path / "b.md").write_text("text")
    (tmp_path / "c.spacy").write_bytes(b"no docs")
    (tmp_path / "empty").mkdir()
    for name, said in {
        "a.txt": "a.txt: expected text, found a binary file",
        "b.md": "found the suffix '.md'",
        "c.spacy": "c.spacy: expected docs as spaCy's DocBin",
        "*.nothing": "no file matches",
    }.items():
        with pytest.raises(ValueError, match=said):
            read(tmp_path / name)
    for name, said in {
        "gone.txt": "no such file",
        "empty": "holds no .jsonl, .txt or .spacy",
    }.items():
        with pytest.raises(FileNotFoundError, match=f"{name}: .*{said}"):
            read(tmp_path / name)
