"""Generate the corpora of the workflow `stream`: `python demo/generate_stream.py FOLDER`.

Two demo corpora of different seeds, with a teacher's config each: one has tags and trees, the other
entities, so that a student that learns both in turn grows.
"""

import json
from pathlib import Path

import typer
from generate import generate
from wasabi import msg

from spacy_skd.cli.prepare import prepare
from spacy_skd.disk import new_folder

FILE = "corpora.jsonl"
LAYERS = {"trees": ("sent", "tag", "pos", "parser"), "names": ("ents",)}
TRAIN_WORDS, HELD_WORDS = 12_000, 4_000


def stream(
    output: Path, *, words: int, backbone: str = "", effort: float = 1.0, overwrite: bool = False
) -> Path:
    """Write the corpora and the file that names them.

    words (int): of the raw text of each. backbone (str): the teachers'. effort (float): of the
        words that are worth seeing, how many teachers and students see.
    RETURNS (Path): the file, for `spacy skd stream`; it names folders by where `output` is.
    RAISES (FileExistsError): for a folder that is not ours; (ValueError).
    """
    with new_folder(output, by="stream", overwrite=overwrite) as draft:
        lines = []
        for seed, (name, layers) in enumerate(LAYERS.items(), start=11):
            treebank = draft / "treebanks" / name
            generate(
                treebank,
                words=words,
                seed=seed,
                train_words=TRAIN_WORDS,
                dev_words=HELD_WORDS,
                test_words=HELD_WORDS,
            )
            prepare(
                draft / name,
                treebank=treebank,
                raw=treebank / "raw.jsonl",
                backbone=backbone,
                layers=layers,
                effort=effort,
            )
            lines.append(json.dumps({"name": name, "prepared": str(output / name)}))
        (draft / FILE).write_text("\n".join(lines) + "\n", encoding="utf8")
    return output / FILE


def stream_cli(
    output: Path = typer.Argument(..., help="Folder to write to"),
    corpora: str = typer.Option("", "--corpora", help="Other than the file here: nothing is done"),
    words: int = typer.Option(120_000, "--words", help="Words of raw text of each corpus"),
    backbone: str = typer.Option("", "--backbone", help="The teachers': hub, folder, package:NAME"),
    effort: float = typer.Option(1.0, "--effort", help="Of the words that are worth seeing"),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace earlier corpora"),
) -> None:
    """Generate the corpora of the workflow `stream`, and the configs of their teachers."""
    if corpora and Path(corpora) != output / FILE:  # a project of spaCy's has no conditions
        msg.info(f"The corpora are those of {corpora}: nothing is generated")
        return
    try:
        file = stream(output, words=words, backbone=backbone, effort=effort, overwrite=overwrite)
    except (ValueError, OSError, RuntimeError) as error:
        msg.fail("Nothing was written", str(error), exits=1)
    msg.good(f"Generated {file}")


if __name__ == "__main__":
    typer.run(stream_cli)
