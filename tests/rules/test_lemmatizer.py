"""The same lemmas as spaCy's lemmatizers, of every language, mode and doc."""

import pickle
import threading
import warnings

import numpy
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.lookups import Lookups
from spacy.pipeline import Lemmatizer
from spacy.tokens import Doc

from spacy_skd.rules.lemmatizer import _READS, FastLemmatizer

WORDS = ["Going", "going", "goes", "went", "gehen", "n't", " ", "!", "GO", "3,000", "ala"]
POS = ["NOUN", "VERB", "ADJ", "AUX", "PROPN", "SPACE", "PRON", "DET", "ADP", "ADV", "PUNCT", ""]
MORPHS = ["", "Number=Sing", "VerbForm=Inf", "Degree=Pos", "Number=Plur|PronType=Prs"]
MODES = {"xx": ["lookup", "rule"], "en": ["rule", "lookup"], "es": ["rule"], "ga": ["pos_lookup"],
         "it": ["pos_lookup"], "pl": ["pos_lookup"], "fr": ["rule", "lookup"],
         "nl": ["rule", "lookup"]}  # fmt: skip
EVERY = [(lang, mode) for lang in MODES for mode in MODES[lang]]
EVERY += [(lang, "rule") for lang in ("ca", "el", "ht", "mk")]


def tables(lemmatizer):
    """Tables for any mode, of a few forms."""
    made, forms = Lookups(), {"going": "go", "goes": "go", "went": "go", "GO": "gO"}
    names = {name for kind in lemmatizer.get_lookups_config(lemmatizer.mode) for name in kind}
    of_pos = {pos.lower(): ["go", "ala"] for pos in POS}
    known = {
        "lemma_index": of_pos,
        "lemma_exc": {pos: {"went": ["go"]} for pos in of_pos},
        "lemma_rules": {
            **{pos: [["ing", ""], ["es", ""], ["s", ""]] for pos in of_pos},
            "v": [["ing", "e"], ["a", "o"]], "accents": [["á", "a"]],
        },
        "lemma_rules_groups": {"verb": [["v", ["Number=Plur"]], ["v", []]]},
    }  # fmt: skip
    for name in names:
        made.add_table(name, known.get(name, forms))
    return made


def lemmatizers(lang, mode, **settings):
    """spaCy's and ours, of one language."""
    both = []
    for factory in ("lemmatizer", "fast_lemmatizer"):
        nlp = spacy.blank(lang)
        ours = {"memo": settings["memo"]} if factory.startswith("fast") and settings else {}
        pipe = nlp.add_pipe(factory, config={"mode": mode, **ours})
        pipe.initialize(lookups=tables(getattr(pipe, "original", pipe)))
        both.append((nlp, pipe))
    return both


def make_doc(vocab, rows):
    words, pos, morphs, lemmas, starts = zip(*rows) if rows else [()] * 5
    doc = Doc(vocab, words=list(words), pos=list(pos), morphs=list(morphs), lemmas=list(lemmas))
    for token, start in list(zip(doc, starts))[1:]:
        token.is_sent_start = start
    return doc


token = st.tuples(
    st.sampled_from(WORDS), st.sampled_from(POS), st.sampled_from(MORPHS),
    st.sampled_from(["", "", "", "lemma"]), st.booleans(),
)  # fmt: skip
corpora = st.lists(st.lists(st.lists(token, max_size=6), max_size=4), min_size=1, max_size=3)


@pytest.mark.parametrize(("lang", "mode"), EVERY)
@settings(max_examples=25, deadline=None)
@given(corpora=corpora, overwrite=st.booleans(), memo=st.sampled_from([2, 50_000]))
def test_lemmas_are_spacys(lang, mode, corpora, overwrite, memo):
    (_, stock), (_, fast) = BOTH.get((lang, mode, memo)) or BOTH.setdefault(
        (lang, mode, memo), lemmatizers(lang, mode, memo=memo)
    )
    stock.overwrite = fast.original.overwrite = overwrite
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tokens without POS
        for docs in corpora:
            ours, theirs = (
                [[t.lemma_ for t in doc] for doc in pipe.pipe(made_of(pipe, docs), batch_size=3)]
                for pipe in (fast, stock)
            )
            assert ours == theirs


