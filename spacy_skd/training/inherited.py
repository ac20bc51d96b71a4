"""What a student begins with of its teacher: lookup tables, functions of `[initialize]`, and of a
component that is trained anew labels and knowledge base, of `[initialize.components.NAME]`.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spacy.lookups import Lookups
from spacy.util import load_model_from_config, registry
from spacy.vocab import Vocab
from thinc.api import Config

from ..registry import misc
from ..teachers.loading import load_bare, load_trained

logger = logging.getLogger("spacy.skd")
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


def without_unfit_callback(config: Config) -> Config:
    """Return a student's config without the teacher's `after_pipeline_creation` if that fails on
    the student, which lacks some of the teacher's components; this is told.

    config (Config): complete, with the teacher's own callbacks.
    """
    callback = config["nlp"]["after_pipeline_creation"]
    if callback is None:
        return config
    without = config.copy()
    without["nlp"]["after_pipeline_creation"] = None
    student = load_model_from_config(without, auto_fill=True)
    try:
        registry.resolve({"callback": callback})["callback"](student)
    except Exception as error:  # a user's own code
        logger.warning(
            "nlp.after_pipeline_creation: the teacher's %r fails on the student (%s: %s), so the "
            "student's config has none; write one for its components %s, if it is needed",
            callback["@callbacks"],
            type(error).__name__,
            error,
            student.component_names,
        )
        return without
    return config


def _component(path: Path, name: str) -> Any:
    return load_trained(str(path)).get_pipe(name)
