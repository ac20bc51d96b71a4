"""The same annotation as spaCy's ruler, whatever the rules, the docs and their order."""

import pickle
import re
import threading
import warnings

import numpy
import pytest
import spacy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spacy.lang.en import English
from spacy.pipeline import AttributeRuler
from spacy.tokens import Doc, Token
from spacy.vocab import create_vocab

from spacy_skd.rules.attribute_ruler import FastAttributeRuler

WORDS = ["Ann", "ann", "go", "Going", "gone", "n't", " ", "went", "!"]
TAGS = ["", "NN", "VB", "VBZ", "_SP"]
POS = ["", "NOUN", "VERB", "SPACE", "PROPN"]
MORPHS = ["", "Number=Sing", "Number=Plur|Person=3", "Person=3"]
DEPS = ["", "nsubj", "dep", "ROOT"]
ENTS = ["O", "B-PER", "I-PER"]
VALUES = {
    "LOWER": [word.lower() for word in WORDS], "ORTH": WORDS, "TEXT": WORDS, "TAG": TAGS,
    "POS": POS, "MORPH": MORPHS, "DEP": DEPS, "ENT_TYPE": ["", "PER"], "NORM": ["not", "go"],
    "LEMMA": ["", "go", "be"], "IS_SPACE": [True, False], "IS_SENT_START": [True, False],
    "SENT_START": [1, 0], "LENGTH": [1, 3], "SPACY": [True, False], "ENT_IOB": ["B", "O", 2],
    "SHAPE": ["xxx", "Xxx"],
}  # fmt: skip
STRINGS = ["LOWER", "ORTH", "TEXT", "TAG", "DEP", "SHAPE"]
WRITTEN = {"POS": POS[1:], "TAG": TAGS[1:], "LEMMA": ["go", "be"], "MORPH": MORPHS, "DEP": DEPS,
           "NORM": ["not"], "ENT_ID": ["x"], "ENT_TYPE": ["ORG"], "ENT_KB_ID": ["Q1"]}  # fmt: skip
COMPARED = ["TAG", "POS", "MORPH", "LEMMA", "DEP", "NORM", "ENT_TYPE", "ENT_ID", "ENT_KB_ID",
            "SENT_START", "LOWER", "ENT_IOB", "HEAD"]  # fmt: skip


@pytest.fixture(autouse=True)
def extensions():
    Token.set_extension("mark", default="", force=True)
    Token.set_extension("first", getter=lambda token: token.text[0], force=True)
    yield
    Token.remove_extension("mark")
    Token.remove_extension("first")


def values(name):
    return st.sampled_from(VALUES[name])


def lists(name):
    return st.lists(values(name), min_size=0, max_size=3)


plain = st.sampled_from(list(VALUES)).flatmap(lambda name: st.tuples(st.just(name), values(name)))
member = st.sampled_from([*STRINGS, "POS", "MORPH", "LEMMA", "LENGTH"]).flatmap(
    lambda name: st.tuples(
        st.just(name), st.dictionaries(st.sampled_from(["IN", "NOT_IN"]), lists(name), min_size=1)
    )
)
subset = st.sampled_from(["MORPH", "TAG"]).flatmap(
    lambda name: st.tuples(
        st.just(name),
        st.dictionaries(
            st.sampled_from(["IS_SUBSET", "IS_SUPERSET", "INTERSECTS"]), lists(name), min_size=1
        ),
    )
)
regex = st.tuples(
    st.sampled_from(STRINGS),
    st.sampled_from([{"REGEX": "^g"}, {"REGEX": "n"}, {"FUZZY": "gone"}, {"REGEX": {"IN": ["^V"]}},
                     {"FUZZY1": {"NOT_IN": ["ann"]}}]),
)  # fmt: skip
compared = st.tuples(
    st.just("LENGTH"), st.dictionaries(st.sampled_from([">=", "<", "==", "!="]), st.just(3))
)
condition = st.one_of(plain, plain, member, subset, regex, compared)
token = st.lists(condition, max_size=2).map(dict)
operator = st.tuples(token, st.sampled_from(["?", "*", "+", "!", "1", "{2}", "{1,2}"])).map(
    lambda pair: {**pair[0], "OP": pair[1]}
)
extension = st.sampled_from(
    [{"_": {"first": "g"}}, {"_": {"first": {"IN": ["A", "n"]}}, "TAG": "NN"}]
)
short = st.lists(token, min_size=1, max_size=3)
pattern = st.one_of(
    short, short, st.lists(st.one_of(token, operator, extension), min_size=1, max_size=3)
)
attrs = st.dictionaries(st.sampled_from(list(WRITTEN)), st.none(), min_size=1, max_size=3).flatmap(
    lambda names: st.fixed_dictionaries({name: st.sampled_from(WRITTEN[name]) for name in names})
)
written = st.one_of(attrs, attrs, st.just({"_": {"mark": "x"}, "POS": "NOUN"}),
                    st.just({"_": {"mark": "y"}}), st.just({"LOWER": "gone"}))  # fmt: skip


