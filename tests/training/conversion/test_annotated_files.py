"""Files of JSON with offsets, and of IOB, as Docs."""

import json

import pytest
import spacy
from spacy.training.converters import conll_ner_to_docs, iob_to_docs

from spacy_skd.training.conversion.annotated import NEGATIVE_KEY, join_annotated
from spacy_skd.training.conversion.annotated_files import (
    is_iob,
    is_json,
    read_iob_file,
    read_offset_file,
)
from spacy_skd.training.conversion.gold_files import read_gold

TEXT = "Ann Lee saw Bob in New York."
PER = [0, 7, "PER"]


@pytest.fixture(scope="module")
def nlp():
    return spacy.blank("en")


def entities(doc):
    return [(ent.text, ent.label_) for ent in doc.ents]


def tags(doc):
    return [f"{token.ent_iob_}-{token.ent_type_}".strip("-") for token in doc]


def read(nlp, tmp_path, *records, name="gold.jsonl", **settings):
    path = tmp_path / name
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf8")
    return read_offset_file(path, nlp, **settings)


def prodigy(answer="accept", **settings):
    spans = [{"start": 0, "end": 7, "label": "PER"}]
    return {"text": TEXT, "spans": spans, "answer": answer, **settings}


def test_entities_of_a_text(nlp, tmp_path):
    found = read(nlp, tmp_path, {"text": TEXT, "entities": [PER, [19, 27, "LOC"]]})
    (text,) = found.sentences
    assert entities(text.doc) == [("Ann Lee", "PER"), ("New York", "LOC")]
    assert text.doc.text == text.text == TEXT
    assert [token.ent_iob_ for token in text.doc] == ["B", "I", "O", "O", "O", "B", "I", "O"]
    assert not text.doc.has_annotation("TAG")
    assert not text.doc.has_annotation("SENT_START")


def test_answers_are_counted(nlp, tmp_path):
    answers = [prodigy(answer) for answer in ("reject", "accept", "ignore", "reject")]
    found = read(nlp, tmp_path, *answers, {"text": "a"})
    assert found.left_out == {"rejected": 2, "ignored": 1, "without_spans": 1}
    assert [entities(text.doc) for text in found.sentences] == [[("Ann Lee", "PER")]]
    assert found.sentences[0].line == 2


def test_single_decisions_say_nothing_of_the_rest(nlp, tmp_path):
    answers = [prodigy(answer, _is_binary=True) for answer in ("accept", "reject")]
    found = read(nlp, tmp_path, *answers)
    accepted, rejected = found.sentences
    assert tags(accepted.doc) == ["B-PER", "I-PER", "", "", "", "", "", ""]
    assert tags(rejected.doc) == [""] * 8
    (negative,) = rejected.doc.spans[NEGATIVE_KEY]
    assert (negative.text, negative.label_) == ("Ann Lee", "PER")
    assert rejected.n_negative == 1
    assert found.left_out["rejected"] == 1


def test_misaligned_spans_are_counted_and_their_tokens_unknown(nlp, tmp_path):
    found = read(nlp, tmp_path, {"text": TEXT, "entities": [[0, 6, "PER"], [12, 15, "PER"]]})
    (text,) = found.sentences
    assert text.n_misaligned == 1
    assert tags(text.doc) == ["", "", "O", "B-PER", "O", "O", "O", "O"]


def cats_of(found):
    return {text.doc.text: text.doc.cats for text in found.sentences}


def test_categories_of_one_text_are_put_together(nlp, tmp_path):
    """Decisions about each label, by several annotators."""
    decisions = [("a", "A", "accept"), ("a", "B", "reject"), ("b", "A", "accept"),
                 ("b", "A", "reject"), ("b", "B", "accept"), ("b", "B", "accept"),
                 ("b", "B", "reject"), ("c", "A", "ignore")]  # fmt: skip
    records = [{"text": text, "label": label, "answer": answer, "_is_binary": True}
               for text, label, answer in decisions]  # fmt: skip
    found = read(nlp, tmp_path, *records, {"text": "d"}, {"text": "a b", "entities": []})
    assert cats_of(found) == {"a": {"A": 1.0, "B": 0.0}, "b": {"B": 1.0}, "a b": {}}
    assert found.left_out == {"rejected": 3, "ignored": 1, "without_spans": 1}
    assert [text.doc.has_annotation("ENT_IOB") for text in found.sentences] == [False, False, True]
    found = read(nlp, tmp_path, *records[:2], {"text": "a", "cats": {"A": 0.5}})
    assert cats_of(found) == {"a": {"A": 0.75, "B": 0.0}}


