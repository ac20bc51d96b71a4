"""Generate the demo corpus, in any size: `python demo/generate.py FOLDER`.

English-like text with tags, trees and entities, in train.conllu, dev.conllu, test.conllu and
raw.jsonl. The defaults give the corpus of `synthetic/fingerprint.json`.
"""

from pathlib import Path

import typer
from synthetic import corpus
from synthetic.corpus import Counts
from wasabi import msg

from spacy_skd.disk import new_folder

NAME = "demo"


def generate(
    output: Path,
    *,
    words: int = corpus.RAW_WORDS,
    seed: int = corpus.DEMO_SEED,
    train_words: int = corpus.TRAIN_WORDS,
    dev_words: int = corpus.DEV_WORDS,
    test_words: int = corpus.TEST_WORDS,
    overwrite: bool = False,
) -> dict[str, Counts]:
    """Write the corpus to a folder, which gets its files when all are complete.

    words (int): tokens of raw.jsonl; a larger file begins with the smaller one.
    RETURNS (dict[str, Counts]): by split.
    RAISES (ValueError): for a negative size; (FileExistsError): for an output folder that is not
        empty, or, with `overwrite`, holds anything but what this command wrote.
    """
    with new_folder(output, by="generate", overwrite=overwrite) as draft:
        return corpus.generate(
            draft,
            seed=seed,
            train_words=train_words,
            dev_words=dev_words,
            test_words=test_words,
            raw_words=words,
        )


def generate_cli(
    output: Path = typer.Argument(..., help="Folder to write to"),
    words: int = typer.Option(corpus.RAW_WORDS, "--words", help="Words of raw text"),
    seed: int = typer.Option(corpus.DEMO_SEED, "--seed", help="Another seed, another corpus"),
    train_words: int = typer.Option(corpus.TRAIN_WORDS, "--train-words", help="Labelled words"),
    dev_words: int = typer.Option(corpus.DEV_WORDS, "--dev-words", help="Development words"),
    test_words: int = typer.Option(corpus.TEST_WORDS, "--test-words", help="Test words"),
    name: str = typer.Option(NAME, "--corpus", help="Of any other name, nothing is done"),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace an earlier corpus"),
) -> None:
    """Generate the demo corpus: English-like text with tags, trees and entities.

    Writes train.conllu, dev.conllu, test.conllu and raw.jsonl. The defaults give the corpus whose
    fingerprint is committed.
    """
    if name != NAME:  # a project of spaCy's has no conditions
        msg.info(f"The corpus is {name}: nothing is generated")
        return
    try:
        counts = generate(
            output,
            words=words,
            seed=seed,
            train_words=train_words,
            dev_words=dev_words,
            test_words=test_words,
            overwrite=overwrite,
        )
    except (ValueError, OSError, RuntimeError) as error:
        msg.fail("Nothing was written", str(error), exits=1)
    rows = [(split, c.documents, c.sentences, c.words) for split, c in counts.items()]
    header = ("", "Documents", "Sentences", "Words")
    msg.table(rows, header=header, aligns=("l", "r", "r", "r"))
    msg.good(f"Generated {output}")


if __name__ == "__main__":
    typer.run(generate_cli)
