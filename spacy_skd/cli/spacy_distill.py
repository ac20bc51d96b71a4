"""`spacy distill`: a training with another teacher, named and called as in spaCy v4."""

import logging
import shlex
import tempfile
from pathlib import Path
from typing import Any

import typer
from spacy import util
from spacy.cli._util import import_code, parse_config_overrides, setup_gpu
from spacy.cli.train import train
from thinc.api import Config

from ..shards.store import BeliefStore
from ..teachers.loading import load_trained
from .told.failing import fail
from .workers import use_gpu

NAME = "distill"
FACTORY = "skd_teacher"


def teacher_paths(config: Config, teacher: str, *, named: str) -> dict[str, str]:
    """Return overrides that let the `skd_teacher` of a student's config be another pipeline.

    config (Config): not interpolated. teacher (str): folder or package. named (str): the config,
        for errors.
    RAISES (ValueError): if it has no such component, or one of several teachers.
    """
    components = config.get("components", {})
    names = [name for name, block in components.items() if block.get("factory") == FACTORY]
    if not names:
        raise ValueError(
            f"{named}: expected a component of the factory {FACTORY}, which lets the others learn "
            f"from a teacher, found {', '.join(components) or 'none'}. Make the config of a "
            f"student of this teacher: python -m spacy skd init {shlex.quote(teacher)} student.cfg"
        )
    overrides: dict[str, str] = {}
    for name in names:
        block = components[name]
        for several in ("teachers", "stores"):
            if block.get(several):
                raise ValueError(
                    f"{named}: components.{name} has several `{several}`; train it by `spacy train`"
                )
        is_path = block.get("teacher") == "${paths.teacher}"
        overrides["paths.teacher" if is_path else f"components.{name}.teacher"] = teacher
    return overrides


def distill(
    teacher: str,
    student_config: Path,
    output: Path | None = None,
    *,
    gpu_id: int = -1,
    overrides: dict[str, Any] | None = None,
) -> None:
    """Train a student's config with a teacher.

    overrides (dict[str, Any] | None): of the config.
    RAISES (ValueError): if the config has no teacher, the teacher cannot be loaded, or it is not
        the one whose beliefs are stored in `paths.store`.
    """
    config = util.load_config(student_config, interpolate=False)
    nlp = load_trained(teacher, what="teacher")
    given = {**(overrides or {}), **teacher_paths(config, teacher, named=str(student_config))}
    store = given.get("paths.store", config.get("paths", {}).get("store"))
    if store is not None:
        stored = BeliefStore(store, memory=0, name=NAME)
        if not stored.is_of(nlp):
            stored.check_teacher(nlp)
    del nlp
    with tempfile.TemporaryDirectory() as folder:
        if str(student_config) == "-":  # which has been read
            student_config = Path(folder) / "student.cfg"
            config.to_disk(student_config)
        train(student_config, output, use_gpu=gpu_id, overrides=given)


def spacy_distill_cli(
    ctx: typer.Context,
    teacher_model: str = typer.Argument(..., help="Teacher model name or path"),
    student_config_path: Path = typer.Argument(
        ..., help="Path to config file", exists=True, allow_dash=True
    ),
    output_path: Path = typer.Option(
        None, "--output", "--output-path", "-o", help="Output directory to store the student in"
    ),
    code_path: Path = typer.Option(
        None, "--code", "-c", help="Python file with registered functions to import"
    ),
    verbose: bool = typer.Option(False, "--verbose", "-V", "-VV", help="Display more information"),
    gpu_id: int = typer.Option(-1, "--gpu-id", "-g", help="GPU ID or -1 for CPU"),
) -> None:
    """Distil a student from a teacher: train its config (`spacy skd init`), which has an
    skd_teacher. Further options override the config, as in spacy train."""
    util.logger.setLevel(logging.DEBUG if verbose else logging.INFO)
    overrides: dict[str, Any] = parse_config_overrides(ctx.args)
    import_code(code_path)
    try:
        use_gpu(gpu_id, setup_gpu)
        distill(teacher_model, student_config_path, output_path, gpu_id=gpu_id, overrides=overrides)
    except (ValueError, OSError) as error:
        fail("Not distilled", error)


def register(app: typer.Typer) -> None:
    """Add the command to spaCy's, if it has none of that name."""
    if NAME not in [command.name for command in app.registered_commands]:
        extra = {"allow_extra_args": True, "ignore_unknown_options": True}
        app.command(NAME, context_settings=extra)(spacy_distill_cli)
