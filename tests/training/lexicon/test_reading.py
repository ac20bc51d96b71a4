"""Lines of a lexicon: what is read of them, how phrases are cut, what is unfit."""

import json
import time

import pytest
import spacy
from spacy.tokens import Doc

from spacy_skd.models.embedding.lexicon import N_POSITIONS
from spacy_skd.training.lexicon.cutting import Cutter
from spacy_skd.training.lexicon.reading import read_lexicon


@pytest.fixture
def write(tmp_path):
    def write(*entries, name="lexicon.jsonl"):
        lines = [entry if isinstance(entry, str) else json.dumps(entry) for entry in entries]
        (tmp_path / name).write_text("\n".join(lines), encoding="utf8")
        return tmp_path / name

    return write


def found(read, text, nlp):
    """{text of a phrase or part of one: classes}"""
    tokens, features = read.lexicon.find([doc := nlp(text)]).positions()
    result: dict[str, set[str]] = {}
    for token, feature in zip(tokens.tolist(), features.tolist()):
        name = read.lexicon.classes[feature // N_POSITIONS]
        result.setdefault(doc[token].text, set()).add(name)
    return result


def test_every_way_to_write_an_entry(write):
    nlp = spacy.blank("en")
    n_strings = len(nlp.vocab.strings)
    path = write(
        {"phrase": " Rio  de\tJaneiro ", "classes": ["GPE", "CITY"]},
        {"form": "n't", "classes": "NEG"},
        {"label": "ORG", "pattern": "Acme-Smith", "id": "acme"},
        {"label": "FRUIT", "pattern": [{"lower": "star"}, {"LOWER": "fruit"}]},
        "",
        {"phrase": "RIO DE JANEIRO", "classes": ["TEAM"]},
    )
    read = read_lexicon(path, nlp)
    assert read.lexicon.classes == ("CITY", "FRUIT", "GPE", "NEG", "ORG", "TEAM")
    assert (len(read.lexicon), read.lines, read.unfit, read.uneven) == (4, 5, [], [])
    assert len(nlp.vocab.strings) == n_strings  # the vocab is as it was
    rio = {"GPE", "CITY", "TEAM"}
    assert found(read, "Star fruit in rio de janeiro! (Acme-Smith) don't.", nlp) == {
        **dict.fromkeys(("Star", "fruit"), {"FRUIT"}),
        "n't": {"NEG"},
        **dict.fromkeys(("rio", "de", "janeiro"), rio),
        **dict.fromkeys(("Acme", "-", "Smith"), {"ORG"}),
    }
    exact = write({"pattern": [{"ORTH": "US"}], "label": "GPE"}, {"form": "UK", "label": "GPE"})
    read = read_lexicon(exact, nlp, attr="ORTH")
    assert found(read, "US us UK uk", nlp) == {"US": {"GPE"}, "UK": {"GPE"}}


def test_a_phrase_that_text_cuts_otherwise_is_told_and_found_either_way(write):
    """By rules of one's own, "Dr" with the full stop after it, "km/h" within brackets."""
    nlp = spacy.blank("en")
    nlp.tokenizer.add_special_case("Dr.", [{"ORTH": "Dr."}])
    nlp.tokenizer.add_special_case("(km/h),", [{"ORTH": w} for w in ("(", "km/h", "),")])
    read = read_lexicon(
        write(*({"phrase": text, "label": "X"} for text in ("Dr", "km/h", "New York"))), nlp
    )
    assert read.uneven == ["Dr", "km/h"]
    (told,) = read.doubts()
    assert told.startswith("2 phrases of the lexicon are cut otherwise within some texts")
    assert "such as 'Dr', 'km/h'" in told
    assert set(found(read, "Dr Dr. drove 9 km/h (km/h), in New York.", nlp)) == {
        *("Dr", "km/h", "km", "/", "h", "New", "York")
    }


def test_a_tokenizer_is_asked_for_pieces_or_for_the_whole():
    """With the same answers: of one that has a rule with a space only the whole counts."""
    nlp = spacy.blank("en")
    texts = ["New York", "U.S.", "Yahoo!", "rock'n'roll", "e-mail (new)", "Mr. T", "don't"]
    by_piece = [Cutter(nlp).ways(text) for text in texts]
    assert ("New", "York") in by_piece[0]
    nlp.tokenizer.add_special_case("once more", [{"ORTH": "once more"}])
    whole = Cutter(nlp)
    assert [whole.ways(text) for text in texts] == by_piece
    assert whole.ways("once more")[0] == ("once more",)
    nlp.tokenizer = lambda text: Doc(nlp.vocab, [text])  # all text is one
    assert Cutter(nlp).ways("New York") == [("New York",), None]


UNFIT = {
    "{": "not valid JSON",
    "[1]": "expected an object, found list",
    '{"phrase": "a"}': "expected one of classes, label, found ['phrase']",
    '{"phrase": "a", "classes": []}': "expected a class or several, strings, found []",
    '{"phrase": "a", "label": 3}': "expected a class or several, strings, found 3",
    '{"label": "X"}': "expected one of phrase, form, pattern",
    '{"form": "a", "pattern": "b", "label": "X"}': "found form and pattern",
    '{"phrase": " ", "label": "X"}': "not empty",
    '{"phrase": "\\ud800", "label": "X"}': "not empty",
    '{"form": "a b", "label": "X"}': 'name it "phrase"',
    '{"pattern": [{"POS": "NOUN"}], "label": "X"}': "expected tokens of a pattern such as",
    '{"pattern": [{"LOWER": "a", "OP": "?"}], "label": "X"}': "expected tokens of a pattern",
    '{"pattern": [], "label": "X"}': "1 to 100 tokens",
    json.dumps({"phrase": "a " * 101, "label": "X"}): "at most 100 words, found 101",
}


def test_unfit_lines_are_left_out_and_counted(write):
    nlp, fit = spacy.blank("en"), {"phrase": "Oslo", "label": "GPE"}
    read = read_lexicon(write(*UNFIT, fit), nlp)
    assert (len(read.lexicon), read.lines) == (1, len(UNFIT) + 1)
    assert [unfit.number for unfit in read.unfit] == list(range(1, len(UNFIT) + 1))
    for unfit, reason in zip(read.unfit, UNFIT.values()):
        assert reason in unfit.reason
    (told,) = read.doubts()
    assert told.startswith(f"{len(UNFIT)} of {len(UNFIT) + 1} lines of the lexicon are unfit")
    assert "line 1: not valid JSON" in told
    path = write({"pattern": [{"lower": "a"}], "label": "X"}, fit)
    read = read_lexicon(path, nlp, attr="ORTH")
    assert "expected tokens by ORTH" in read.unfit[0].reason
    path.write_bytes(b'{"phrase": "\xff", "label": "X"}\n' + json.dumps(fit).encode())
    assert "not UTF-8" in read_lexicon(path, nlp).unfit[0].reason


def test_no_entry_no_file_and_other_classes(write, tmp_path):
    nlp = spacy.blank("en")
    with pytest.raises(ValueError, match="expected a lexicon, lines such as .* no entry$"):
        read_lexicon(write(), nlp)
    with pytest.raises(ValueError, match="1 unfit lines and no entry: line 1: not valid JSON"):
        read_lexicon(write("{"), nlp)
    with pytest.raises(FileNotFoundError):
        read_lexicon(tmp_path / "none.jsonl", nlp)
    with pytest.raises(ValueError, match=r"expected .*\.jsonl"):
        read_lexicon(write({"phrase": "a", "label": "X"}, name="a.csv"), nlp)
    path = write({"phrase": "a", "label": "X"}, name="b.jsonl")
    with pytest.raises(ValueError, match="expected the classes .* Y, got X: train again"):
        read_lexicon(path, nlp, known=("Y",))
    assert read_lexicon(path, nlp, known=("W", "X")).lexicon.classes == ("W", "X")
    assert len(read_lexicon(tmp_path, nlp).lexicon) == 1  # all files of a folder


def test_a_hundred_thousand_phrases(write):
    """Of few pieces, which are cut once."""
    nlp = spacy.blank("en")
    names = [f"Name{chr(97 + i)}{chr(97 + j)}" for i in range(26) for j in range(13)]
    pairs = [(a, b) for a in names for b in names][:100_000]
    lines = (f'{{"phrase": "{a} {b}", "label": "{"XY"[i % 2]}"}}' for i, (a, b) in enumerate(pairs))
    read = read_lexicon(write("\n".join(lines)), nlp)
    assert len(read.lexicon) == len(pairs) == 100_000
    assert len(read.lexicon.to_bytes()) < 30 * len(pairs)
    doc = nlp(" ".join(f"saw {a} {b} ." for a, b in pairs[:250]))
    begun = time.process_time()
    phrases = read.lexicon.find([doc])
    assert time.process_time() - begun < 0.1
    assert len(phrases) == 250