@st.composite
def rules(draw):
    patterns = draw(st.lists(pattern, min_size=1, max_size=2))
    shortest = min(map(len, patterns))
    index = draw(st.integers(-shortest, shortest - 1))
    return {"patterns": patterns, "attrs": draw(written), "index": index}


doc = st.lists(
    st.tuples(*map(st.sampled_from, (WORDS, TAGS, POS, MORPHS, DEPS, ENTS)), st.booleans()),
    max_size=6,
)


def make_doc(vocab, rows):
    words, tags, pos, morphs, deps, ents, starts = zip(*rows) if rows else [()] * 7
    ents = ["B-PER" if e == "I-PER" and (not i or ents[i - 1] == "O") else e
            for i, e in enumerate(ents)]  # fmt: skip
    made = Doc(vocab, words=list(words), tags=list(tags), pos=list(pos), morphs=list(morphs),
               ents=ents)  # fmt: skip
    for token, start in list(zip(made, starts))[1:]:
        token.is_sent_start = start
    for token, dep in zip(made, deps):
        token.dep_ = dep
    return made


def annotation(docs):
    return [
        (doc.to_array(COMPARED).tolist(), [str(token.morph) for token in doc],
         [token._.mark for token in doc])
        for doc in docs
    ]  # fmt: skip


def of_streams(ruler, corpora):
    """What becomes of docs, also of those that a rule fails on."""
    ruler.set_error_handler(lambda *_: None)
    streams = [[make_doc(ruler.vocab, rows) for rows in docs] for docs in corpora]
    return [
        ([doc is None for doc in ruler.pipe(docs, batch_size=3)], annotation(docs))
        for docs in streams
    ]


def make_vocab():
    return create_vocab("en", English.Defaults)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(rules(), min_size=1, max_size=6),
    st.lists(st.lists(doc, max_size=4), min_size=1, max_size=3),
    st.sampled_from([2, 20_000]),
)
def test_any_rules_annotate_any_docs_as_spacy_does(patterns, corpora, memo):
    stock = AttributeRuler(make_vocab(), "stock")
    fast = FastAttributeRuler(make_vocab(), "fast", memo=memo)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stock.add_patterns(patterns)
        fast.add_patterns(patterns)
        assert of_streams(fast, corpora) == of_streams(stock, corpora)


GONE = [
    {"patterns": [[{"TAG": "VB"}]], "attrs": {"POS": "VERB", "MORPH": "VerbForm=Inf"}},
    {"patterns": [[{"LOWER": "ai"}, {"LOWER": {"REGEX": "^n'?t$"}}]], "attrs": {"LEMMA": "be"}},
    {"patterns": [[{"TAG": "VB"}, {}, {"LOWER": "!"}]], "attrs": {"POS": "INTJ"}, "index": -1},
]


@pytest.fixture
def nlp():
    return spacy.blank("en")


def ruler_of(nlp, patterns=GONE, **settings):
    ruler = nlp.add_pipe("fast_attribute_ruler", config=settings)
    ruler.add_patterns(patterns)
    return ruler


def never(*_, **__):
    raise AssertionError("spaCy's own was asked")


def test_spans_send_no_doc_the_slow_way(nlp, monkeypatch):
    ruler = ruler_of(nlp)
    monkeypatch.setattr(AttributeRuler, "__call__", never)
    doc, other = nlp.make_doc("He ai n't go !"), nlp.make_doc("ai !")
    doc[3].tag_ = "VB"
    list(ruler.pipe([doc, other]))
    assert [t.lemma_ for t in doc] == ["", "be", "", "", ""]
    assert [t.pos_ for t in doc] == ["", "", "", "VERB", ""]
    assert [t.lemma_ for t in other] == ["", ""], "a span goes on in the next doc"
    assert str(doc[3].morph) == "VerbForm=Inf"