BOTH = {}


def made_of(pipe, docs):
    return [make_doc(pipe.vocab, rows) for rows in docs]


def test_the_languages_are_all_that_are_known():
    classes = {type(lemmatizers(lang, mode)[0][1]) for lang, mode in EVERY}
    assert {f"{cls.__module__}.{cls.__qualname__}" for cls in classes} == set(_READS)


def never(*_, **__):
    raise AssertionError("spaCy's own was asked")


def english(**settings):
    _, (nlp, fast) = lemmatizers("en", "rule", **settings)
    return nlp, fast


def verbs(nlp, *words):
    return Doc(nlp.vocab, words=list(words), pos=["VERB"] * len(words))


def test_a_word_is_looked_up_once(monkeypatch):
    nlp, fast = english()
    list(fast.pipe([verbs(nlp, "went", "going"), verbs(nlp, "goes")]))
    monkeypatch.setattr(Lemmatizer, "__call__", never)
    monkeypatch.setattr(fast.original, "lemmatize", never)
    docs = list(fast.pipe([verbs(nlp, "goes", "went"), verbs(nlp)]))
    assert [[t.lemma_ for t in doc] for doc in docs] == [["go", "go"], []]


@pytest.mark.parametrize("mode", ["rule", "lookup"])
def test_missing_tables_are_told_as_by_spacy(mode):
    told = []
    for factory in ("lemmatizer", "fast_lemmatizer"):
        nlp = spacy.blank("en")
        pipe = nlp.add_pipe(factory, config={"mode": mode})
        for annotate in (pipe, lambda doc, pipe=pipe: list(pipe.pipe([doc]))):
            with pytest.raises(ValueError, match="E1004.*lemma_") as caught:
                annotate(nlp.make_doc("a"))
            told.append(str(caught.value))
        with pytest.raises(ValueError, match="E1004"):
            pipe.initialize(lookups=Lookups())
    assert len(set(told)) == 1


def test_an_error_is_of_the_doc_that_it_is_of():
    told = []
    for factory in ("lemmatizer", "fast_lemmatizer"):
        nlp = spacy.blank("xx")
        pipe = nlp.add_pipe(factory, config={"mode": "lookup"})
        lookups = Lookups()
        lookups.add_table("lemma_lookup", {"bad": 3, "good": "better"})
        pipe.initialize(lookups=lookups)
        texts = []
        pipe.set_error_handler(lambda name, _, docs, error, t=texts: t.append((docs[0].text, name)))
        docs = [nlp.make_doc(text) for text in ("good", "bad", "good")]
        texts += [doc and doc[0].lemma_ for doc in pipe.pipe(docs)]
        told.append([str(each).replace("fast_", "") for each in texts])
    assert told[0] == told[1]
    assert "('bad', 'lemmatizer')" in told[0]


class Own(Lemmatizer):
    """Reads what stands before a token."""

    def lookup_lemmatize(self, token):
        return [token.nbor(-1).text if token.i else "-"]


def test_a_class_of_ones_own_is_asked_for_each_token(caplog):
    nlp = spacy.blank("en")
    own = Own(nlp.vocab, None, "own")
    own.initialize(lookups=tables(own))
    fast = FastLemmatizer(own, "own")
    assert "Own" in caplog.text
    docs = list(fast.pipe([nlp.make_doc("a b a"), nlp.make_doc("a")]))
    assert [[t.lemma_ for t in doc] for doc in docs] == [["-", "a", "b"], ["-"]]


def test_what_is_remembered_is_bounded():
    nlp, fast = english(memo=64)
    rng = numpy.random.default_rng(0)
    for _ in range(20):
        words = ["".join(map(chr, rng.integers(97, 123, size=n))) for n in rng.integers(1, 9, 50)]
        expected = [fast.original.lemmatize(token)[0] for token in verbs(nlp, *words)]
        assert [token.lemma_ for token in fast(verbs(nlp, *words))] == expected
    assert len(fast._memo) <= 64
    assert not fast.original.cache, "spaCy's own, which grows with every word"


