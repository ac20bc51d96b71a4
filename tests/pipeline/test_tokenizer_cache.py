"""`spacy-skd.tokenizer_cache.v1`: more pieces are remembered, and none is cut in another way."""

import pytest
import spacy
from spacy.util import load_model_from_config

from spacy_skd.pipeline.tokenizer_cache import NAME, SIZE, make_tokenizer_cache
from spacy_skd.training.configs.plan import Student
from spacy_skd.training.configs.presets import PRESETS
from spacy_skd.training.configs.student_config import student_config

TEXTS = ["I can't. Don't!", "(see http://a.b/c), e.g. 10km", "I can't. Don't!"]


def words(nlp):
    return [[token.text for token in nlp.make_doc(text)] for text in TEXTS]


def config_of(size):
    return {"nlp": {"lang": "en", "after_creation": {"@callbacks": NAME, "size": size}}}


@pytest.mark.parametrize("size", [0, 1, SIZE])
def test_tokens_are_the_same(size):
    nlp = load_model_from_config(config_of(size), auto_fill=True)
    assert nlp.tokenizer.max_cache_size == size
    assert words(nlp) == words(spacy.blank("en"))


def test_it_outlives_saving(tmp_path):
    nlp = load_model_from_config(config_of(7), auto_fill=True)
    nlp.to_disk(tmp_path)
    assert spacy.load(tmp_path).tokenizer.max_cache_size == 7
    assert spacy.blank("en").tokenizer.max_cache_size != 7


def test_students_have_it():
    config = student_config([Student("tag", "tag", "tag")], preset=PRESETS["tiny"])
    assert config["nlp"]["after_creation"] == {"@callbacks": NAME, "size": SIZE, "first": None}
    assert load_model_from_config(config, validate=False).tokenizer.max_cache_size == SIZE


def test_other_tokenizers_stay_as_they_are():
    nlp = spacy.blank("zh")
    assert make_tokenizer_cache(5)(nlp) is nlp
    assert not hasattr(nlp.tokenizer, "max_cache_size")


def test_a_negative_size_is_refused():
    with pytest.raises(ValueError, match="size"):
        make_tokenizer_cache(-1)
