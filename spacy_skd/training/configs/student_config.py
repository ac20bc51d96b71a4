"""The config of a student: its components, its size and what its training is scored by."""

from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import Any

from spacy import blank
from spacy.language import Language
from spacy.util import load_model_from_config
from thinc.api import Config

from ...layers.known import find_layer
from ...rules import FAST_RULES, fast_factory
from ...teachers.merging import merges
from ..callbacks import COPY, NO_VECTORS, OF_TEACHER, reads_vectors
from ..inherited import LOOKUPS, without_unfit_callback
from .plan import TEACHER, TOK2VEC, Plan, Student
from .presets import Block, Preset
from .retrained import reads_words, retrained_component, retrained_settings
from .transitions import transitions_component

PROBE = "a 1"  # of which tokenizers say what they say of any text
BASE = Path(__file__).with_name("student_base.cfg")


def student_config(
    students: Sequence[Student],
    *,
    preset: Preset,
    lang: str = "en",
    tokenizer: Block | None = None,
    vectors: str | None = None,
    scored: Container[str] | None = None,
    more_scores: Mapping[str, float] | None = None,
) -> Config:
    """Make a complete config, filled. Its teacher is `paths.teacher`, of which it takes over every
    pipe that needs no transformer.

    tokenizer (Block | None): spaCy's own by default.
    vectors (str | None): for `paths.vectors`; None for a student without static vectors.
    scored (Container[str] | None): the layers that count in evaluation; all by default.
    more_scores (Mapping[str, float] | None): what counts beside layers, and how much.
    """
    config = Config().from_disk(BASE, interpolate=False)
    config["nlp"].update(lang=lang, pipeline=[TEACHER, TOK2VEC, *(s.name for s in students)])
    config["nlp"]["tokenizer"] = tokenizer or config["nlp"]["tokenizer"]
    config["paths"]["vectors"] = vectors
    config["training"]["optimizer"]["learn_rate"]["initial_rate"] = preset.learn_rate
    config["components"] = {
        TEACHER: {
            "factory": "skd_teacher",
            "teacher": OF_TEACHER,
            "store": "${paths.store}",
            "student_to_teacher": {s.name: s.asks for s in students if s.name != s.asks},
        },
        TOK2VEC: {"factory": "tok2vec", "model": preset.tok2vec(vectors=vectors is not None)},
        **{student.name: _component(student, preset) for student in students},
    }
    filled: Config = load_model_from_config(config, auto_fill=True, validate=False).config
    layers = [s.layer for s in students if scored is None or s.layer in scored]
    nothing = dict.fromkeys(filled["training"]["score_weights"])
    filled["training"]["score_weights"] = {**nothing, **score_weights(layers, more_scores)}
    return filled


def _component(student: Student, preset: Preset) -> Block:
    if student.is_transitions:
        return transitions_component(student)
    layer = find_layer(student.layer)
    model = {**preset.scorer(layer.architecture), **student.settings.get("model", {})}
    return {**layer.component(model), **student.settings, "model": model}


def score_weights(
    layers: Sequence[str], more: Mapping[str, float] | None = None
) -> dict[str, float]:
    """Weigh the scores of some layers, and more, in hundredths that sum to 1."""
    weights: dict[str, float] = dict(more or {})
    for layer in layers:
        weights.update(find_layer(layer).score_weights)
    total = sum(weights.values())
    rounded = {name: round(weight / total, 2) for name, weight in weights.items()}
    most = max(rounded, key=lambda name: rounded[name])
    rounded[most] = round(rounded[most] + 1 - sum(rounded.values()), 2)
    return rounded


