"""`spacy skd teacher`: train the teacher, or take one that is trained already."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import typer
from spacy.cli._util import import_code, parse_config_overrides, setup_gpu
from spacy.cli.train import train
from spacy.language import Language
from wasabi import msg

from ..disk import check_apart, mark_folder, new_folder, same_files
from ..teachers.loading import load_trained
from ..teachers.sources import CAN_TEACH, find_sources
from .code import CODE
from .told.failing import fail
from .workers import use_gpu

BEST, LAST = "model-best", "model-last"


def take_teacher(pipeline: str, output: Path, *, overwrite: bool = False) -> None:
    """Save an existing pipeline as the project's teacher, `model-best`.

    overwrite (bool): whether to replace a teacher that this command took or trained.
    RAISES (ValueError): if it has no component that can teach or cannot be loaded, or the output
        holds anything else.
    """
    best = output / BEST
    check_apart(best, [pipeline])
    nlp = load_trained(pipeline)
    if not find_sources(nlp):
        raise ValueError(
            f"the pipeline {pipeline!r} has no component that can teach: expected one of the "
            f"factories {CAN_TEACH}, found {nlp.pipe_names}"
        )
    earlier = partial(_as_saved, nlp)
    with new_folder(best, by="teacher", overwrite=overwrite, earlier=earlier) as draft:
        nlp.to_disk(draft)


def _as_saved(nlp: Language, folder: Path) -> list[str]:
    """Return the files of a folder that are what the pipeline would be saved as: nothing is lost if
    they are written again."""
    with tempfile.TemporaryDirectory() as scratch:
        nlp.to_disk(scratch)
        return same_files(folder, Path(scratch))


@contextmanager
def marked_training(output: Path) -> Iterator[None]:
    """Let `spacy train` write as it always does; of folders that were not there before, or that
    this command wrote, it is noted that they may be replaced."""
    with mark_folder(output / BEST, by="teacher"), mark_folder(output / LAST, by="teacher"):
        yield


def teacher_cli(
    ctx: typer.Context,
    config: Path = typer.Argument(..., help="Config of the teacher"),
    output: Path = typer.Argument(..., help="Folder to write to; the teacher is its model-best"),
    pipeline: str = typer.Option("", "--pipeline", help="A trained pipeline to take instead"),
    overwrite: bool = typer.Option(
        False, "--overwrite", help="With --pipeline: replace a teacher that this command made"
    ),
    gpu_id: int = typer.Option(-1, "--gpu-id", "-g", help="GPU, -1 for CPU"),
    code_path: Path = CODE,
) -> None:
    """Train the teacher, or take a trained PIPELINE instead, as it is. Further options override the
    config, as in spacy train, which replaces an earlier training in OUTPUT."""
    import_code(code_path)
    overrides: dict[str, Any] = parse_config_overrides(ctx.args)
    if pipeline:
        try:
            take_teacher(pipeline, output, overwrite=overwrite)
        except (ValueError, OSError) as error:
            fail("No teacher", error)
        msg.good(f"Took {pipeline} as the teacher")
        unread = ", ".join([str(config), *(f"--{name}" for name in overrides)])
        msg.info(f"It is not trained: {unread} are of a training, and were not read")
        return
    try:
        use_gpu(gpu_id, setup_gpu)
    except ValueError as error:
        fail("No teacher", error)
    with marked_training(output):
        train(config, output, use_gpu=gpu_id, overrides=overrides)
