import json

import pytest

from spacy_skd.training.conversion.raw_text import read_raw


def test_jsonl_and_txt_in_order_without_blanks(tmp_path):
    records = [{"text": "One.", "meta": {"a": 1}}, {"text": "  "}, {"text": "Two\u2028lines"}]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, records)), encoding="utf8")
    (tmp_path / "b.txt").write_text("Three\r\n\nFour", encoding="utf8")
    texts = list(read_raw(tmp_path))
    assert [raw.text for raw in texts] == ["One.", "Two\u2028lines", "Three", "Four"]
    assert texts[0].meta == {"a": 1}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{oops", "line 2: not valid JSON"),
        ('["x"]', "line 2: expected an object"),
        ('{"txt": "x"}', 'line 2: the record has no "text"'),
        ('{"text": 3}', 'line 2: expected "text" to be a string'),
        ('{"text": "x", "meta": 3}', 'line 2: expected "meta"'),
    ],
)
def test_malformed_lines_are_named(tmp_path, line, message):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "fine"}\n' + line + "\n", encoding="utf8")
    with pytest.raises(ValueError, match=message):
        list(read_raw(path))


def test_paths_that_are_no_raw_text(tmp_path):
    with pytest.raises(FileNotFoundError):
        list(read_raw(tmp_path / "none.jsonl"))
    with pytest.raises(FileNotFoundError, match="holds no"):
        list(read_raw(tmp_path))
    (tmp_path / "x.csv").write_text("a")
    with pytest.raises(ValueError, match="suffix"):
        list(read_raw(tmp_path / "x.csv"))
