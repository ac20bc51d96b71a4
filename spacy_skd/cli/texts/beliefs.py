"""`spacy skd beliefs`: what any model believes, from a file to a folder to learn from."""

from pathlib import Path

import typer
from spacy.cli._util import import_code
from wasabi import msg

from ...training.annotation.beliefs import Outcome, Settings, store_beliefs
from ..code import CODE
from ..progress import progress
from ..told.failing import fail


def beliefs_cli(
    inputs: list[str] = typer.Argument(..., help="Files, folders or URLs of .jsonl"),
    output: str = typer.Argument(..., help="Folder or URL to write to, or to finish"),
    lang: str = typer.Option("en", "--lang", help="Whose tokenizer makes the words"),
    tokenizer: str = typer.Option(
        None, "--tokenizer", help="Pipeline (folder, package) whose tokenizer makes them"
    ),
    shard_words: int = typer.Option(20_000, "--shard-words", help="Words of a shard"),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace a run of other input"),
    code_path: Path = CODE,
) -> None:
    """Write a folder as `annotate` does of what stands in a file: texts with weighted analyses, or
    with spans and categories that have probabilities."""
    import_code(code_path)
    try:
        settings = Settings(lang=lang, tokenizer=tokenizer, shard_words=shard_words)
        with progress("beliefs") as report:
            outcome = store_beliefs(
                inputs, output, settings=settings, overwrite=overwrite, report=report
            )
    except (ValueError, OSError) as error:
        fail("Not written to the end", error)
    _tell(outcome)
    counts = outcome.manifest.counts
    layers = ", ".join(outcome.manifest.layers.values())
    texts = counts["texts"] - outcome.left_out
    msg.good(f"{counts['words']} words of {texts} texts with {layers}: {output}")


def _tell(outcome: Outcome) -> None:
    for key, line in outcome.unknown.items():
        msg.warn(f"{key} means nothing here and is not read (first in line {line})")
    if outcome.misaligned:
        msg.warn(
            f"{outcome.misaligned} spans or tokens begin or end within a word and are left out: "
            f"does the tokenizer fit? (--lang, --tokenizer)"
        )
    if outcome.left_out:
        msg.warn(f"{outcome.left_out} texts have no whole analysis of some layer and are left out")
