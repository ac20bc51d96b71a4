"""`spacy skd silver`: raw text annotated with a pipeline's best guesses, for stock components."""

from pathlib import Path

import typer
from spacy.cli._util import import_code
from wasabi import msg

from ..training.annotation.silver import rejects_of, silver
from ..training.engines.choice import Workers
from .code import CODE
from .progress import progress
from .told.failing import fail
from .told.rejects import ACCEPT, tell_rejects
from .workers import ADDRESS, ENGINE, GPUS, WORKERS, use_gpu


def silver_cli(
    pipeline: str = typer.Argument(..., help="Folder or package of a trained pipeline"),
    raw: Path = typer.Argument(..., help="Raw text: a .jsonl or .txt file, or a folder of them"),
    output: Path = typer.Argument(..., help="File to write, or to finish, .spacy"),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace the file"),
    gpu_id: int = typer.Option(-1, "--gpu-id", "-g", help="GPU, -1 for CPU"),
    engine: str = ENGINE,
    workers: int = WORKERS,
    address: str = ADDRESS,
    gpus: float = GPUS,
    accept_rejects: bool = ACCEPT,
    code_path: Path = CODE,
) -> None:
    """Annotate raw text with a pipeline's best guesses (silver labels).

    The same command finishes a run that was stopped. Exit code: 0 if all is annotated, 3 if all
    but the lines in OUTPUT's .rejects.jsonl, 1 if something else is wrong.
    """
    import_code(code_path)
    try:
        use_gpu(gpu_id)
        who = Workers(engine, workers, address, gpus, code=code_path, gpu=gpu_id)
        with progress("silver") as report:
            count, n_rejected = silver(
                pipeline, raw, output, workers=who, overwrite=overwrite, report=report
            )
    except (ValueError, OSError) as error:
        fail("Not annotated to the end", error)
    msg.good(f"Annotated {count} texts: {output}")
    tell_rejects(n_rejected, rejects_of(output), accept=accept_rejects)
