"""Students that know pairs of words: what `init --pairs` writes."""

import pytest
import spacy
from thinc.api import Config

from spacy_skd.cli.init import init
from spacy_skd.training.configs.with_lexicon import with_lexicon


@pytest.fixture
def plain(teacher):
    return init(str(teacher), preset="tiny")[0]


def test_only_the_embedding_differs_and_is_that_of_before_within(teacher, plain):
    config, _ = init(str(teacher), preset="tiny", pairs=50)
    embed = config["components"]["tok2vec"]["model"]["embed"]
    assert embed["@architectures"] == "spacy-skd.PairEmbed.v1"
    assert embed["rows"] == 50
    config["components"]["tok2vec"]["model"]["embed"] = embed["embed"]
    assert config == plain


def test_a_lexicon_goes_around_it_and_both_are_made(teacher):
    config = with_lexicon(init(str(teacher), preset="tiny", pairs=50)[0], "lexicon.jsonl")
    block = config["components"]["tok2vec"]["model"]
    block = Config({**config, "model": block}).interpolate()["model"]
    model = spacy.registry.resolve({"model": block})["model"]
    names = [node.name for node in model.walk()]
    assert names.index("lexicon_embed") < names.index("pair_embed") < names.index("hashembed")


@pytest.mark.parametrize("rows", [-1, 10**9])
def test_rows_that_cannot_be(teacher, rows):
    with pytest.raises(ValueError, match="pairs: expected a number from 0 to 100000000"):
        init(str(teacher), preset="tiny", pairs=rows)
