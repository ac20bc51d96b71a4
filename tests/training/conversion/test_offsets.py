"""Records with offsets of characters, as the tools of annotators write them."""

import pytest

from spacy_skd.training.conversion.offsets import CharSpan, parse_offsets
from spacy_skd.training.conversion.record_categories import RecordCategories

TEXT = "Ann Lee saw Bob ."
SPANS = [CharSpan(0, 7, "PER"), CharSpan(12, 15, "PER")]
PRODIGY = {
    "text": TEXT,
    "_input_hash": 1,
    "_task_hash": -2,
    "tokens": [{"text": "Ann", "start": 0, "end": 3, "id": 0, "ws": True}],
    "spans": [
        {"start": 0, "end": 7, "token_start": 0, "token_end": 1, "label": "PER"},
        {"start": 12, "end": 15, "token_start": 3, "token_end": 3, "label": "PER"},
    ],
    "meta": {"score": 0.5},
    "answer": "accept",
}
OFFSETS = [{"start_offset": s, "end_offset": e, "label": label, "id": 4} for s, e, label in SPANS]
FORMS = {
    "spacy": {"text": TEXT, "entities": [list(span) for span in SPANS]},
    "spacy v2": [TEXT, {"entities": [list(span) for span in SPANS]}],
    "spacy dict": [TEXT, {"spans": {"sc": [list(span) for span in SPANS]}, "cats": {"A": 1.0}}],
    "doc.to_json": {"text": TEXT, "ents": [s._asdict() for s in SPANS], "tokens": []},
    "prodigy": PRODIGY,
    "doccano": {"id": 7, "text": TEXT, "label": [list(span) for span in SPANS], "Comments": []},
    "doccano 1.5": {"id": 7, "data": TEXT, "label": [list(span) for span in SPANS]},
    "doccano labels": {"text": TEXT, "labels": [list(span) for span in SPANS]},
    "doccano relations": {"id": 7, "text": TEXT, "entities": OFFSETS, "relations": []},
}


@pytest.mark.parametrize("record", FORMS.values(), ids=FORMS)
def test_forms(record):
    parsed = parse_offsets(record)
    assert parsed.text == TEXT
    assert parsed.spans == SPANS
    assert parsed.answer == "accept"
    assert not parsed.is_binary


@pytest.mark.parametrize("record", FORMS.values(), ids=FORMS)
def test_texts_without_any_span_are_known_to_have_none(record):
    keys = ("entities", "spans", "ents", "label", "labels")
    if isinstance(record, list):
        record = [TEXT, {"entities": []}]
    else:
        record = {key: [] if key in keys else value for key, value in record.items()}
    assert parse_offsets(record).spans == []


@pytest.mark.parametrize(
    "record",
    [
        {"text": TEXT},
        {"text": TEXT, "label": ["GOOD"]},
        {"text": TEXT, "label": "GOOD", "answer": "accept"},
        {"text": TEXT, "options": [], "accept": ["GOOD"], "answer": "accept"},
        [TEXT, {"cats": {"GOOD": 1.0}}],
    ],
)
def test_records_that_are_not_about_spans(record):
    assert parse_offsets(record).spans is None


OPTIONS = [{"id": "A", "text": "a"}, {"id": "B", "text": "b"}, "3"]


