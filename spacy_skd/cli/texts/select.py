"""`spacy skd select`: which texts of a folder of beliefs to label."""

from pathlib import Path

import typer
from spacy.cli._util import import_code
from wasabi import msg

from ...disk import check_apart, check_new_file, to_json_line, write_new
from ...report.choosing import BY, choose_texts
from ...shards.store import BeliefStore
from ...teachers.loading import load_trained
from ..code import CODE
from ..progress import progress
from ..told.failing import fail

STDOUT = "-"


def select_cli(
    store: Path = typer.Argument(..., help="Folder that `skd annotate` or `skd beliefs` wrote"),
    output: Path = typer.Argument(STDOUT, help="JSONL to write, - for stdout", allow_dash=True),
    words: int = typer.Option(..., "--words", "-n", help="How many words to label"),
    by: str = typer.Option("entropy", "--by", help=", ".join(BY)),
    student: str = typer.Option(
        None, "--student", help="Of --by divergence: a trained student (folder, package)"
    ),
    pipes: str = typer.Option("", "--pipes", help="Of the teacher: tagger,ner. All by default"),
    overlap: float = typer.Option(
        0.5, "--overlap", help="Shared part of two texts that makes them near copies (2: never)"
    ),
    min_words: int = typer.Option(5, "--min-words", help="Shorter texts are left out"),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace the file"),
    code_path: Path = CODE,
) -> None:
    """Choose texts of STORE to label, and write them for Prodigy and spaCy."""
    import_code(code_path)
    shown = str(output) == STDOUT
    try:
        if not shown:
            check_new_file(output, overwrite=overwrite)
            check_apart(output, [store, *([student] if student else [])])
        beliefs = BeliefStore(store, memory=0, name="select")
        with progress("select") as report:
            choice = choose_texts(
                beliefs,
                words=words,
                by=by,
                pipes=[name.strip() for name in pipes.split(",") if name.strip()],
                student=load_trained(student, what="student") if student else None,
                overlap=overlap,
                min_words=min_words,
                report=report,
            )
        lines = [to_json_line(each.to_json(by)) for each in choice.chosen]
        if shown:  # as JSONL is, whatever the encoding of the terminal
            typer.echo("\n".join(lines).encode())
            if choice.words < words:
                typer.echo(f"There are {choice.words} words to choose, of {words}", err=True)
            return
        write_new(output, "".join(f"{line}\n" for line in lines).encode(), overwrite=overwrite)
    except (ValueError, OSError) as error:
        fail("Nothing was chosen", error)
    if choice.words < words:
        msg.warn(f"There are {choice.words} words to choose, of {words}")
    msg.good(
        f"{choice.words} words of {len(choice.chosen)} texts, whose forms are those of "
        f"{choice.covered:.1%} of the words; {choice.copies} near copies passed over: {output}"
    )
