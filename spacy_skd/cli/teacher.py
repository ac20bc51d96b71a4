"""`spacy skd teacher`: train the teacher, or take one that is trained already."""

import shutil
from pathlib import Path
from typing import Any, Dict

import typer
from spacy.cli._util import import_code, parse_config_overrides, setup_gpu
from spacy.cli.train import train
from wasabi import msg

from ..teachers.loading import load_trained
from ..teachers.sources import CAN_TEACH, find_sources
from .code import CODE


def take_teacher(pipeline: str, output: Path) -> None:
    """Save an existing pipeline as the project's teacher.

    RAISES (ValueError): if it has no component that can teach or cannot be loaded.
    """
    nlp = load_trained(pipeline)
    if not find_sources(nlp):
        raise ValueError(
            f"the pipeline {pipeline!r} has no component that can teach: expected one of the "
            f"factories {CAN_TEACH}, found {nlp.pipe_names}"
        )
    best = output / "model-best"
    if best.exists():
        shutil.rmtree(best)
    output.mkdir(parents=True, exist_ok=True)
    nlp.to_disk(best)


def teacher_cli(
    ctx: typer.Context,
    config: Path = typer.Argument(..., help="Config of the teacher"),
    output: Path = typer.Argument(..., help="Folder to write to; the teacher is its model-best"),
    pipeline: str = typer.Option("", "--pipeline", help="A trained pipeline to take instead"),
    gpu_id: int = typer.Option(-1, "--gpu-id", "-g", help="GPU, -1 for CPU"),
    code_path: Path = CODE,
) -> None:
    """Train the teacher, or take a trained PIPELINE instead. Further options override the config,
    as in spacy train."""
    import_code(code_path)
    if pipeline:
        try:
            take_teacher(pipeline, output)
        except (ValueError, OSError) as error:
            msg.fail("No teacher", str(error), exits=1)
        msg.good(f"Took {pipeline} as the teacher")
        return
    overrides: Dict[str, Any] = parse_config_overrides(ctx.args)
    setup_gpu(gpu_id)
    train(config, output, use_gpu=gpu_id, overrides=overrides)