def test_records_of_spans_and_of_categories_make_one_doc(nlp, tmp_path):
    decision = {"text": TEXT, "label": "A", "answer": "accept"}
    found = read(nlp, tmp_path, decision, {"text": TEXT, "entities": [PER]}, decision)
    (text,) = found.sentences
    assert (entities(text.doc), text.doc.cats) == ([("Ann Lee", "PER")], {"A": 1.0})


def test_lists_of_labels_are_complete(nlp, tmp_path):
    records = [{"text": "a", "label": ["A"]}, {"text": "b", "label": []}]
    found = read(nlp, tmp_path, *records, {"text": "c", "label": ["B", "A"]}, {"text": "d"})
    both = {"A": 1.0, "B": 1.0}
    assert cats_of(found) == {"a": {"A": 1.0, "B": 0.0}, "b": {"A": 0.0, "B": 0.0}, "c": both}
    assert not any(text.doc.has_annotation("ENT_IOB") for text in found.sentences)
    found = read(nlp, tmp_path, {"text": "a", "label": [[0, 1, "A"]]}, {"text": "b", "label": []})
    assert [tags(text.doc) for text in found.sentences] == [["B-A"], ["O"]]


@pytest.mark.parametrize("span", [[0, 8, "PER"], [0, 7, "PER"]])
def test_spaces_at_the_ends_of_a_span_are_no_part_of_it(nlp, tmp_path, span):
    (text,) = read(nlp, tmp_path, {"text": TEXT, "entities": [span, span]}).sentences
    assert entities(text.doc) == [("Ann Lee", "PER")]
    assert not text.n_misaligned
    assert not text.n_overlapping


def test_a_span_of_spaces_alone_is_misaligned(nlp, tmp_path):
    (text,) = read(nlp, tmp_path, {"text": "a  b", "entities": [[1, 3, "PER"]]}).sentences
    assert text.n_misaligned == 1
    assert entities(text.doc) == []


def test_overlapping_spans(nlp, tmp_path):
    spans = [PER, [4, 11, "ACT"], [0, 3, "NAME"]]
    (text,) = read(nlp, tmp_path, {"text": TEXT, "entities": spans}).sentences
    assert entities(text.doc) == [("Ann Lee", "PER")]
    assert text.n_overlapping == 2
    assert tags(text.doc)[2:4] == ["", "O"]  # of the span that is left out
    (text,) = read(nlp, tmp_path, {"text": TEXT, "entities": spans}, spans_key="sc").sentences
    assert sorted(s.text for s in text.doc.spans["sc"]) == ["Ann", "Ann Lee", "Lee saw"]
    assert not text.n_overlapping
    assert tags(text.doc) == [""] * 8


def test_a_group_cannot_be_known_in_part(nlp, tmp_path):
    records = [prodigy(_is_binary=True), prodigy("reject", _is_binary=True)]
    found = read(nlp, tmp_path, *records, spans_key="sc")
    (text,) = found.sentences
    assert found.left_out == {"rejected": 1, "ignored": 0, "without_spans": 1}
    assert set(text.doc.spans) == {NEGATIVE_KEY}


def test_lines_that_are_malformed_are_set_aside(nlp, tmp_path):
    path = tmp_path / "gold.jsonl"
    good = json.dumps({"text": TEXT, "entities": []}).encode()
    path.write_bytes(
        b"\n".join([b'{"text": ', good, b"\xff", b"", b'{"text": "a", "entities": [[0]]}'])
    )
    found = read_offset_file(path, nlp)
    assert [unfit.number for unfit in found.unfit] == [1, 3, 5]
    assert [text.line for text in found.sentences] == [2]
    assert "not valid JSON" in found.unfit[0].reason
    assert "not UTF-8" in found.unfit[1].reason


def test_a_file_of_nothing_but_malformed_lines_is_an_error(nlp, tmp_path):
    with pytest.raises(ValueError, match=r"gold\.jsonl, line 1: expected a span like"):
        read(nlp, tmp_path, {"text": TEXT, "entities": [[0]]})
    with pytest.raises(ValueError, match="texts with spans or categories, found none .1 without"):
        read(nlp, tmp_path, {"text": TEXT})


@pytest.mark.parametrize("indent", [None, 2])
def test_a_file_of_one_json_array(nlp, tmp_path, indent):
    records = [{"text": TEXT, "label": [PER]}, [TEXT, {"entities": []}]]
    path = tmp_path / "gold.json"
    path.write_text(json.dumps(records, indent=indent))
    assert is_json(path)
    assert [len(text.doc.ents) for text in read_offset_file(path, nlp).sentences] == [1, 0]


def test_pairs_a_line(nlp, tmp_path):
    found = read(nlp, tmp_path, [TEXT, {"entities": [PER]}], ["Go", {"entities": []}])
    assert [len(text.doc.ents) for text in found.sentences] == [1, 0]
    (found,) = read(nlp, tmp_path, [TEXT, {"entities": [PER]}]).sentences
    assert entities(found.doc) == [("Ann Lee", "PER")]


