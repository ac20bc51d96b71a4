"""`spacy skd convert`: a treebank and raw text -> the corpora that training reads."""

from pathlib import Path
from typing import Any

import typer
from spacy.cli._util import import_code
from wasabi import msg

from ..training.conversion.convert import convert
from ..training.conversion.convert_counts import Counts
from ..training.conversion.leakage import MIN_WORDS
from ..training.conversion.raw_text import REJECTS
from .code import CODE
from .progress import progress
from .told.converting import tell_odd
from .told.failing import fail
from .told.rejects import ACCEPT, tell_rejects


def convert_cli(
    train: Path = typer.Argument(..., help="Training part: CoNLL-U, JSONL with offsets, or IOB"),
    dev: Path = typer.Argument(..., help="Development part"),
    test: Path = typer.Argument(..., help="Test part"),
    output: Path = typer.Argument(..., help="Folder to write to"),
    raw: list[Path] = typer.Option(
        [], "--raw", help="Raw text: a .jsonl or .txt file, or a folder of them. May be repeated"
    ),
    lang: str = typer.Option("en", "--lang", help="Language code"),
    sentences_per_doc: int = typer.Option(
        10, "--sentences-per-doc", help="Longer documents are cut into even pieces"
    ),
    max_words: int = typer.Option(
        0, "--max-words", help="Pieces of more words are halved (0: no limit)"
    ),
    min_overlap: int = typer.Option(
        MIN_WORDS,
        "--min-overlap",
        help="Words of the shortest dev or test sentence that no raw text may contain",
    ),
    merge_subtokens: bool = typer.Option(
        False,
        "--merge-subtokens/--no-merge-subtokens",
        "-T",
        help="One token for a multiword token that the tokenizer does not split as the treebank",
    ),
    spans_key: str = typer.Option(
        None, "--spans-key", help="Group of doc.spans for the spans of JSONL; entities without it"
    ),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace an earlier conversion"),
    code_path: Path = CODE,
    accept_rejects: bool = ACCEPT,
) -> None:
    """Convert annotated text and raw text to the corpora that training reads.

    Annotated text is CoNLL-U; JSON with offsets of characters, as spaCy, Prodigy and doccano write
    it; or IOB, CoNLL-2003 and alike.

    Writes train.spacy, dev.spacy, test.spacy, raw.jsonl and the counts, convert.json. Sentences
    of TRAIN and texts of RAW that stand in DEV or TEST are left out and counted. Exit code: 0 if
    all is converted, 3 if all but the lines in rejects.jsonl, 1 if something else is wrong.
    """
    import_code(code_path)
    try:
        with progress("convert") as report:
            counts = convert(
                train,
                dev,
                test,
                output,
                raw=raw,
                lang=lang,
                sentences_per_doc=sentences_per_doc,
                max_words=max_words,
                min_overlap=min_overlap,
                merge_subtokens=merge_subtokens,
                spans_key=spans_key,
                overwrite=overwrite,
                report=report,
            )
    except (ValueError, OSError) as error:
        fail("Nothing was written", error)
    _print_counts(counts, spans_key=spans_key)
    msg.good(f"Converted to {output}")
    tell_rejects(counts.rejected, output / REJECTS, accept=accept_rejects)


def _print_counts(counts: Counts, *, spans_key: str | None) -> None:
    rows: list[Any] = []
    for name, split in counts.splits.items():
        rows.append((name, split.documents, split.docs, split.sentences, split.words))
    if counts.raw:
        rows.append(("raw", counts.raw.texts, counts.raw.texts, "-", counts.raw.words))
    header = ("", "Documents", "Docs", "Sentences", "Words")
    msg.table(rows, header=header, aligns=("l", "r", "r", "r", "r"))
    left_out = {"sentences of train": counts.train.left_out}
    if counts.raw:
        left_out["texts of raw"] = counts.raw.left_out
    for what, leaks in left_out.items():
        msg.info(
            f"Left out {sum(leaks.values())} {what} that stand in dev or test "
            f"({leaks['copy']} copies, {leaks['overlap']} overlaps)"
        )
    tell_odd(counts, spans_key=spans_key)