@pytest.mark.parametrize(
    ("settings", "values", "is_complete"),
    [
        ({"cats": {"A": 1, "B": 0.25, "C": False}}, {"A": 1.0, "B": 0.25, "C": 0.0}, False),
        ({"cats": [{"label": "A", "value": 1}]}, {"A": 1.0}, False),
        ({"label": "A", "answer": "accept"}, {"A": 1.0}, False),
        ({"label": "A", "answer": "reject", "_view_id": "classification"}, {"A": 0.0}, False),
        ({"label": "A"}, {"A": 1.0}, True),
        ({"label": ["A", "B"]}, {"A": 1.0, "B": 1.0}, True),
        ({"labels": ["A"]}, {"A": 1.0}, True),
        ({"options": OPTIONS, "accept": ["B"]}, {"A": 0.0, "B": 1.0, "3": 0.0}, True),
        ({"options": OPTIONS, "accept": []}, {"A": 0.0, "B": 0.0, "3": 0.0}, True),
        ({"accept": [3], "answer": "accept"}, {"3": 1.0}, True),
    ],
)
@pytest.mark.parametrize("pair", [False, True])
def test_categories(settings, values, is_complete, pair):
    parsed = parse_offsets([TEXT, settings] if pair else {"text": TEXT, **settings})
    assert parsed.categories is not None
    assert (parsed.categories.values, parsed.categories.is_complete) == (values, is_complete)
    assert parsed.spans is None


def test_categories_beside_spans():
    parsed = parse_offsets({"text": TEXT, "entities": [list(SPANS[0])], "cats": {"A": 1.0}})
    assert (parsed.spans, parsed.categories) == (SPANS[:1], RecordCategories({"A": 1.0}))
    shown = {**PRODIGY, "label": "PER"}  # of a decision about spans
    assert parse_offsets(shown).categories is None
    parsed = parse_offsets({**shown, "_view_id": "classification"})  # matched by a pattern
    assert (parsed.spans, parsed.categories) == (None, RecordCategories({"PER": 1.0}, False, True))
    assert parse_offsets({"text": TEXT, "entities": [], "cats": {}}).categories is None


def test_a_manual_view_without_spans_has_none():
    record = {"text": TEXT, "answer": "accept", "_view_id": "ner_manual"}
    assert parse_offsets(record).spans == []


@pytest.mark.parametrize(
    ("settings", "is_binary"),
    [
        ({}, False),
        ({"_view_id": "ner_manual", "_is_binary": False}, False),
        ({"_view_id": "ner"}, True),
        ({"_is_binary": True}, True),
    ],
)
@pytest.mark.parametrize("answer", ["accept", "reject", "ignore"])
def test_answers(answer, settings, is_binary):
    parsed = parse_offsets({**PRODIGY, "answer": answer, **settings})
    assert parsed.answer == answer
    assert parsed.is_binary == is_binary


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (3, "found int"),
        ([TEXT], "found list"),
        ({"entities": []}, r"""no "text", only \['entities'\]"""),
        ({"text": TEXT, "entities": [3]}, "expected a span like"),
        ({"text": TEXT, "entities": [[0, 3]]}, "expected a span like"),
        ({"text": TEXT, "entities": [[0.5, 3, "A"]]}, "as integers"),
        ({"text": TEXT, "entities": [[False, 3, "A"]]}, "as integers"),
        ({"text": TEXT, "entities": [["A", 0, 3]]}, "as integers"),
        ({"text": TEXT, "spans": [{"start": 0, "label": "A"}]}, "as integers"),
        ({"text": TEXT, "spans": [{"start": 0, "end": 3}]}, "a span with a label"),
        ({"text": TEXT, "label": [[0, 3, 7]]}, "a span with a label"),
        ({"text": TEXT, "entities": [[3, 3, "A"]]}, "within the 17 characters"),
        ({"text": TEXT, "entities": [[5, 3, "A"]]}, "within the 17 characters"),
        ({"text": TEXT, "entities": [[-1, 3, "A"]]}, "within the 17 characters"),
        ({"text": TEXT, "entities": [[0, 18, "A"]]}, "within the 17 characters"),
        ({"text": TEXT, "entities": [], "answer": "maybe"}, "one of accept, reject, ignore"),
        ({"text": "\ud800", "entities": []}, "cannot be stored"),
        ({"text": TEXT, "cats": {"A": "yes"}}, "numbers from 0 to 1, found 'A': 'yes'"),
        ({"text": TEXT, "cats": {"A": None}}, "numbers from 0 to 1, found 'A': None"),
        ({"text": TEXT, "cats": {"A": 1.5}}, "numbers from 0 to 1, found 'A': 1.5"),
        ({"text": TEXT, "cats": {"A": float("nan")}}, "numbers from 0 to 1, found 'A': nan"),
        ({"text": TEXT, "cats": {"": 1}}, "a category with a name, found ''"),
        ({"text": TEXT, "cats": ["A"]}, "expected items like"),
        ({"text": TEXT, "cats": "A"}, "expected an object like"),
        ({"text": TEXT, "accept": "A"}, "expected lists of labels"),
        ({"text": TEXT, "accept": [0.5]}, 'an option with an "id", found 0.5'),
        ({"text": TEXT, "options": [{"text": "a"}], "accept": []}, 'an option with an "id"'),
        (
            {"text": TEXT, "options": OPTIONS, "accept": ["C"]},
            r"ids of the options .*found \['C'\]",
        ),
        (
            {"text": TEXT, "config": {"choice_style": "single"}, "accept": ["A", "B"]},
            "one label of a single choice",
        ),
        ({"text": TEXT, "entities": [[0, 3, "\ud800"]]}, "the label cannot be stored"),
        ({"text": TEXT, "cats": {"\udfff": 1.0}}, "the category cannot be stored"),
        ({"text": TEXT, "spans": {"sc": 3}}, "expected a list of spans for each key"),
    ],
)
def test_malformed_records(record, message):
    with pytest.raises(ValueError, match=message):
        parse_offsets(record)