def for_teacher(config: Config, plan: Plan, nlp: Language, *, source: str | None) -> Config:
    """Return the config of a plan's students, made for one teacher: its tokenizer, callbacks and
    lookup tables, and at their places its components that need no transformer, and those that are
    trained anew.

    nlp (Language): the teacher. source (str | None): where it was loaded from.
    """
    config = config.copy()
    config["paths"]["teacher"] = source
    config["nlp"]["pipeline"] = plan.pipeline
    blocks = {**config["components"], **{name: {"source": OF_TEACHER} for name in plan.sourced}}
    for name in plan.retrained:
        blocks[name] = retrained_component(nlp, name)
        if settings := retrained_settings(nlp, name):
            config["initialize"]["components"][name] = settings
    config["components"] = {name: blocks[name] for name in plan.pipeline}
    config["training"]["frozen_components"] = [TEACHER, *plan.sourced]
    merging = [name for name in plan.sourced if merges(nlp, name)]
    config["nlp"]["disabled"] = merging  # evaluation compares tokens with gold's
    config["training"]["before_to_disk"]["enable"] = merging
    weights = config["training"]["score_weights"]
    for name in (*plan.sourced, *plan.retrained):  # what they are scored by by default
        for score in nlp.get_pipe_meta(name).default_score_weights or {}:
            weights.setdefault(score, None)
    own = [row for row in plan.rows if row.name in nlp.component_names]  # not of other stores
    for row in own:
        for student in row.students:
            if _may_be_annotated(nlp, plan, student):
                overwrite_as(blocks[student.name], nlp, row.name)
    has_rules = any(fast_factory(nlp.get_pipe(name)) for name in plan.sourced)
    config["initialize"]["after_init"]["first"] = {"@callbacks": FAST_RULES} if has_rules else None
    looks_up = [reads_vectors(nlp.get_pipe(name)) for name in plan.sourced]
    looks_up += [reads_words(nlp, name) for name in plan.retrained]
    if nlp.vocab.vectors.shape[1] and any(looks_up):
        config["initialize"]["vectors"] = OF_TEACHER
    config["nlp"].update(_callbacks(nlp, config["nlp"]["after_creation"]))
    if nlp.vocab.lookups.tables:
        config["initialize"]["lookups"] = {"@misc": LOOKUPS, "path": OF_TEACHER}
    same = {"nlp": {"tokenizer": own_settings(nlp)["tokenizer"]}}
    if _rules(nlp) != _rules(blank(str(nlp.lang), config=same)):
        copied = {"@callbacks": COPY, "tokenizer": OF_TEACHER, "vocab": None}
        config["initialize"]["before_init"] = copied
    if plan.sourced and nlp.vocab.vectors.shape[1] and config["initialize"]["vectors"] is None:
        before = config["initialize"]["before_init"]
        config["initialize"]["before_init"] = {"@callbacks": NO_VECTORS, "first": before}
    return without_unfit_callback(config)


def _may_be_annotated(nlp: Language, plan: Plan, student: Student) -> bool:
    """Tell whether docs may have a student's layer when they come to it: by the tokenizer, or by
    something that is taken over and stands before it. Else whether it overwrites makes no
    difference, but to what it can be exported as."""
    before = plan.pipeline[: plan.pipeline.index(student.name)]
    by_tokenizer = find_layer(student.layer).is_annotated(nlp.make_doc(PROBE))
    return by_tokenizer or not set(before).isdisjoint(plan.sourced)


def overwrite_as(block: Block, nlp: Language, name: str) -> None:
    """Let a component replace what is annotated already (by a tokenizer that tags, say) as one of
    the pipeline's does, if both have the setting."""
    settings = nlp.get_pipe_config(name)
    if "overwrite" in block and "overwrite" in settings:
        block["overwrite"] = settings["overwrite"]


def own_settings(nlp: Language) -> Block:
    """Return `[nlp]` of a pipeline's config, with values in place of references to the rest."""
    settings: Block = nlp.config.interpolate()["nlp"]
    return settings


def _callbacks(nlp: Language, ours: Block) -> Block:
    """Return those of a teacher's `[nlp]`, before ours of `after_creation`."""
    own = own_settings(nlp)
    created = own["after_creation"]
    if created is not None and created["@callbacks"] == ours["@callbacks"]:
        created = created.get("first")
    names = ("before_creation", "after_pipeline_creation")
    return {**{name: own[name] for name in names}, "after_creation": {**ours, "first": created}}


def _rules(nlp: Language) -> bytes:
    """Return what a tokenizer is saved as, but for the vocab."""
    tokenizer: Any = nlp.tokenizer
    rules: bytes = tokenizer.to_bytes(exclude=["vocab"])
    return rules
