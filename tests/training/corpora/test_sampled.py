"""The reader that draws annotation: what it draws, from where, how it resumes, who learns it."""

import itertools
import shutil

import numpy
import pytest
import spacy
from conftest import TOK2VEC, gold_examples, make_docs
from spacy.pipeline._parser_internals.nonproj import is_nonproj_tree
from spacy.tokens import DocBin
from stock_pipelines import EMBED, LISTENER, stock_pipeline

from spacy_skd.layers.tokens import TagLayer
from spacy_skd.shards.manifest import Manifest
from spacy_skd.shards.store import KEY, read_beliefs
from spacy_skd.structures import LinearChain, Parts, SpanningTrees
from spacy_skd.training.annotation.annotate import Settings, annotate
from spacy_skd.training.corpora.drawn_layers import make_layers
from spacy_skd.training.corpora.sampled import is_initialized, make_sampled_corpus
from spacy_skd.transfer.beliefs import Form

RAW = ["The cat gave Ann him . Dogs well", "She sleep the book", "Go go go", "n't unseen !"]


def entity_teacher(folder, name="ner", **layer):
    """A chain over entities, or spans, moved at random."""
    nlp = spacy.blank("en")
    chain = {"@architectures": "spacy-skd.ChainScorer.v1", "tok2vec": TOK2VEC}
    config = {"layer": "ents", "model": chain, **layer}
    nlp.add_pipe("distilling_tagger", name, config=config)
    docs = make_docs(nlp)
    for doc in docs:
        doc.set_ents([spacy.tokens.Span(doc, 0, 1, label="PER")])
        doc.spans["told"] = list(doc.ents)
    examples = [spacy.training.Example(doc.copy(), doc) for doc in docs]
    nlp.initialize(lambda: examples)
    output = nlp.get_pipe(name).model.get_ref("output_layer")
    param = output.get_param("b")
    param[:] = numpy.random.default_rng(0).normal(size=param.shape)
    nlp.to_disk(folder)
    return folder


def annotated(teacher, folder, *, gold=True, raw=RAW):
    folder.mkdir(exist_ok=True)
    inputs = [folder / "raw.txt"]
    inputs[0].write_text("\n".join(raw))
    if gold:
        inputs.append(folder / "gold.spacy")
        DocBin(docs=make_docs(spacy.blank("en"))).to_disk(inputs[1])
    annotate(teacher, [str(path) for path in inputs], folder / "out", settings=Settings())
    return folder / "out"


