"""The knowledge base of a pipeline's component, for the one of a student that is trained anew."""

from collections.abc import Callable
from typing import Any

from spacy.vocab import Vocab

from ..registry import misc
from ..teachers.loading import load_trained

KNOWLEDGE = "spacy-skd.KnowledgeOf.v1"


@misc(KNOWLEDGE)
def make_knowledge_of(path: str | None, component: str) -> Callable[[Vocab], Any]:
    """Load, for `kb_loader` of `[initialize.components.NAME]`, the knowledge base of a component of
    another pipeline: entities, aliases and vectors, of its own class.

    path (str | None): folder or package of the pipeline. None where a student was saved without
        its teacher: then it cannot be initialized.
    component (str): with a `kb`.
    """

    def load(vocab: Vocab) -> Any:
        if path is None:
            raise ValueError(
                f"{component}: expected a pipeline to take the knowledge base from, got None; name "
                f"one that has it by --paths.resume, such as out/model-best"
            )
        kb: Any = getattr(load_trained(path).get_pipe(component), "kb")  # noqa: B009
        for string in kb.vocab.strings:
            vocab.strings.add(string)
        copy = type(kb)(vocab, entity_vector_length=kb.entity_vector_length)
        return copy.from_bytes(kb.to_bytes())

    return load
