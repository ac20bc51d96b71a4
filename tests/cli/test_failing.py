"""How commands print errors."""

import pytest

from spacy_skd.cli.told.failing import fail


def test_lines_of_an_error_stay_lines(capsys):
    long = "word " * 30
    with pytest.raises(SystemExit) as ended:
        fail("Not done", f"out holds another run:\n  seed: 1, not 2\n{long}\na/{'b' * 90}")
    assert ended.value.code == 1
    title, *lines = capsys.readouterr().out.strip().splitlines()
    assert "Not done" in title
    assert lines[:2] == ["out holds another run:", "  seed: 1, not 2"]
    assert " ".join(lines[2:-1]) == long.strip()
    assert max(map(len, lines[2:-1])) <= 80
    assert lines[-1] == f"a/{'b' * 90}"
