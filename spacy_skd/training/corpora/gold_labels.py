"""Labels of gold that the first examples of a stream lack."""

from collections import Counter
from collections.abc import Iterable
from itertools import islice
from typing import Any
from weakref import WeakKeyDictionary

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import registry

from ...disk import digest
from ...layers.entity_tags import repair_entities
from ...pipeline.learners import LEARNERS

# Of each component that is about to be initialized, how often it has met each doc, by a digest of
# all that it says, in the reader that had it most often.
_MET: "WeakKeyDictionary[Any, Counter[str]]" = WeakKeyDictionary()


def note_labels(nlp: Language, references: Iterable[Doc]) -> None:
    """Make the labels of all gold known to the components of a pipeline that is about to be
    initialized: spaCy shows them the first 100 examples of a stream, and what these lack could
    never be learnt.

    What several readers have in common counts once, since labels are chosen by how often they
    occur; what stands several times in one of them counts as often.

    references (Iterable[Doc]): read once, and only if there is such a component whose labels are
        not given by `labels` of [initialize.components.NAME].
    """
    learners = {name: pipe for name, pipe in nlp.components if isinstance(pipe, LEARNERS)}
    untrained = {name: pipe for name, pipe in learners.items() if not pipe.is_initialized}
    given = _given(nlp, untrained) if untrained else set()
    new = [pipe for name, pipe in untrained.items() if name not in given]
    if not new:
        return
    docs_left = iter(references)
    here: Counter[str] = Counter()
    while docs := list(islice(docs_left, 256)):
        numbered = []
        for doc in docs:
            repair_entities(doc)  # of which the corpus tells
            key = digest(doc.to_bytes(exclude=["strings", "tensor", "user_data"]))
            here[key] += 1
            numbered.append((key, here[key], Example(doc, doc)))
        for pipe in new:
            met = _MET.setdefault(pipe, Counter())
            pipe.note_gold([eg for key, number, eg in numbered if number > met[key]])
            met |= Counter({key: number for key, number, _ in numbered})  # its last, the highest


def _given(nlp: Language, names: Iterable[str]) -> set[str]:
    """Return those of some components whose labels the config gives; a file of them that need not
    be there, and is not, gives none."""
    settings = nlp.config.interpolate()["initialize"]["components"]
    blocks = {name: settings.get(name, {}).get("labels") for name in names}
    return {name for name, labels in registry.resolve(blocks).items() if labels is not None}
