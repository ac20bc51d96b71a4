"""`spacy skd vectors`: static word vectors of a teacher's embedding, for its students."""

import shlex
from pathlib import Path

import typer
from spacy.cli._util import import_code
from wasabi import msg

from ..training.annotation.vectors import WIDTH, VectorSettings, make_vectors
from ..training.engines.choice import Workers
from .code import CODE, with_code
from .progress import progress
from .told.failing import fail
from .workers import ADDRESS, ENGINE, GPUS, WORKERS, use_gpu


def vectors_cli(
    teacher: str = typer.Argument(..., help="Folder or package of a trained pipeline"),
    texts: list[Path] = typer.Argument(
        ..., help="Raw text (.jsonl, .txt), labelled docs (.spacy), and folders of these"
    ),
    output: Path = typer.Argument(..., help="Folder to write to, for --paths.vectors"),
    width: int | None = typer.Option(
        None, "--width", help=f"Of the vectors; {WIDTH}, or TEACHER's own where that is less"
    ),
    rows: int = typer.Option(20_000, "--rows", help="Vectors to keep; rarer words share them"),
    least: int = typer.Option(2, "--least", help="Words that occur less often get no vector"),
    attr: str = typer.Option(
        "LOWER", "--attr", help="What forms of a word share: LOWER, ORTH or NORM"
    ),
    context_words: int = typer.Option(
        300_000, "--context-words", help="Tokens, the first ones, to embed words in; the rest alone"
    ),
    beliefs: Path = typer.Option(
        None, "--beliefs", help="What `skd annotate` wrote: columns of what it says of each word"
    ),
    beliefs_width: int = typer.Option(32, "--beliefs-width", help="Of these columns, at most"),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace earlier vectors"),
    gpu_id: int = typer.Option(-1, "--gpu-id", "-g", help="GPU, -1 for CPU"),
    engine: str = ENGINE,
    workers: int = WORKERS,
    address: str = ADDRESS,
    gpus: float = GPUS,
    code_path: Path = CODE,
) -> None:
    """Reduce what TEACHER's transformer knows of the words of TEXTS to a table for its students."""
    import_code(code_path)
    try:
        use_gpu(gpu_id)
        settings = VectorSettings(
            width=width,
            rows=rows,
            least=least,
            attr=attr,
            context_words=context_words,
            beliefs_width=beliefs_width,
        )
        who = Workers(engine, workers, address, gpus, code=code_path, gpu=gpu_id)
        with progress("vectors") as report:
            table = make_vectors(
                teacher,
                texts,
                output,
                settings=settings,
                workers=who,
                beliefs=beliefs,
                overwrite=overwrite,
                report=report,
            )
    except (ValueError, OSError) as error:
        fail("Nothing was written", error)
    rows, columns = table.data.shape
    msg.good(f"{table.n_keys} forms of words, {rows} vectors of {columns}: {output}")
    named = shlex.join([teacher, "student.cfg", "--vectors", str(output)])
    msg.info(f"Next: python -m spacy skd init {named}{with_code(code_path)}")
