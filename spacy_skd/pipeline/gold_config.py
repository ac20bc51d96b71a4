"""The config of a pipeline that has lost its teacher, or this package: it trains on gold."""

from typing import Any

from spacy.language import Language
from thinc.api import Config

OURS = "spacy-skd."
STREAMED = -1  # of max_epochs: labels are then those of the first 100 examples
IN_MEMORY = 0


def read_gold(config: Config) -> None:
    """Let the corpora that this package's readers read be labelled docs, those of `paths.train`
    where the reader names none, by spaCy's own reader. Changes the config in place."""
    corpora = config.get("corpora", {})
    read = [name for name, block in corpora.items() if is_ours(block, "@readers")]
    for name in read:
        corpora[name] = _gold_reader(corpora[name])
        config.setdefault("paths", {}).setdefault("train", None)
    training = config.get("training", {})
    is_read = training.get("train_corpus") in [f"corpora.{name}" for name in read]
    if is_read and training.get("max_epochs") == STREAMED:
        training["max_epochs"] = IN_MEMORY


def learning_alone(nlp: Language) -> dict[str, Config]:
    """Return by component its config, in which those that a teacher teaches say that they need
    none."""
    return {
        name: Config({**block, "needs_teacher": False})
        if hasattr(nlp.get_pipe(name), "needs_teacher")
        else block
        for name, block in nlp._pipe_configs.items()
    }


def check_resumes(nlp: Language | None) -> None:
    """Check that `paths.resume`, if it is given, is read by another block, as in configs of earlier
    versions it is not. RAISES (ValueError): else training would begin at the beginning."""
    config = {} if nlp is None else nlp.config
    resume = config.get("paths", {}).get("resume")
    others = [config[section] for section in config if section != "paths"]
    if resume is not None and not any(_names(block, str(resume)) for block in others):
        raise ValueError(
            f"paths.resume is {str(resume)!r}, but nothing in the config reads it, and training "
            f"would begin at the beginning. Add to the config [initialize.after_init] with "
            f'@callbacks = "spacy-skd.resume.v1" and path = ${{paths.resume}}'
        )


def _names(block: Any, path: str) -> bool:
    """Whether a block has a path, or the reference to it, for a value."""
    if isinstance(block, dict):
        return any(_names(value, path) for value in block.values())
    return str(block) in (path, "${paths.resume}")


def is_ours(block: Any, key: str) -> bool:
    """Whether a block of a config is made by a function that this package registers."""
    return isinstance(block, dict) and str(block.get(key, "")).startswith(OURS)


def _gold_reader(block: dict[str, Any]) -> dict[str, Any]:
    return {
        "@readers": "spacy.Corpus.v1",
        "path": block.get("path") or "${paths.train}",
        "gold_preproc": False,
        "max_length": block.get("max_length", 0),
        "limit": 0,
        "augmenter": None,
    }
