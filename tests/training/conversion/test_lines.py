"""Lines, however a file ends them."""

import pytest

from spacy_skd.training.conversion.lines import MAX_LINE, numbered_lines, read_lines


def lines(path, data, **settings):
    path.write_bytes(data)
    return [(line.number, line.data, line.end) for line in numbered_lines(path, **settings)]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_the_three_line_ends(tmp_path, end):
    data = b"one" + end + end + b"two words" + end
    assert lines(tmp_path / "x", data) == [
        (1, b"one", 3 + len(end)),
        (2, b"", 3 + 2 * len(end)),
        (3, b"two words", len(data)),
    ]
    assert [line[1] for line in lines(tmp_path / "x", data.rstrip())] == [b"one", b"", b"two words"]


def test_line_ends_on_the_border_of_two_blocks(tmp_path):
    for end in (b"\r\n", b"\r"):
        data = b"a" * (2**20 - 1) + end + b"b" + end + b"c" + end
        assert [line[1][-1:] for line in lines(tmp_path / "x", data)] == [b"a", b"b", b"c"]


def test_a_stray_return_in_raw_text_ends_no_line(tmp_path):
    data = b"line\n" * 20 + b"a\rb\n"
    assert lines(tmp_path / "x", data)[-1][:2] == (21, b"a\rb")
    assert lines(tmp_path / "x", data, returns=True)[-1][:2] == (22, b"b")


def test_files_that_change_their_line_ends(tmp_path):
    assert [line[1] for line in lines(tmp_path / "x", b"a\nb\rc\rd\r")] == [b"a", b"b", b"c", b"d"]


def test_a_line_that_is_too_long_is_not_held(tmp_path):
    data = b"x" * (2 * MAX_LINE) + b"\rshort\r"
    numbers = [(number, text) for number, text, _ in lines(tmp_path / "x", data)]
    assert numbers == [(1, None), (2, b"short")]


def test_bytes_that_are_not_utf8_are_named(tmp_path):
    (tmp_path / "x").write_bytes(b"\xef\xbb\xbffine\rh\xe9\r")
    reader = read_lines(tmp_path / "x")
    assert next(reader) == (1, "fine")
    with pytest.raises(ValueError, match=r"x, line 2: expected UTF-8, found .*0xe9 at 1"):
        next(reader)


@pytest.mark.parametrize("returns", [True, False])
def test_returns_that_were_doubled_make_no_empty_lines(tmp_path, returns):
    data = b"one\r\r\ntwo\r\r\n\r\r\nthree\r\r\n"
    found = [line[1] for line in lines(tmp_path / "x", data, returns=returns)]
    assert found == [b"one", b"two", b"", b"three"]
    long = b"a" * (2**20 - 2) + b"\r\r\nb\r\r\n"  # on the border of two blocks
    assert [line[1][-1:] for line in lines(tmp_path / "x", long, returns=returns)] == [b"a", b"b"]


def test_byte_order_marks_of_files_that_were_put_together(tmp_path):
    (tmp_path / "x").write_bytes("\ufeff\ufeffone\n\ufefftwo \ufeff.\n".encode())
    assert list(read_lines(tmp_path / "x")) == [(1, "one"), (2, "two \ufeff.")]
