"""What a student begins with of its teacher: lookup tables, functions of `[initialize]`, and of a
component that is trained anew labels and knowledge base, of `[initialize.components.NAME]`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from spacy.lookups import Lookups
from spacy.vocab import Vocab

from ..registry import misc
from ..teachers.loading import load_bare, load_trained

KNOWLEDGE = "spacy-skd.KnowledgeOf.v1"
LABELS = "spacy-skd.LabelsOf.v1"
LOOKUPS = "spacy-skd.LookupsOf.v1"


@misc(LABELS)
def make_labels_of(path: Path | None, component: str) -> Any:
    """Return, for `labels`, those of a component of another pipeline (`label_data`), whatever they
    are made of.

    path (Path | None): folder or package of the pipeline. None where a student was saved without
        its teacher: then the labels are those of the examples.
    component (str): with `label_data`.
    """
    return None if path is None else _component(path, component).label_data


@misc(KNOWLEDGE)
def make_knowledge_of(path: Path | None, component: str) -> Callable[[Vocab], Any]:
    """Load, for `kb_loader`, the knowledge base of a component of another pipeline: entities,
    aliases and vectors, of its own class.

    path (Path | None): as of `spacy-skd.LabelsOf.v1`; without it nothing can be initialized.
    component (str): with a `kb`.
    """

    def load(vocab: Vocab) -> Any:
        if path is None:
            raise ValueError(
                f"{component}: expected a pipeline to take the knowledge base from, got None; name "
                f"one that has it by --paths.resume, such as out/model-best"
            )
        kb = _component(path, component).kb
        for string in kb.vocab.strings:
            vocab.strings.add(string)
        copy = type(kb)(vocab, entity_vector_length=kb.entity_vector_length)
        return copy.from_bytes(kb.to_bytes())

    return load


@misc(LOOKUPS)
def make_lookups_of(path: Path | None) -> Lookups | None:
    """Return, for `lookups`, the tables of another pipeline's vocab (`nlp.vocab.lookups`), by which
    the norms of words may go, and rules or code of one's own.

    path (Path | None): as of `spacy-skd.LabelsOf.v1`; without it there are none.
    """
    return None if path is None else load_bare(path).vocab.lookups


def _component(path: Path, name: str) -> Any:
    return load_trained(str(path)).get_pipe(name)