CONLL = """-DOCSTART- -X- -X- O

Ann NNP I-NP I-PER
Lee NNP I-NP I-PER
saw VBD I-VP O
Bob NNP I-NP I-PER

-DOCSTART- -X- -X- O

New NNP I-NP B-LOC
York NNP I-NP I-LOC
Paris NNP I-NP B-LOC
"""


def write(tmp_path, text, name="gold.conll"):
    (tmp_path / name).write_text(text, encoding="utf8")
    return tmp_path / name


def test_conll_2003(nlp, tmp_path):
    found = read_iob_file(write(tmp_path, CONLL), nlp)
    assert [(text.document, text.line) for text in found.sentences] == [(1, 3), (2, 10)]
    one, two = (text.doc for text in found.sentences)
    assert entities(one) == [("Ann Lee", "PER"), ("Bob", "PER")]
    assert entities(two) == [("New York", "LOC"), ("Paris", "LOC")]
    assert [token.tag_ for token in one] == ["NNP", "NNP", "VBD", "NNP"]
    assert [token.is_sent_start for token in one] == [True, False, False, False]
    assert one.has_unknown_spaces


def test_it_is_what_spacys_converters_read(nlp, tmp_path):
    text = CONLL.replace("-X- -X- O", "-X- O O")
    theirs = list(conll_ner_to_docs(text, n_sents=0, no_print=True))
    ours = [text.doc for text in read_iob_file(write(tmp_path, text), nlp).sentences]
    lines = "Ann|NNP|I-PER Lee|NNP|I-PER saw|VBD|O\nNew|NNP|B-LOC York|NNP|I-LOC .|.|O\n"
    theirs += iob_to_docs(lines.rstrip(), n_sents=1, no_print=True)
    ours += [text.doc for text in read_iob_file(write(tmp_path, lines, "gold.iob"), nlp).sentences]
    assert len(ours) == len(theirs) == 4
    for mine, other in zip(ours, theirs):
        for attribute in ("text", "tag_", "ent_iob_", "ent_type_", "is_sent_start"):
            expected = [getattr(token, attribute) for token in other]
            assert [getattr(token, attribute) for token in mine] == expected


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("Ann\tB-PER\nLee\tI-PER\n.\tO\n", ["B-PER", "I-PER", "O"]),
        ("Ann\tB-PER\nLee\tE-PER\n.\tS-X\n", ["B-PER", "I-PER", "B-X"]),
        ("Ann\tB-PER\nvan\tM-PER\nLee\tE-PER\n", ["B-PER", "I-PER", "I-PER"]),
        ("Ann\tB-PER\nLee O\t\n", ["B-PER", "O"]),
        ("Ann\tB-PER\nLee\tL-PER\n.\tU-X\n", ["B-PER", "I-PER", "B-X"]),
        ("Ann -\nLee I-PER\n. O\n", ["", "B-PER", "O"]),
        ("# id 1\nAnn _ _ B-PER\nLee _ _ I-PER\n# _ _ O\n", ["B-PER", "I-PER", "O"]),
        ("New York\tB-LOC\nis\tO\n", ["B-LOC", "O"]),
        ("Ann B-PER\r\nLee B-PER\r\n. O\r\n", ["B-PER", "B-PER", "O"]),
        ("Ann|B-PER ||O a|b|O", ["B-PER", "O", "O"]),
    ],
)
def test_schemes_and_separators(nlp, tmp_path, rows, expected):
    path = write(tmp_path, rows)
    assert is_iob(path)
    (text,) = read_iob_file(path, nlp).sentences
    assert tags(text.doc) == expected


def test_sentences_that_are_malformed_are_set_aside(nlp, tmp_path):
    text = "Ann B-PER\nLee\n. O\n\nBob B-PER\n. O\n\nBob PER\n"
    found = read_iob_file(write(tmp_path, text), nlp)
    assert [unfit.number for unfit in found.unfit] == [2, 8]
    assert [text.line for text in found.sentences] == [5]
    with pytest.raises(ValueError, match=r"gold\.conll, line 1: expected a tag like O or B-PER"):
        read_iob_file(write(tmp_path, "Ann PER\n"), nlp)


def test_consecutive_sentences_become_a_doc(nlp, tmp_path):
    texts = read_iob_file(write(tmp_path, CONLL), nlp).sentences
    doc = join_annotated(texts)
    assert entities(doc) == [(e, label) for text in texts for e, label in entities(text.doc)]
    assert [token.i for token in doc if token.is_sent_start] == [0, 4]
    assert doc.has_unknown_spaces