def test_groups_and_keys_that_are_not_read_are_counted():
    """Such as `doc.to_json()` has, of a doc with entities and groups of spans."""
    item = {"start": 4, "end": 7, "label": "N"}
    groups = {"a": [item, item], "b": [item], "incorrect_spans": [item]}
    record = {"text": "One two three", "spans": groups}
    own = [{"start": 0, "end": 3, "label": "E"}]
    parsed = parse_offsets(record)
    assert (parsed.spans, parsed.n_unread) == ([CharSpan(4, 7, "N")] * 3, 1)
    for key in ("ents", "entities"):
        parsed = parse_offsets({**record, key: own})
        assert (parsed.spans, parsed.n_unread) == ([CharSpan(0, 3, "E")], 4)
        parsed = parse_offsets({**record, key: []})
        assert (parsed.spans, parsed.n_unread) == ([], 4)
        for name, n in (("a", 2), ("b", 1)):
            parsed = parse_offsets({**record, key: own}, spans_key=name, group=name)
            assert (parsed.spans, parsed.n_unread) == ([CharSpan(4, 7, "N")] * n, 5 - n)
        assert parse_offsets({"text": "One two", key: own, "spans": own}).n_unread == 0


def test_tokens_with_annotation_are_told_from_those_without():
    record = {"text": "One two", "entities": []}
    tokens = [{"id": 0, "start": 0, "end": 3}, {"id": 1, "start": 4, "end": 7, "text": "two"}]
    assert not parse_offsets({**record, "tokens": tokens}).has_tokens
    tokens[1]["lemma"] = "2"
    assert parse_offsets({**record, "tokens": tokens}).has_tokens


@pytest.mark.parametrize(
    "said", [{"label": 1}, {"label": 0}, {"entities": ["B-PER", "O"]}, {"labels": "A;B"},
             {"label": float("nan")}, {"entities": "[(0, 3, 'A')]"}, {"label": {"A": 1}}]
)  # fmt: skip
def test_what_is_said_in_no_known_way_is_an_error(said):
    (key,) = said
    with pytest.raises(ValueError, match=f'"{key}": expected spans like .* or .*category, found'):
        parse_offsets({"text": "One two", **said})
    parse_offsets({"text": "One two", "cats": {"A": 1}, **said})
    parse_offsets({"text": "One two", "answer": "ignore", **said})