@pytest.fixture(scope="module")
def store(teacher, tmp_path_factory):
    """Tags, POS, sentence starts and trees."""
    return annotated(teacher, tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def entity_store(tmp_path_factory):
    teacher = entity_teacher(tmp_path_factory.mktemp("teacher"))
    return annotated(teacher, tmp_path_factory.mktemp("entities"), gold=False)


def is_raw(eg):
    return eg.text in RAW


def shown(doc):
    return [
        (t.text, t.tag_, t.pos_, str(t.morph), t.head.i, t.dep_, t.is_sent_start, t.ent_iob_)
        for t in doc
    ]


def take(read, nlp, n):
    """The first n examples, over passes."""
    found = []
    while len(found) < n:
        found.extend(itertools.islice(read(nlp), n - len(found)))
    return found


def beliefs(store, pipe):
    """By text."""
    found = {}
    for name in store.names(labelled=False):
        for doc in store.read(name).get_docs(spacy.blank("en").vocab):
            stored = read_beliefs(doc.user_data)
            found[doc.text] = store.forms[pipe].unpack(stored.packed[pipe])
    return found


def near(counts, expected, n):
    """Counts of n draws of events of these probabilities: within 4.5 standard deviations."""
    spread = 4.5 * (n * expected * (1 - expected)) ** 0.5 + 1e-6 * n + 1
    return (abs(counts - n * expected) < spread).all()


def softmax(scores):
    weights = numpy.exp(scores - scores.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


N = 500


def draws(store, **settings):
    """By text, of N docs that are drawn."""
    read = make_sampled_corpus(store, seed=5, **settings)
    nlp = spacy.blank("en")
    found = {}
    while sum(map(len, found.values())) < N:
        for eg in filter(is_raw, read(nlp)):
            found.setdefault(eg.text, []).append(eg.reference)
    return read.store, found


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_tags_and_heads_come_as_often_as_the_belief_says(store, temperature):
    opened, found = draws(store, temperature=temperature)
    tags, trees = beliefs(opened, "tag"), beliefs(opened, "parser")
    assert found.keys() == set(RAW)
    for text, docs in found.items():
        belief = tags[text]
        counts = [[sum(d[i].tag_ == tag for d in docs) for tag in belief.labels]
                  for i in range(len(docs[0]))]  # fmt: skip
        assert near(numpy.asarray(counts), softmax(belief.scores / temperature), len(docs))
        assert {tuple(s.start for s in d.sents) for d in docs} == {
            tuple(trees[text].units[:, 0].tolist())
        }
        for (start, end), arc in zip(trees[text].units.tolist(), trees[text].arcs):
            n = end - start
            parts = Parts({"arc": arc[None]}, numpy.asarray([n])) * (1 / temperature)
            marginals = SpanningTrees().infer(parts)[1].arrays["arc"][0]
            counts = numpy.zeros((n, n + 1))
            for doc in docs:
                for i in range(n):
                    head = doc[start + i].head.i
                    counts[i, 0 if head == start + i else head - start + 1] += 1
            assert near(counts, marginals, len(docs))


def test_entities_come_as_often_as_the_chain_says(entity_store):
    opened, found = draws(entity_store)
    chains = beliefs(opened, "ner")
    several = 0
    for text, docs in found.items():
        belief = chains[text]
        arrays = {"unary": belief.scores[None], "transition": belief.transition[None]}
        parts = Parts(arrays, numpy.asarray([len(belief.scores)]))
        unary = LinearChain().infer(parts)[1].arrays["unary"][0]
        outside = [i for i, tag in enumerate(belief.labels) if tag == "O"]
        begins = [i for i, tag in enumerate(belief.labels) if tag[0] in "BS"]
        for wanted, columns in (("O", outside), ("B", begins)):
            counts = [sum(d[i].ent_iob_ == wanted for d in docs) for i in range(len(docs[0]))]
            expected = unary[:, columns].sum(axis=1)
            assert near(numpy.asarray(counts), expected, len(docs))
        several += len({tuple(t.ent_iob_ for t in d) for d in docs})
        assert not docs[0].has_annotation("TAG")
    assert several > 2 * len(found)


def test_trees_without_crossing_arcs(store):
    nlp = spacy.blank("en")

    def crossing(projective):
        read = make_sampled_corpus(store, projective=projective, temperature=5.0)
        docs = [eg.reference for eg in take(read, nlp, 60) if is_raw(eg)]
        return sum(is_nonproj_tree([t.head.i - s.start for t in s]) for d in docs for s in d.sents)

    assert crossing(False) > 0
    assert crossing(True) == 0


def test_gold_docs_are_untouched(store):
    nlp = spacy.blank("en")
    gold = {doc.text: shown(doc) for doc in make_docs(nlp)}
    examples = take(make_sampled_corpus(store, temperature=5.0), nlp, 60)
    labelled = [eg for eg in examples if not is_raw(eg)]
    assert len(labelled) >= 6
    assert all(shown(eg.reference) == gold[eg.text] for eg in labelled)
    assert all((KEY in eg.reference.user_data) != is_raw(eg) for eg in examples)
    assert not any(eg.predicted.has_annotation("TAG") for eg in examples)


def contents(examples):
    return [(eg.text, shown(eg.reference)) for eg in examples]


def test_draws_depend_on_seed_and_place_and_are_new_in_each_round(store):
    def first(seed):
        return contents(take(make_sampled_corpus(store, seed=seed), spacy.blank("en"), 60))

    assert first(1) == first(1)
    assert first(1) != first(2)
    drawn = [tags for text, tags in first(1) if text == RAW[0]]
    assert len(drawn) > 3
    assert len({str(tags) for tags in drawn}) > len(drawn) // 2


def test_skip_goes_on_with_the_very_next_example(store):
    whole = contents(take(make_sampled_corpus(store), spacy.blank("en"), 80))
    for skip in (1, 17, 50):
        rest = take(make_sampled_corpus(store, skip=skip), spacy.blank("en"), 80 - skip)
        assert contents(rest) == whole[skip:]


def stock(components, *, width=16):
    """Stock components, not initialized."""
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": EMBED})
    listener = {**LISTENER, "width": width}
    for name in components:
        model = {"@architectures": "spacy.Tagger.v2", "tok2vec": listener}
        if name in ("parser", "ner"):
            model = {
                "@architectures": "spacy.TransitionBasedParser.v2",
                "state_type": name,
                "extra_state_tokens": False,
                "hidden_width": 16,
                "maxout_pieces": 2,
                "use_upper": True,
                "tok2vec": listener,
            }
        nlp.add_pipe(name, config={"model": model})
    return nlp


def test_training_begins_where_the_stream_begins_however_often_it_was_read_before(store):
    """Each stock component reads a whole pass to be initialized."""
    nlp = stock(["tagger", "parser"])
    read = make_sampled_corpus(store, skip=3)
    assert not is_initialized(nlp)
    assert contents(read(nlp)) == contents(read(nlp))
    nlp.initialize(lambda: list(read(nlp)))
    assert is_initialized(nlp)
    blank = spacy.blank("en")
    known = TagLayer().known(nlp)
    same = make_sampled_corpus(store, skip=3)
    expected = [contents(same(blank)) for _ in range(2)]
    found = [contents(read(nlp)) for _ in range(2)]
    for drawn, others in zip(found, expected):
        assert [text for text, _ in drawn] == [text for text, _ in others]
        assert {row[1] for _, rows in drawn for row in rows} <= known
    assert found[0] != found[1]


def learn(nlp, read, steps=4):
    optimizer = nlp.initialize(lambda: read(nlp))
    losses = {}
    for _ in range(steps):
        losses = {}
        nlp.update(list(read(nlp)), sgd=optimizer, losses=losses)
    return losses


def test_stock_components_learn(store, tmp_path):
    nlp = stock(["tagger", "morphologizer", "senter", "parser"])
    losses = learn(nlp, make_sampled_corpus(store))
    assert all(numpy.isfinite(loss) and loss > 0 for loss in losses.values()), losses
    assert {"nsubj", "ROOT"} <= set(nlp.get_pipe("parser").labels)
    assert nlp("The cat sees Ann .")[0].tag_


def test_stock_ner_learns(entity_store):
    nlp = stock(["ner"])
    losses = learn(nlp, make_sampled_corpus(entity_store))
    assert losses["ner"] > 0
    assert nlp.get_pipe("ner").labels == ("PER",)


def test_a_tag_that_the_tagger_lacks_is_not_drawn(store):
    nlp = stock(["tagger"])
    for tag in ("NN", "DT"):
        nlp.get_pipe("tagger").add_label(tag)
    examples = filter(is_raw, take(make_sampled_corpus(store), nlp, 40))
    assert {t.tag_ for eg in examples for t in eg.reference} == {"NN", "DT"}


def test_a_stock_morphologizers_labels_are_pos_and_feats(tmp_path):
    teacher = stock_pipeline(steps=3)
    teacher.to_disk(tmp_path / "teacher")
    store = annotated(tmp_path / "teacher", tmp_path / "store", gold=False)
    opened, found = draws(store)
    assert {"morphologizer", "morphologizer.pos", "tagger", "senter"} < set(opened.forms)
    belief = beliefs(opened, "morphologizer")[RAW[0]]
    split = {"NOUN": [i for i, x in enumerate(belief.labels) if "POS=NOUN" in x],
             "Sing": [i for i, x in enumerate(belief.labels) if "Number=Sing" in x]}  # fmt: skip
    shares = softmax(belief.scores)
    docs = found[RAW[0]]
    for i in range(len(docs[0])):
        noun = sum(d[i].pos_ == "NOUN" for d in docs)
        sing = sum("Sing" in d[i].morph.get("Number") for d in docs)
        assert near(numpy.asarray(noun), shares[i, split["NOUN"]].sum(), len(docs))
        assert near(numpy.asarray(sing), shares[i, split["Sing"]].sum(), len(docs))
    assert len({tuple(t.is_sent_start for t in d) for d in docs}) > 1
    assert all(d[0].is_sent_start for d in docs)


@pytest.fixture(scope="module")
def span_store(tmp_path_factory):
    """Of a component whose name says nothing of its layer."""
    settings = {"layer": "spans", "spans_key": "told"}
    teacher = entity_teacher(tmp_path_factory.mktemp("teacher"), "skills", **settings)
    return annotated(teacher, tmp_path_factory.mktemp("spans"), gold=False)


def test_spans_are_drawn_into_spans_whatever_their_component_is_called(span_store):
    assert Manifest.from_disk(span_store).layers == {"skills": "spans:told"}
    docs = [eg.reference for eg in take(make_sampled_corpus(span_store), spacy.blank("en"), 40)]
    assert any(doc.spans["told"] for doc in docs)
    assert not any(doc.ents for doc in docs)


def test_an_older_store_is_drawn_from_with_a_warning(span_store, tmp_path, caplog):
    shutil.copytree(span_store, tmp_path / "old")
    manifest = Manifest.from_disk(span_store)
    manifest.layers = {}
    manifest.to_disk(tmp_path / "old")
    read = make_sampled_corpus(tmp_path / "old")
    assert "'skills' are taken for the layer 'ents'" in caplog.text
    assert any(eg.reference.ents for eg in take(read, spacy.blank("en"), 40))
    caplog.clear()
    make_sampled_corpus(tmp_path / "old", layers={"skills": "spans:told"})
    assert not caplog.text


def form(*labels, kind="tokens"):
    return Form(kind, None, labels)


def test_layers_can_be_chosen_and_do_not_clash():
    forms = {"tag": form("NN"), "other": form("VB"), "senter": form("I", "S"),
             "parser": form("nsubj", kind="trees")}  # fmt: skip
    with pytest.raises(ValueError, match="'tag' and 'other' both say 'tag'"):
        make_layers(forms, {})
    advice = '"tag": "tag", "senter": "sent"'  # one of the two, and all others
    with pytest.raises(ValueError, match=advice):
        make_layers({"tag": form("NN"), "senter": form("I", "S"), "other": form("VB")}, {})
    with pytest.raises(ValueError, match="both say 'sent'"):
        make_layers(forms, {"parser": "parser", "senter": "sent"})
    assert make_layers(forms, {"other": "tag", "senter": "sent"}).keys() == {"other", "senter"}
    with pytest.raises(ValueError, match="expected one of tag, pos"):
        make_layers(forms, {"tag": "tags"})
    with pytest.raises(ValueError, match=r"got \['no'\]"):
        make_layers(forms, {"no": "tag"})
    del forms["other"]
    assert make_layers(forms, {}).keys() == {"tag", "parser"}
    spans = make_layers({"a": form("O", "B-X")}, {"a": "spans:key"})["a"]
    assert spans.writes == ("spans:key",)


def test_errors(store):
    for settings in ({"seed": -1}, {"skip": -1}, {"temperature": 0.0}, {"buffer": 0}):
        with pytest.raises(ValueError, match=next(iter(settings))):
            make_sampled_corpus(store, **settings)
    with pytest.raises(ValueError, match="SampledCorpus: expected `store`"):
        make_sampled_corpus()
    read = make_sampled_corpus(store, layers={"tag": "parser"})
    with pytest.raises(ValueError, match="expected trees"):
        list(read(spacy.blank("en")))


def test_it_also_feeds_components_that_count_what_they_have_learnt(store):
    """Then `skip` is not needed to resume."""
    nlp = spacy.blank("en")
    model = {"@architectures": "spacy-skd.TokenScorer.v1", "tok2vec": TOK2VEC}
    nlp.add_pipe("distilling_tagger", "tag", config={"model": model})
    examples = gold_examples(nlp)
    nlp.initialize(lambda: examples)
    whole = contents(take(make_sampled_corpus(store), nlp, 40))
    nlp.get_pipe("tag").cfg["seen"] = 11
    assert contents(take(make_sampled_corpus(store), nlp, 29)) == whole[11:]