def test_what_files_are(tmp_path):
    assert not is_iob(write(tmp_path, "1\tGo\tgo\tVERB\tVB\t_\t0\troot\t_\t_\n"))
    assert not is_json(write(tmp_path, CONLL))
    assert is_json(write(tmp_path, '{"text": "a"}\n'))
    assert is_json(write(tmp_path, '["a", {"entities": []}]\n'))
    assert not is_json(write(tmp_path, "[ O\n] O\n"))


def test_conllu_by_another_name_is_no_iob(tmp_path):
    row = "{}\tGo\tgo\tVERB\tVB\t_\t{}\t{}\t_\t{}\n"
    rows = row.format(1, 0, "root", "B-PER") + row.format(2, 1, "dep", "O")
    assert not is_iob(write(tmp_path, "# text = Go Go\n" + rows, name="bare.conll"))


@pytest.mark.parametrize("first", [0, 1])
def test_numbers_of_words_are_not_taken_for_words(nlp, tmp_path, first):
    rows = "".join(f"{first + i}\t{word}\tO\tO\n" for i, word in enumerate(["Ann", "sleeps"]))
    path = write(tmp_path, f"#\thttp://x [2009]\n{rows}\n{rows}")
    with pytest.raises(ValueError, match=r"found their numbers in the sentence. Leave that column"):
        read_iob_file(path, nlp)
    read_iob_file(write(tmp_path, "1 O\n. O\n\n1 O\n2 O\n"), nlp)  # a list


def test_a_sentence_with_a_line_that_is_no_text_is_set_aside_whole(nlp, tmp_path):
    path = tmp_path / "gold.conll"
    path.write_bytes(b"caf\xe9 O\nAnn B-PER\n\nBob B-PER\n. O\n")
    found = read_iob_file(path, nlp)
    assert [unfit.number for unfit in found.unfit] == [1]
    assert [text.doc.text for text in found.sentences] == ["Bob . "]


def test_marks_of_documents_may_be_indented(nlp, tmp_path):
    path = write(tmp_path, "Ann B-PER\n\n -DOCSTART- -X- O\n\n. O\n")
    assert [text.document for text in read_iob_file(path, nlp).sentences] == [0, 1]


def test_files_of_no_known_kind_say_what_was_looked_for(nlp, tmp_path):
    with pytest.raises(ValueError, match=r"read as CoNLL-U, .* B-PER in the last column"):
        read_gold(write(tmp_path, "B-PER\tAnn\nO\tsleeps\n"), nlp)


@pytest.mark.parametrize(
    ("rows", "n_repaired"),
    [
        ("a I-P\nb I-P\nc O\n\nd I-Q\ne I-P\n", [0, 0]),  # IOB1, where an entity begins with I
        ("a B-P\nb I-P\nc I-Q\n\nd I-P\ne O\n", [1, 1]),
        ("a B-P\nb E-P\nc O\n\nd E-P\ne S-P\n", [0, 1]),
    ],
)
def test_tags_that_are_not_legal_in_the_files_scheme_are_counted(nlp, tmp_path, rows, n_repaired):
    found = read_iob_file(write(tmp_path, rows), nlp)
    assert [text.n_repaired for text in found.sentences] == n_repaired


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gold.conllu.gz", "not compressed: unpack it"),
        ("gold.JSONL.BZ2", "not compressed: unpack it"),
        ("gold.spacy", "which need no conversion"),
    ],
)
def test_files_that_are_no_text_say_so(nlp, tmp_path, name, message):
    (tmp_path / name).write_bytes(b"\x1f\x8b\x08")
    with pytest.raises(ValueError, match=f"{name}: expected .*{message}"):
        read_gold(tmp_path / name, nlp)


def test_of_a_group_that_is_asked_nothing_is_known_from_what_else_a_record_has(nlp, tmp_path):
    """Neither entities nor other groups are spans of it, where docs have none or do not say so."""
    ent, other = {"start": 0, "end": 2, "label": "E"}, {"start": 3, "end": 5, "label": "N"}
    rows = [
        {"text": "Jo is in", "ents": [ent], "spans": {"a": [other], "b": [ent]}},
        {"text": "Jo is at", "ents": [ent], "spans": {"a": []}},
        {"text": "Jo is on", "ents": [ent], "spans": {"b": [other]}},
        {"text": "Jo is up", "ents": [ent]},
    ]
    path = write(tmp_path, "\n".join(map(json.dumps, rows)))
    found = read_offset_file(path, nlp, spans_key="a")
    assert [[s.label_ for s in each.doc.spans["a"]] for each in found.sentences] == [["N"], []]
    assert [each.n_unread for each in found.sentences] == [2, 1]
    assert found.left_out["without_spans"] == 2
    kept = read_offset_file(path, nlp, spans_key="c")  # where spans are kept, of no file's group
    assert [len(each.doc.spans["c"]) for each in kept.sentences] == [2, 1, 1, 1]