def test_lemmas_of_a_memory_zone_are_there_in_the_next():
    nlp, fast = english()
    for _ in range(3):
        with nlp.memory_zone():
            assert [t.lemma_ for t in fast(verbs(nlp, "zqxing", "went"))] == ["zqx", "go"]
            assert "zqx" in nlp.vocab.strings
        assert "zqx" not in nlp.vocab.strings
    assert fast(verbs(nlp, "zqxing"))[0].lemma_ == "zqx"


def test_docs_of_another_vocab_get_their_strings():
    nlp, fast = english()
    other = spacy.blank("en")
    docs = fast.pipe([verbs(nlp, "zqxing"), verbs(other, "zqxing")])
    assert [doc[0].lemma_ for doc in docs] == ["zqx", "zqx"]


def test_other_tables_give_other_lemmas():
    nlp, fast = english()
    assert fast(verbs(nlp, "going"))[0].lemma_ == "go"
    new = tables(fast.original)
    new.get_table("lemma_exc")["verb"] = {"going": ["leave"]}
    fast.initialize(lookups=new)
    assert fast(verbs(nlp, "going"))[0].lemma_ == "leave"
    new.get_table("lemma_exc")["verb"]["going"] = ["depart"]
    fast.forget()
    assert fast(verbs(nlp, "going"))[0].lemma_ == "depart"
    new.get_table("lemma_index")["verb"].append("goin")
    new.get_table("lemma_rules")["verb"].append(["g", ""])
    fast.forget()
    assert fast(verbs(nlp, "goingg", "boing"))[1].lemma_ == "bo"


def test_threads_share_it():
    nlp, fast = english(memo=2)
    words = ["going", "went", "goes", "boxing", "taxes"] * 20
    expected = [fast.original.lemmatize(token)[0] for token in verbs(nlp, *words)]
    got = [None] * 4

    def annotate(i):
        docs = [verbs(nlp, word) for word in words]
        got[i] = [doc[0].lemma_ for doc in fast.pipe(docs, batch_size=3)]

    threads = [threading.Thread(target=annotate, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [expected] * 4


def test_it_is_saved_as_spacys_is(tmp_path):
    nlp, fast = english()
    fast(verbs(nlp, "went"))
    nlp.to_disk(tmp_path / "nlp")
    stock = spacy.blank("en").add_pipe("lemmatizer")
    stock.from_disk(tmp_path / "nlp" / "fast_lemmatizer", exclude=["vocab"])
    assert stock(verbs(stock, "went"))[0].lemma_ == "go"
    assert stock.lookups.get_table("lemma_index") == fast.lookups.get_table("lemma_index")
    for again in (
        spacy.load(tmp_path / "nlp"),
        pickle.loads(pickle.dumps(nlp)),
        spacy.util.load_model_from_config(nlp.config).from_bytes(nlp.to_bytes()),
    ):
        pipe = again.get_pipe("fast_lemmatizer")
        assert (pipe.mode, pipe.overwrite, len(pipe._memo)) == ("rule", False, 0)
        assert pipe(verbs(again, "going", "went"))[1].lemma_ == "go"


def test_the_mode_is_the_languages_own_by_default():
    modes = {
        lang: spacy.blank(lang).add_pipe("fast_lemmatizer").mode for lang in ("en", "pl", "xx")
    }
    assert modes == {"en": "rule", "pl": "pos_lookup", "xx": "lookup"}


def test_settings_out_of_range_are_refused():
    with pytest.raises(ValueError, match="memo: expected a number from 2"):
        spacy.blank("en").add_pipe("fast_lemmatizer", config={"memo": 0})
    with pytest.raises(ValueError, match="E1003"):
        spacy.blank("en").add_pipe("fast_lemmatizer", config={"mode": "none"})
