"""`spacy skd init` of a folder of beliefs whose teacher is no pipeline."""

from collections.abc import Sequence
from pathlib import Path

from spacy.language import Language
from thinc.api import Config

from ...shards.manifest import FILE, OUTSIDE, Manifest
from ...training.annotation.outside import PREFIX, tokenizer_of
from ...training.configs.plan import TEACHER, Plan
from ...training.configs.student_config import for_teacher


def outside_of(teacher: str, stores: Sequence[str]) -> tuple[str, Manifest, Language] | None:
    """Find the beliefs of a teacher that is no pipeline.

    teacher (str): as given to `init`: the folder of beliefs itself, or "hf:..." with its store.
    stores (Sequence[str]): what `init` was given.
    RETURNS (tuple[str, Manifest, Language] | None): their folder, its manifest, and a pipeline for
        its tokenizer; None if the teacher is a pipeline.
    RAISES (ValueError): if there is no store, or it is another teacher's.
    """
    is_store = (Path(teacher) / FILE).is_file()
    if not is_store and not teacher.startswith(PREFIX):
        return None
    if len(stores) > 1:
        raise ValueError(
            f"expected one --store of {teacher}, got {len(stores)}: of several, TEACHER is the "
            f"pipeline that annotated one of them"
        )
    folder = teacher if is_store and not stores else next(iter(stores), None)
    if folder is None:
        raise ValueError(
            f"expected --store, a folder that `spacy skd annotate {teacher}` wrote: such a teacher "
            f"is asked before the training"
        )
    manifest = Manifest.from_disk(Path(folder))
    known = manifest.teacher["path"]
    if OUTSIDE not in manifest.teacher:
        raise ValueError(f"{folder} has the beliefs of the pipeline {known}: name that as TEACHER")
    if (is_store and Path(teacher).resolve() != Path(folder).resolve()) or (
        not is_store and known != teacher
    ):
        raise ValueError(f"--store: expected the beliefs of {teacher}, got those of {known}")
    tokenizer = manifest.teacher[OUTSIDE]["tokenizer"]
    return folder, manifest, tokenizer_of(manifest.teacher["lang"], tokenizer)


def check_no_components(**named: Sequence[str]) -> None:
    """Raise ValueError if components are named, of a teacher that has none."""
    for option, names in named.items():
        if names:
            raise ValueError(f"{option}: the teacher is no pipeline, got {', '.join(names)}")


def for_store(config: Config, plan: Plan, nlp: Language, manifest: Manifest) -> Config:
    """Return the config of a plan's students with the tokenizer of a store, which alone answers.

    nlp (Language): that has the tokenizer.
    """
    tokenizer = manifest.teacher[OUTSIDE]["tokenizer"]
    config = for_teacher(config, plan, nlp, source=tokenizer)
    config["components"][TEACHER]["teacher"] = None
    return config
