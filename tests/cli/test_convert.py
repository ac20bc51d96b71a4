import json
from pathlib import Path

import pytest
import spacy
from illegal import told
from spacy.tokens import DocBin
from treebanks import GOOD
from typer.testing import CliRunner

from spacy_skd.cli import skd
from spacy_skd.training.conversion.conllu import read_conllu
from spacy_skd.training.conversion.convert import convert

EWT = Path(__file__).parents[3] / "shared" / "data" / "UD_English-EWT"


@pytest.fixture
def files(tmp_path):
    for split, verb in (("train", "Go"), ("dev", "Run"), ("test", "Walk")):
        (tmp_path / f"{split}.conllu").write_text(GOOD.replace("Go", verb), encoding="utf8")
    (tmp_path / "raw.txt").write_text("Walk home !\nSomething new\n", encoding="utf8")
    return tmp_path


def run(files, **settings):
    splits = [files / f"{split}.conllu" for split in ("train", "dev", "test")]
    return convert(*splits, files / "out", raw=[files / "raw.txt"], lang="en", **settings)


def test_round_trip_without_what_leaks(files):
    counts = run(files)
    assert counts.train.left_out == {"copy": 1, "overlap": 0}  # "de le" stands in dev
    assert counts.raw.texts == 1
    assert counts.raw.left_out["copy"] == 1
    vocab = spacy.blank("en").vocab
    (doc,) = DocBin().from_disk(files / "out" / "dev.spacy").get_docs(vocab)
    first, _ = read_conllu(files / "dev.conllu")
    n = len(first.words)
    assert [t.text for t in doc][:n] == first.words
    assert [t.head.i for t in doc][:n] == first.heads
    assert [t.tag_ for t in doc][:n] == first.tags
    assert [t.pos_ for t in doc][:n] == first.pos
    assert [t.is_sent_start for t in doc] == [True, False, False, True, False]


def test_nothing_is_written_on_an_error(files):
    (files / "test.conllu").write_text(GOOD.replace("\t1\tadvmod", "\t9\tadvmod"))
    with pytest.raises(ValueError, match="test.conllu, line 4"):
        run(files)
    assert not (files / "out").exists()


def test_a_folder_that_is_not_empty_is_kept(files):
    (files / "out").mkdir()
    (files / "out" / "mine").write_text("keep")
    with pytest.raises(FileExistsError, match="not empty"):
        run(files)
    assert [p.name for p in (files / "out").iterdir()] == ["mine"]
    with pytest.raises(FileExistsError, match="mine was not written by `spacy skd convert`"):
        run(files, overwrite=True)
    assert (files / "out" / "mine").read_text() == "keep"


def test_illegal_entities_are_repaired_counted_and_told(files, log):
    text = GOOD.replace("Go", "Run").replace("NE=U-ORG", "NE=I-ORG")
    (files / "dev.conllu").write_text(text, encoding="utf8")
    counts = run(files)
    found = json.loads((files / "out" / "convert.json").read_text())
    assert [found[split]["repaired_entities"] for split in ("train", "dev", "test")] == [0, 1, 0]
    assert counts.dev.repaired_entities == 1
    assert told(log, where=files / "dev.conllu", n=1)
    docs = DocBin().from_disk(files / "out" / "dev.spacy").get_docs(spacy.blank("en").vocab)
    assert [(e.text, e.label_) for doc in docs for e in doc.ents] == [("le", "ORG")]


def command(files, *options, raw=None):
    """Exit code and what was said, without line breaks."""
    splits = [str(files / f"{split}.conllu") for split in ("train", "dev", "test")]
    raw = ["--raw", str(raw)] if raw else []
    found = CliRunner().invoke(skd, ["convert", *splits, str(files / "out"), *raw, *options])
    return found.exit_code, " ".join(found.output.split())


RECORDS = """{"text": "Nice boat", "meta": {"id": 123456789012345678901234567890, "p": 1e-12}}
{"n": -0, "text": "Two \\u2028 boats", "a": [1E5, 1e400, 0.10000000000000000001], "a": "\\ud800"}
"""


def test_json_comes_out_as_it_went_in(files):
    (files / "raw.jsonl").write_text("\ufeff" + RECORDS, encoding="utf8")
    assert command(files, raw=files / "raw.jsonl")[0] == 0
    assert (files / "out" / "raw.jsonl").read_text(encoding="utf8") == RECORDS


def test_what_json_cannot_hold_is_null_and_counted(files):
    line = '{"text": "NaN: \\"Infinity", "meta": {"a": NaN, "b": [-Infinity, 1000000000000.0]}}'
    (files / "raw.jsonl").write_text(line + '\n{"text": "Two boats"}\n')
    code, said = command(files, raw=files / "raw.jsonl")
    assert code == 0
    assert "2 values that JSON cannot hold (NaN, Infinity) came out as null" in said
    first = (files / "out" / "raw.jsonl").read_text().splitlines()[0]
    expected = line.replace('a": NaN', 'a": null').replace("-Infinity", "null")
    assert first == expected
    assert json.loads((files / "out" / "convert.json").read_text())["raw"]["nulls"] == 2


