"""One pipeline of every component at two times of its training."""

import pytest
import spacy
from all_components import build, gold_examples
from spacy.language import Language


@pytest.fixture(scope="session")
def systems() -> dict[str, Language]:
    spacy.util.fix_random_seed(0)
    nlp = build()
    examples = gold_examples(nlp)
    nlp.initialize(lambda: examples)
    optimizer = nlp.resume_training()
    optimizer.learn_rate = 0.01
    for step in range(12):
        if step == 6:
            earlier = build().from_bytes(nlp.to_bytes())
        nlp.update(examples, sgd=optimizer)
    return {"teacher": nlp, "student": earlier}
