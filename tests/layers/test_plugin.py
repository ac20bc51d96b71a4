"""A plugin registers a layer of labels of tokens, and all else follows."""

import catalogue
import numpy
import pytest
import spacy
from conftest import LISTENER, TOK2VEC, make_docs
from spacy.cli._util import import_code
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from spacy.training.initialize import init_nlp

from spacy_skd.cli.init import init
from spacy_skd.cli.rehead import rehead
from spacy_skd.cli.report import report, table
from spacy_skd.layers.known import layer_classes
from spacy_skd.shards.manifest import Manifest
from spacy_skd.training.annotation.annotate import annotate
from spacy_skd.training.configs.layered import config_of
from spacy_skd.training.corpora.sampled import make_sampled_corpus

# All that a plugin writes.
PLUGIN = """
import spacy
from spacy.attrs import ENT_ID
from spacy_skd.layers.extension import ExtensionLayer
from spacy_skd.layers.token_layer import TokenLayer

@spacy.registry.skd_layers("ent_id")
class IdLayer(TokenLayer):
    name = "ent_id"
    attr = ENT_ID

@spacy.registry.skd_layers("sense")
class SenseLayer(ExtensionLayer):
    name = "sense"
"""
NAMES = ("ent_id", "sense")


@pytest.fixture(scope="module", autouse=True)
def plugin(tmp_path_factory):
    path = tmp_path_factory.mktemp("plugin") / "plugin.py"
    path.write_text(PLUGIN)
    meta = Language.get_factory_meta("distilling_tagger")
    before = meta.assigns, meta.default_score_weights
    import_code(path)
    yield
    meta.assigns, meta.default_score_weights = before
    for name in NAMES:
        del catalogue.REGISTRY["spacy", "skd_layers", name]


def docs_of(nlp):
    docs = make_docs(nlp)
    for layer in NAMES:
        layer_classes()[layer]()  # sets the extension
    for doc in docs:
        for token in doc:
            token.ent_id_ = token.lower_.rstrip("s")
            token._.sense = f"{token.pos_.lower()}.1"
    return docs


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A teacher of both layers, gold, raw text and the store that it annotates."""
    spacy.util.fix_random_seed(0)
    folder = tmp_path_factory.mktemp("made")
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": TOK2VEC})
    model = {"@architectures": "spacy-skd.TokenScorer.v1", "tok2vec": LISTENER}
    for layer in NAMES:
        nlp.add_pipe("distilling_tagger", layer, config={"layer": layer, "model": model})
    examples = [Example(Doc(nlp.vocab, [t.text for t in doc]), doc) for doc in docs_of(nlp)]
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.02
    for _ in range(40):
        nlp.update(examples, sgd=optimizer)
    nlp.to_disk(folder / "teacher")
    DocBin(docs=docs_of(nlp), store_user_data=True).to_disk(folder / "gold.spacy")
    (folder / "raw.txt").write_text("\n".join(["The cat sees Ann .", "Dogs sleep well"] * 4))
    inputs = [str(folder / name) for name in ("gold.spacy", "raw.txt")]
    annotate(str(folder / "teacher"), inputs, folder / "store")
    return folder


def test_the_factory_takes_it_and_spacy_knows_its_score():
    nlp = spacy.blank("en")
    nlp.add_pipe("distilling_tagger", config={"layer": "sense"})
    assert nlp.config["training"]["score_weights"]["sense_acc"] > 0
    with pytest.raises(ValueError, match="expected one of tag, .*, ent_id, sense, got 'no'"):
        nlp.add_pipe("distilling_tagger", "other", config={"layer": "no"})


def test_a_pipeline_learns_it_and_loads(made):
    nlp = spacy.load(made / "teacher")
    doc = nlp("The cat sees Ann .\n")
    assert [token.ent_id_ for token in doc] == ["the", "cat", "see", "ann", ".", ""]
    assert [token._.sense for token in doc] == [
        "det.1",
        "noun.1",
        "verb.1",
        "propn.1",
        "punct.1",
        "",
    ]
    bare = Example(nlp.make_doc(doc.text), doc)
    assert nlp.evaluate([bare])["sense_acc"] == 1.0


def test_report_has_its_column(made):
    results = report(made / "gold.spacy", {"own": made / "teacher"}, speed_words=200)
    assert results["own"]["predicted_sentences"] == {"ent_id_acc": 1.0, "sense_acc": 1.0}
    assert "ENT_ID   SENSE" in table(results)


def test_annotated_folders_know_it_and_it_is_drawn(made):
    manifest = Manifest.from_disk(made / "store")
    assert manifest.layers == {"ent_id": "ent_id", "sense": "sense"}
    assert manifest.counts["texts"] == 14
    examples = list(make_sampled_corpus(made / "store")(spacy.blank("en")))
    raw = [eg.reference for eg in examples if eg.reference.text.startswith("Dogs sleep well")]
    assert raw
    assert all(doc[0].ent_id_ and doc[0]._.sense for doc in raw)
    senses = [doc[0]._.sense for doc in raw]
    assert numpy.mean([sense == "noun.1" for sense in senses]) > 0.5


def test_init_writes_a_student_that_initializes(made):
    config, plan = init(
        str(made / "teacher"),
        preset="tiny",
        store=str(made / "store"),
        dev=str(made / "gold.spacy"),
    )
    assert [student.layer for student in plan.students] == list(NAMES)
    weights = config["training"]["score_weights"]
    assert {name for name, weight in weights.items() if weight} == {"ent_id_acc", "sense_acc"}
    nlp = init_nlp(config)
    assert "noun.1" in nlp.get_pipe("sense").labels


def test_rehead_trains_heads_of_it(made, tmp_path):
    plan = rehead(
        str(made / "teacher"), tmp_path, train=made / "gold.spacy", dev=made / "gold.spacy"
    )
    assert [head.layer for head in plan.heads] == list(NAMES)
    text = (tmp_path / "rehead.cfg").read_text()
    assert 'layer = "sense"' in text
    assert "sense_acc = 0.5" in text


def test_configs_of_projects_have_it():
    for name in ("teacher", "student"):
        config = config_of(name, ["tag", "sense"])
        assert config["nlp"]["pipeline"][-2:] == ["tag", "sense"]
        assert config["components"]["sense"]["layer"] == "sense"
    assert "sense" not in config_of("stock", ["tag", "sense"])["components"]
