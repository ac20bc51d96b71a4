"""Fast rules in the place of spaCy's own: the pipeline around them stays as it was."""

import pytest
import spacy
from spacy.cli.assemble import assemble_cli
from spacy.language import Language
from spacy.lookups import Lookups
from spacy.pipeline import AttributeRuler, Lemmatizer

from spacy_skd.pipeline.stock_pipes import make_stock
from spacy_skd.rules import fast_factory, is_fast, make_fast, make_original

TEXT = "He ai n't going !"


class OwnRuler(AttributeRuler):
    pass


@Language.factory("own_ruler")
def make_own_ruler(nlp, name):
    return OwnRuler(nlp.vocab, name)


@pytest.fixture
def nlp():
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    ruler = nlp.add_pipe("attribute_ruler", name="rules", config={"validate": True})
    ruler.add([[{"LOWER": "ai"}, {"LOWER": "n't"}]], {"LEMMA": "be"})
    ruler.add([[{"LOWER": {"REGEX": "ing$"}}]], {"POS": "VERB", "MORPH": "VerbForm=Part"})
    nlp.add_pipe("own_ruler").add([[{}]], {"TAG": "x"})
    lookups = Lookups()
    lookups.add_table("lemma_rules", {"verb": [["ing", ""]]})
    lemmatizer = nlp.add_pipe("lemmatizer", config={"overwrite": False})
    lemmatizer.initialize(lookups=lookups)
    nlp.add_pipe("attribute_ruler", name="off").add([[{}]], {"TAG": "off"})
    nlp.disable_pipe("off")
    nlp.config["initialize"]["components"]["rules"] = {"tag_map": {"A": {"POS": "ADJ"}}}
    return nlp


def annotation(nlp, texts=(TEXT,), **settings):
    return [
        [(t.lemma_, t.pos_, t.tag_, str(t.morph)) for t in doc]
        for doc in nlp.pipe(texts, **settings)
    ]


@pytest.mark.filterwarnings("ignore:.*W108")
def test_the_pipeline_is_the_same_but_for_the_factories(nlp, tmp_path):
    expected = annotation(nlp, [TEXT, ""])
    assert ("be", "", "x", "") in expected[0]
    before = nlp.config.copy()
    assert make_fast(nlp) == ["rules", "lemmatizer", "off"]
    factories = {name: nlp.get_pipe_meta(name).factory for name in nlp.component_names}
    assert factories == {
        "sentencizer": "sentencizer", "rules": "fast_attribute_ruler", "own_ruler": "own_ruler",
        "lemmatizer": "fast_lemmatizer", "off": "fast_attribute_ruler",
    }  # fmt: skip
    assert nlp.disabled == ["off"]
    assert nlp.config["initialize"] == before["initialize"]
    assert nlp.config["nlp"] == before["nlp"]
    assert nlp.config["components"]["rules"]["validate"] is True
    assert nlp.config["components"]["lemmatizer"]["mode"] == "rule"
    assert make_fast(nlp) == []
    nlp.to_disk(tmp_path / "fast")
    for again in (nlp, spacy.load(tmp_path / "fast"), assembled(nlp, tmp_path)):
        assert annotation(again, [TEXT, ""]) == expected
        assert annotation(again, [TEXT, ""], n_process=2) == expected


def assembled(nlp, folder):
    """What `spacy assemble` makes of a config that sources the components."""
    config = nlp.config.copy()
    config["components"] = {name: {"source": str(folder / "fast")} for name in config["components"]}
    config["initialize"]["components"] = {}
    config.to_disk(folder / "assemble.cfg")
    assemble_cli(
        type("Context", (), {"args": []}), folder / "assemble.cfg", folder / "assembled",
        code_path=None, verbose=False,
    )  # fmt: skip
    return spacy.load(folder / "assembled")


@pytest.mark.filterwarnings("ignore:.*W108")
def test_there_is_a_way_back(nlp):
    expected = annotation(nlp)
    config = nlp.config.copy()
    for name in make_fast(nlp):
        make_original(nlp, name)
    assert nlp.config == config
    assert not any(is_fast(pipe) for _, pipe in nlp.components)
    assert annotation(nlp) == expected
    assert type(nlp.get_pipe("lemmatizer").cache) is dict


@pytest.mark.filterwarnings("ignore:.*W108")
def test_export_makes_them_spacys_own(nlp):
    expected = annotation(nlp)
    make_fast(nlp)
    outcome = make_stock(nlp)
    assert outcome.exported == {"rules": "attribute_ruler", "off": "attribute_ruler",
                                "lemmatizer": "lemmatizer"}  # fmt: skip
    assert not outcome.kept
    assert "spacy-skd" not in nlp.config.to_str()
    assert annotation(nlp) == expected


@pytest.mark.filterwarnings("ignore:.*W108")
def test_a_config_makes_them_fast_when_a_pipeline_is_loaded(nlp, tmp_path):
    nlp.to_disk(tmp_path / "stock")
    made = {"nlp": {"after_pipeline_creation": {"@callbacks": "spacy-skd.fast_rules.v1"}}}
    fast = spacy.load(tmp_path / "stock", config=made)
    assert is_fast(fast.get_pipe("rules"))
    assert is_fast(fast.get_pipe("lemmatizer"))
    assert annotation(fast) == annotation(nlp)


def test_a_class_of_ones_own_stays(nlp):
    class Analysing(Lemmatizer):
        pass

    assert fast_factory(Analysing(nlp.vocab, None)) == ""
    assert fast_factory(OwnRuler(nlp.vocab)) == ""
    assert fast_factory(nlp.get_pipe("sentencizer")) == ""
