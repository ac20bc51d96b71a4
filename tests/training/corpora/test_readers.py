import itertools

import pytest
import spacy
from conftest import make_docs

from spacy_skd.training.corpora.readers import make_mixed_corpus


@pytest.fixture
def raw(tmp_path):
    path = tmp_path / "raw.txt"
    path.write_text("\n".join(f"text number {i} of many" for i in range(50)), encoding="utf8")
    return path


def is_raw(eg):
    return not eg.reference.has_annotation("DEP")


def test_a_pass_has_all_labelled_docs_and_raw_text_by_the_ratio(corpus, raw):
    nlp = spacy.blank("en")
    read = make_mixed_corpus(corpus, raw, raw_ratio=2.0)
    first, second = list(read(nlp)), list(read(nlp))
    for examples in (first, second):
        labelled = [eg for eg in examples if not is_raw(eg)]
        assert len(labelled) == len(make_docs(nlp))
        assert not is_raw(examples[0])
        words = sum(len(eg.predicted) for eg in labelled)
        found = sum(len(eg.predicted) for eg in examples if is_raw(eg))
        assert 2 * words <= found < 2 * words + 5 * len(labelled)
    texts = [{eg.text for eg in examples if is_raw(eg)} for examples in (first, second)]
    assert not texts[0] & texts[1]  # the second pass goes on in the raw text


def test_predicted_docs_know_nothing(corpus, raw):
    for eg in make_mixed_corpus(corpus, raw)(spacy.blank("en")):
        assert not eg.predicted.has_annotation("DEP")
        assert not eg.predicted.has_annotation("TAG")
        assert not eg.predicted.has_annotation("SENT_START")


def test_gold_that_is_too_long_is_told_once_and_never_all_of_it(corpus, raw, caplog):
    nlp = spacy.blank("en")
    read = make_mixed_corpus(corpus, raw, max_length=5)
    for _ in range(2):
        kept = [eg for eg in read(nlp) if not is_raw(eg)]
    (told,) = caplog.messages
    n = sum(len(doc) for doc in make_docs(nlp))
    left_out = n - sum(len(eg.reference) for eg in kept)
    assert f"max_length: {left_out} of {n} labelled words are of docs longer than 5" in told
    with pytest.raises(ValueError, match="max_length: all .* there is no gold to learn"):
        list(make_mixed_corpus(corpus, raw, max_length=1)(nlp))


def test_the_order_depends_on_the_seed_alone(corpus, raw):
    def order(seed):
        read = make_mixed_corpus(corpus, raw, seed=seed)
        return [eg.text for _ in range(2) for eg in read(spacy.blank("en"))]

    assert order(1) == order(1)
    assert order(1) != order(2)


def test_another_pipeline_reads_docs_of_its_own(corpus, raw):
    """Made by its tokenizer, in its vocab, from the first text on."""
    read = make_mixed_corpus(corpus, raw)
    first = [eg.text for eg in read(spacy.blank("en")) if is_raw(eg)]
    other = spacy.blank("de")
    examples = list(read(other))
    assert all(eg.predicted.vocab is other.vocab for eg in examples)
    assert [eg.text for eg in examples if is_raw(eg)] == first


def test_either_alone(corpus, raw):
    nlp = spacy.blank("en")
    assert sum(is_raw(eg) for eg in make_mixed_corpus(corpus)(nlp)) == 0
    assert sum(is_raw(eg) for eg in make_mixed_corpus(corpus, raw, raw_ratio=0)(nlp)) == 0
    texts = [eg.text for eg in make_mixed_corpus(raw=raw)(nlp)]
    assert sorted(texts) == sorted(f"text number {i} of many" for i in range(50))


def test_long_texts_are_cut_and_nothing_is_lost(tmp_path):
    path = tmp_path / "long.txt"
    path.write_text("word " * 25, encoding="utf8")
    found = list(make_mixed_corpus(raw=path, raw_max_words=10)(spacy.blank("en")))
    assert [len(eg.predicted) for eg in found] == [10, 10, 5]


def test_errors(tmp_path, corpus):
    with pytest.raises(ValueError, match="expected `path`, `raw` or both"):
        make_mixed_corpus()
    with pytest.raises(ValueError, match="raw_ratio"):
        make_mixed_corpus(corpus, raw_ratio=-1)
    (tmp_path / "empty.txt").write_text("\n\n")
    with pytest.raises(ValueError, match="no raw text"):
        list(
            itertools.islice(
                make_mixed_corpus(corpus, tmp_path / "empty.txt")(spacy.blank("en")), 9
            )
        )