def test_later_rules_win_over_earlier_ones_also_of_spans(nlp):
    patterns = [
        {"patterns": [[{"LOWER": "a"}, {"LOWER": "b"}]], "attrs": {"POS": "NOUN", "TAG": "x"}},
        {"patterns": [[{"LOWER": "a"}]], "attrs": {"POS": "VERB"}},
        {"patterns": [[{"LOWER": "b"}]], "attrs": {"POS": "ADJ"}},
        {"patterns": [[{"LOWER": "a"}, {"LOWER": "b"}]], "attrs": {"POS": "ADV"}, "index": -1},
    ]
    doc = ruler_of(nlp, patterns)(nlp.make_doc("a b a"))
    assert [(t.pos_, t.tag_) for t in doc] == [("VERB", "x"), ("ADV", ""), ("VERB", "")]


def test_what_a_rule_writes_no_other_reads(nlp):
    patterns = [
        {"patterns": [[{"TAG": "A"}]], "attrs": {"TAG": "B"}},
        {"patterns": [[{"TAG": "B"}]], "attrs": {"TAG": "C"}},
    ]
    doc = nlp.make_doc("a")
    doc[0].tag_ = "A"
    ruler = ruler_of(nlp, patterns)
    assert ruler(doc)[0].tag_ == "B"
    assert [list(ruler.pipe([doc, doc]))[0][0].tag_ for _ in range(1)] == ["C"]


def test_words_that_a_rule_changes_are_others_in_the_next_doc(nlp):
    patterns = [
        {"patterns": [[{"ORTH": "went"}]], "attrs": {"LOWER": "go"}},
        {"patterns": [[{"LOWER": "go"}]], "attrs": {"POS": "VERB"}},
    ]
    docs = ruler_of(nlp, patterns).pipe([nlp.make_doc("went"), nlp.make_doc("went")])
    assert [doc[0].pos_ for doc in docs] == ["", "VERB"]


def errors(nlp, factory, patterns, *, handler=None):
    """What a ruler says of a doc, and what it has written by then."""
    ruler = nlp.add_pipe(factory, name=factory)
    ruler.add_patterns(patterns)
    docs = [nlp.make_doc("a b"), nlp.make_doc("go")]
    told = []
    if handler:
        ruler.set_error_handler(lambda name, pipe, docs, error: told.append(str(error)))
        got = [doc and doc.text for doc in ruler.pipe(docs)]
    else:
        with pytest.raises((ValueError, AttributeError)) as caught:
            list(ruler.pipe(docs))
        got = [str(caught.value)]
    return got, told, [[t.pos_ for t in doc] for doc in docs]


MISSING = {"patterns": [[{"_": {"unheard": "x"}}]], "attrs": {"POS": "X"}}
OUTSIDE = {"patterns": [[{"LOWER": "go"}]], "attrs": {"POS": "X"}, "index": 1}
OUTSIDE_OF_SOME = {"patterns": [[{"LOWER": "go", "OP": "+"}]], "attrs": {"POS": "X"}, "index": 1}
FIRST = {"patterns": [[{"LOWER": "a"}], [{"LOWER": "go"}]], "attrs": {"POS": "DET"}}


@pytest.mark.parametrize("rule", [MISSING, OUTSIDE, OUTSIDE_OF_SOME])
@pytest.mark.parametrize("handler", [False, True])
def test_errors_are_those_of_spacy(nlp, rule, handler):
    stock = errors(nlp, "attribute_ruler", [FIRST, rule], handler=handler)
    assert (
        errors(spacy.blank("en"), "fast_attribute_ruler", [FIRST, rule], handler=handler) == stock
    )
    assert re.search("unheard|E1001", str(stock))


def test_an_extension_that_refuses_is_handled_doc_by_doc(nlp):
    def refuse(token, value):
        if token.text == "no":
            raise ValueError("refused")

    Token.set_extension("strict", getter=lambda token: 0, setter=refuse, force=True)
    ruler = ruler_of(nlp, [{"patterns": [[{}]], "attrs": {"_": {"strict": 1}, "POS": "X"}}])
    told = []
    ruler.set_error_handler(lambda name, pipe, docs, error: told.append((docs[0].text, str(error))))
    docs = [nlp.make_doc("no"), nlp.make_doc("yes")]
    assert [doc and doc.text for doc in ruler.pipe(docs)] == [None, "yes"]
    assert told == [("no", "refused")]
    assert docs[1][0].pos_ == "X"


def test_a_ruler_without_rules_warns_as_spacys(nlp):
    ruler = nlp.add_pipe("fast_attribute_ruler")
    with pytest.warns(UserWarning, match="W036"):
        ruler(nlp.make_doc("a"))


