"""`spacy skd annotate`: a teacher's beliefs of any amount of text, computed once."""

from pathlib import Path

import typer
from spacy.cli._util import import_code
from wasabi import msg

from ..codecs.iob_labels import SCHEMES
from ..layers.known import ENTITIES
from ..teachers.token_classifier import Reading
from ..training.annotation.annotate import Workers, annotate
from ..training.annotation.outside import Outside
from ..training.annotation.settings import Settings
from ..training.conversion.raw_text import REJECTS
from .code import CODE
from .progress import progress
from .told.failing import fail
from .told.rejects import ACCEPT, tell_rejects
from .workers import ADDRESS, ENGINE, GPUS, WORKERS, use_gpu


def annotate_cli(
    teacher: str = typer.Argument(
        ..., help="Pipeline (folder, package), or hf:NAME, a token classifier of transformers"
    ),
    inputs: list[str] = typer.Argument(
        ..., help="Files, globs, folders or URLs of .txt, .jsonl, .spacy"
    ),
    output: str = typer.Argument(..., help="Folder or URL to write to, or to finish"),
    pipes: str = typer.Option("", "--pipes", help="Components to ask: tag,parser. All by default"),
    least: float = typer.Option(
        0.0, "--least", help="Leave out tags and deprels of a smaller probability (0: none)"
    ),
    batch_words: int = typer.Option(1000, "--batch-words", help="Padded words of a batch"),
    shard_words: int = typer.Option(20_000, "--shard-words", help="Words of a shard"),
    max_words: int = typer.Option(
        300, "--max-words", help="Longer texts are cut into pieces (0: never)"
    ),
    beam_width: int = typer.Option(
        16, "--beam-width", help="Hypotheses of a doc of a stock parser or ner"
    ),
    beam_density: float = typer.Option(
        0.0, "--beam-density", help="Give up those of a smaller share of the best's probability"
    ),
    retrain: list[str] = typer.Option(
        [], "--retrain", help="Component that `init --retrain` will train anew; repeatable"
    ),
    hidden: int = typer.Option(
        0, "--hidden", help="Columns of hidden states of words, for init --hidden: 24 (0: none)"
    ),
    layer: str = typer.Option(ENTITIES, "--layer", help="hf: what its labels are of"),
    scheme: str = typer.Option("auto", "--scheme", help=f"hf: {', '.join(SCHEMES)}"),
    lang: str = typer.Option("en", "--lang", help="hf: whose tokenizer makes the words"),
    tokenizer: str = typer.Option(None, "--tokenizer", help="hf: or that of this pipeline"),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace a run of other input"),
    others: list[str] = typer.Option(
        [], "--with", help="Another teacher of the same layers, whose beliefs are mixed; repeatable"
    ),
    weights: str = typer.Option(
        "", "--weights", help="Of TEACHER and those of --with: 2,1,1. The same by default"
    ),
    gpu_id: int = typer.Option(-1, "--gpu-id", "-g", help="GPU, -1 for CPU"),
    engine: str = ENGINE,
    workers: int = WORKERS,
    address: str = ADDRESS,
    gpus: float = GPUS,
    code_path: Path = CODE,
    accept_rejects: bool = ACCEPT,
) -> None:
    """Run TEACHER once over INPUTS; write docs with its beliefs and its best guesses.

    The same command finishes a run that was stopped, and mends a damaged shard. Exit code: 0 if
    all is annotated, 3 if all but the lines in rejects.jsonl, 1 if something else is wrong.
    """
    import_code(code_path)
    try:
        use_gpu(gpu_id)
        settings = Settings(
            pipes=tuple(name.strip() for name in pipes.split(",") if name.strip()),
            least=least,
            batch_words=batch_words,
            shard_words=shard_words,
            max_words=max_words,
            beam_width=beam_width,
            beam_density=beam_density,
            retrain=tuple(retrain),
            hidden=hidden,
        )
        who = Workers(engine, workers, address, gpus, code=code_path, gpu=gpu_id)
        outside = Outside(Reading(layer, scheme), lang, tokenizer)
        with progress("annotate") as report:
            manifest = annotate(
                teacher,
                inputs,
                output,
                settings=settings,
                others=others,
                weights=_weights(weights),
                workers=who,
                outside=outside,
                overwrite=overwrite,
                report=report,
            )
    except (ValueError, OSError) as error:
        fail("Not annotated to the end", error)
    counts = manifest.counts
    msg.good(f"{counts['words']} words of {counts['texts']} texts annotated: {output}")
    tell_rejects(counts["rejected"], f"{output}/{REJECTS}", accept=accept_rejects)


def _weights(given: str) -> list[float]:
    """Raise ValueError, naming the option, if they are no numbers."""
    try:
        return [float(each) for each in given.split(",")] if given.strip() else []
    except ValueError as error:
        raise ValueError(f"--weights: expected numbers such as 2,1,1, got {given!r}") from error
