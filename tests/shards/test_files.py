import pytest
import spacy
from conftest import make_docs
from spacy.tokens import Doc, DocBin, Span

from spacy_skd.shards.files import (
    is_whole,
    make_bin,
    read_shard,
    shard_name,
    single,
    write_shard,
)


@pytest.fixture
def shard(tmp_path):
    docs = make_docs(spacy.blank("en"))
    docs[0].user_data["meta"] = {"a": 1}
    path = tmp_path / shard_name(0)
    return path, docs, write_shard(path, make_bin(docs), labelled=True)


def test_docs_come_back_whole_and_one_by_one(shard):
    path, docs, entry = shard
    assert (entry.docs, entry.words) == (len(docs), sum(map(len, docs)))
    nlp = spacy.blank("en")
    bin_ = read_shard(path, entry)
    found = list(bin_.get_docs(nlp.vocab))
    for i, doc in enumerate(found):
        (one,) = single(bin_, i).get_docs(nlp.vocab)
        for other in (doc, one):
            assert [(t.text, t.dep_, t.head.i) for t in other] == [
                (t.text, t.dep_, t.head.i) for t in docs[i]
            ]
            assert other.user_data == docs[i].user_data


def test_a_bin_is_what_spacy_makes(shard):
    nlp = spacy.blank("en")
    _, docs, _ = shard
    words = ["don't", "Ann", "runs"]
    rich = Doc(nlp.vocab, words, lemmas=["do", "Ann", "run"], morphs=["A=B", "", "C=D|E=F"])
    rich.set_ents([Span(rich, 1, 2, label="PER", kb_id="Q1", span_id="x")])
    rich[0].norm_ = "do not"
    rich.cats = {"a": 0.5}
    spans = make_docs(nlp)[0]
    spans.spans["sc"] = [Span(spans, 0, 2, label="L")]
    docs = [*docs, rich, spans, Doc(nlp.vocab, ["a", "b"]), nlp.make_doc("isn't it")]
    found, expected = make_bin(docs), DocBin(docs=docs, store_user_data=True)
    assert found.strings - expected.strings <= {"_"}  # spaCy's name for no features
    found.strings = expected.strings
    assert found.to_bytes() == expected.to_bytes()


def test_a_damaged_shard_is_named_with_the_remedy(shard):
    path, _, entry = shard
    whole = path.read_bytes()
    changed = bytearray(whole)
    changed[len(whole) // 2] ^= 1
    for data, what in ((whole[:-5], "bytes"), (bytes(changed), "blake2b")):
        path.write_bytes(data)
        with pytest.raises(
            ValueError, match=rf"{path.name} is not as it was written: .*{what}"
        ) as e:
            read_shard(path, entry)
        assert "redoes this shard alone" in str(e.value)
        assert not is_whole(path, entry)
    path.unlink()
    with pytest.raises(ValueError, match="there is no such file"):
        read_shard(path, entry)