def test_rules_that_are_added_later_count(nlp):
    ruler = ruler_of(nlp)
    ruler(nlp.make_doc("hm"))
    ruler.add([[{"LOWER": "hm"}]], {"POS": "INTJ"})
    assert ruler(nlp.make_doc("hm"))[0].pos_ == "INTJ"
    ruler.clear()
    ruler.add([[{"LOWER": "hm"}]], {"POS": "X"})
    assert ruler(nlp.make_doc("hm"))[0].pos_ == "X"
    ruler.initialize(None, nlp=nlp, tag_map={"UH": {"POS": "INTJ", "Polite": "Infm"}})
    doc = nlp.make_doc("hm")
    doc[0].tag_ = "UH"
    assert (ruler(doc)[0].pos_, str(doc[0].morph)) == ("INTJ", "Polite=Infm")


def test_what_is_remembered_is_bounded(nlp):
    patterns = [
        {"patterns": [[{"LOWER": {"REGEX": "^a"}, "LENGTH": {">": 3}}]], "attrs": {"POS": "X"}}
    ]
    ruler = ruler_of(nlp, patterns, memo=64)
    rng = numpy.random.default_rng(0)
    for _ in range(20):
        words = ["".join(map(chr, rng.integers(97, 123, size=n))) for n in rng.integers(1, 9, 50)]
        for token in ruler(Doc(nlp.vocab, words=words)):
            assert token.pos_ == ("X" if token.text[0] == "a" and len(token) > 3 else "")
    columns = ruler._rules.compiled._columns._columns
    assert all(len(column._number_of) <= 64 for column in columns)
    assert len(ruler._rules.compiled._match_of) <= 4, "rows of what counts, not of words"


def test_it_is_right_in_memory_zones_and_after(nlp):
    ruler = ruler_of(nlp, [{"patterns": [[{"LOWER": {"REGEX": "^zq"}}]], "attrs": {"LEMMA": "zz"}}])
    for _ in range(3):
        with nlp.memory_zone():
            doc = ruler(nlp.make_doc("zqa zqb b"))
            assert [token.lemma_ for token in doc] == ["zz", "zz", ""]
    assert [token.lemma_ for token in ruler(nlp.make_doc("zqa b zqc"))] == ["zz", "", "zz"]


def test_threads_share_it(nlp):
    ruler = ruler_of(nlp, memo=2)
    texts = ["He ai n't gone !", "go away !", "n't ai n't"] * 30
    expected = annotation(map(ruler, map(nlp.make_doc, texts)))
    got = [None] * 4

    def annotate(i):
        got[i] = annotation(ruler.pipe(map(nlp.make_doc, texts), batch_size=5))

    threads = [threading.Thread(target=annotate, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [expected] * 4


def test_docs_of_another_vocab_are_annotated_as_by_spacy():
    of_vocab = []
    for factory in ("attribute_ruler", "fast_attribute_ruler"):
        source = spacy.blank("en")
        source.add_pipe(factory, name="ruler").add_patterns(GONE)
        nlp = spacy.blank("en")
        nlp.add_pipe("ruler", source=source)
        doc = nlp.make_doc("go")
        doc[0].tag_ = "VB"
        of_vocab.append(nlp.get_pipe("ruler")(doc).to_array(["MORPH", "POS"]).tolist())
    assert of_vocab[0] == of_vocab[1]


def test_it_is_saved_as_spacys_is(nlp, tmp_path):
    ruler = ruler_of(nlp)
    text = "He ai n't go !"
    expected = annotation([ruler(nlp.make_doc(text))])
    nlp.to_disk(tmp_path / "nlp")
    stock = spacy.blank("en").add_pipe("attribute_ruler")
    stock.from_disk(tmp_path / "nlp" / "fast_attribute_ruler", exclude=["vocab"])
    assert stock.patterns == ruler.patterns
    for again in (
        spacy.load(tmp_path / "nlp"),
        pickle.loads(pickle.dumps(nlp)),
        spacy.util.load_model_from_config(nlp.config).from_bytes(nlp.to_bytes()),
    ):
        assert isinstance(again.get_pipe("fast_attribute_ruler"), FastAttributeRuler)
        assert annotation([again(text)]) == expected
        assert annotation(again.pipe([text] * 3, n_process=2)) == expected * 3


def test_settings_out_of_range_are_refused(nlp):
    with pytest.raises(ValueError, match="memo: expected a number from 2"):
        nlp.add_pipe("fast_attribute_ruler", config={"memo": 1})
