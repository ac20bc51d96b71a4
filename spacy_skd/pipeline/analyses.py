"""Analyses of a component of a pipeline, whatever it is: a clear error where it has none."""

from typing import Any

from spacy.language import Language
from spacy.tokens import Doc

from .distilling import DistillingPipe
from .tasks.analyses import Analysis


def analyses_of(nlp: Language, name: str, doc: Doc, k: int = 5) -> list[Analysis]:
    """Return `analyses` of a component by its name.

    doc (Doc): on which the components before it have run; not changed.
    RAISES (ValueError): naming the component, if there is none of that name, or it has no
        distribution over analyses; for a k that is out of range; or of a doc without the vectors
        that the component listens to.
    """
    return component_with_analyses(nlp, name).analyses(doc, k)


def component_with_analyses(nlp: Language, name: str) -> DistillingPipe:
    """Return a component that has analyses and confidences. RAISES (ValueError): see above."""
    if name not in nlp.component_names:
        raise ValueError(f"expected one of {', '.join(nlp.component_names)}, got {name!r}")
    pipe: Any = nlp.get_pipe(name)
    if isinstance(pipe, DistillingPipe):
        return pipe
    factory = nlp.get_pipe_meta(name).factory
    raise ValueError(
        f"{name}: expected a distilling_tagger, distilling_parser or distilling_textcat, which "
        f"know the probabilities of what they annotate, got a component of the factory "
        f"{factory!r}, which does not say them. A student of it does: spacy skd init"
    )