def test_unfit_lines_are_set_aside_with_number_and_reason(files):
    lines = [b'{"text": "good one"}', b"{", b'{"text": "\xff"}', b'{"text": "\\ud800"}', b"",
             b'{"text": "x", "meta": [%s]}' % (b"9" * 5000), b'{"text": "good two"}']  # fmt: skip
    (files / "raw.jsonl").write_bytes(b"\n".join(lines))
    code, said = command(files, raw=files / "raw.jsonl")
    assert code == 3
    assert "4 lines are unfit, see" in said
    rejects = (files / "out" / "rejects.jsonl").read_text().splitlines()
    assert [json.loads(line)["number"] for line in rejects] == [2, 3, 4, 6]
    reasons = [json.loads(line)["reason"] for line in rejects]
    for reason, expected in zip(reasons, ("not valid JSON", "0xff", "cannot be stored", "5000")):
        assert expected in reason
    counts = json.loads((files / "out" / "convert.json").read_text())["raw"]
    assert (counts["texts"], counts["rejected"], counts["blank"]) == (2, 4, 1)
    assert command(files, "--overwrite", "--accept-rejects", raw=files / "raw.jsonl")[0] == 0
    (files / "raw.jsonl").write_bytes(lines[0])
    assert command(files, "--overwrite", raw=files / "raw.jsonl")[0] == 0
    assert not (files / "out" / "rejects.jsonl").exists()


def test_raw_text_without_a_fit_line_is_an_error(files):
    (files / "raw.jsonl").write_text("{\n{\n")
    code, said = command(files, raw=files / "raw.jsonl")
    assert code == 1
    assert "found 2 unfit lines and no other" in said
    assert not (files / "out").exists()


def test_lines_of_an_old_mac(files):
    for file in files.iterdir():
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r"))
    counts = run(files)
    assert (counts.dev.sentences, counts.raw.texts, counts.raw.left_out["copy"]) == (2, 1, 1)


def test_multiword_tokens_are_merged_on_demand(files):
    code, said = command(files, "--lang", "fr")
    assert code == 0
    assert "dev: the words of 1 multiword tokens do not spell their surface form" in said
    assert "dev: the tokenizer of the language does not make 2 of 5 tokens (40.0 %)" in said
    code, said = command(files, "--lang", "fr", "--merge-subtokens", "--overwrite")
    assert code == 0
    assert "multiword tokens" not in said
    assert "the tokenizer" not in said
    counts = json.loads((files / "out" / "convert.json").read_text())["dev"]
    assert (counts["multiwords"], counts["merged"], counts["unspelled"]) == (1, 1, 0)
    (doc,) = DocBin().from_disk(files / "out" / "dev.spacy").get_docs(spacy.blank("fr").vocab)
    assert doc.text == "Run home! du "


def test_what_is_not_read_is_told(files):
    text = GOOD.replace("Go", "Run").replace("NE=U-ORG", "Entity=(org-1)")
    text = text.replace("# text = Run home!", "# text = Ran home!").replace("Mood=Imp", "NE=B-X")
    (files / "dev.conllu").write_text(text)
    code, said = command(files)
    assert code == 0
    assert "dev: 1 values of MISC under Entity look like entities and are not read" in said
    assert "dev: 1 values of FEATS under NE look like entities and are not read" in said
    assert "dev: the words of 1 sentences do not spell their `# text`" in said


def test_the_spaces_of_text_count(files):
    text = GOOD.replace("Go", "Run").replace("\tSpaceAfter=No", "\t_")
    (files / "dev.conllu").write_text(text)
    assert run(files).dev.texts_differ == 0
    first, _ = read_conllu(files / "dev.conllu")
    assert first.spaces == [True, False, True]


def test_leaks_are_found_in_the_real_text(files):
    (files / "train.conllu").write_text(GOOD.split("\n\n")[0].replace("Go", "Stay") + "\n")
    (files / "raw.txt").write_text("du\nde le\nSomething new\n")
    assert run(files).raw.left_out == {"copy": 1, "overlap": 0}


def test_words_that_are_withheld(files):
    lines = (files / "test.conllu").read_text().splitlines()
    columns = [line.split("\t") for line in lines]
    hidden = ["\t".join([c[0], "_", *c[2:]]) if len(c) > 1 else c[0] for c in columns]
    (files / "test.conllu").write_text("\n".join(hidden) + "\n")
    code, said = command(files)
    assert code == 1
    assert "the treebank is distributed without its text" in said
    assert not (files / "out").exists()


@pytest.mark.corpus
def test_ewt(tmp_path):
    paths = [EWT / f"en_ewt-ud-{split}.conllu" for split in ("train", "dev", "test")]
    counts = convert(*paths, tmp_path / "out")
    left_out = sum(counts.train.left_out.values())
    assert left_out > 0
    assert counts.train.sentences + left_out == 12_544
    assert (counts.dev.sentences, counts.dev.words) == (2_001, 25_147)
    assert (counts.test.sentences, counts.test.words) == (2_077, 25_094)
    assert (counts.train.documents, counts.dev.documents, counts.test.documents) == (540, 318, 316)
    merged = convert(*paths, tmp_path / "merged", merge_subtokens=True)
    assert (merged.train.multiwords, merged.train.merged) == (2_608, 192)


def test_streams_are_refused_by_name_and_hidden_raw_text_is_left_out(files):
    splits = [files / f"{split}.conllu" for split in ("train", "dev", "test")]
    for name in ("-", "/dev/stdin", "/dev/fd/63"):
        with pytest.raises(ValueError, match=f"{name}: .*found a stream"):
            convert(Path(name), *splits[1:], files / "out")
        with pytest.raises(ValueError, match=f"{name}: .*found a stream"):
            convert(*splits, files / "out", raw=[Path(name)])
    raw = files / "raw"
    (raw / ".ipynb_checkpoints").mkdir(parents=True)
    (raw / ".ipynb_checkpoints" / "a-checkpoint.jsonl").write_text('{"text": "Old"}')
    (raw / "._A.JSONL").write_bytes(b"\0\5\x16\7")
    (raw / "A.JSONL").write_text('{"text": "Something new"}')
    (raw / "b.jsonl").symlink_to("A.JSONL")
    assert convert(*splits, files / "out", raw=[raw, raw / "A.JSONL"]).raw.texts == 1
