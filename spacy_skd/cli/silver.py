"""`spacy skd silver`: raw text annotated with a pipeline's best guesses, for stock components."""

import os
from pathlib import Path
from typing import Union

import spacy
import typer
from spacy.cli._util import import_code
from spacy.tokens import Doc, DocBin
from wasabi import msg

from ..teachers.loading import load_trained
from ..teachers.runner import batches_by_length
from ..training.raw_text import read_raw
from .code import CODE


def silver(
    pipeline: Union[str, Path],
    raw: Path,
    output: Path,
    *,
    gpu_id: int = -1,
    batch_words: int = 2000,
) -> int:
    """Write `.spacy` docs with a trained pipeline's annotation of raw text, in the text's order.

    pipeline (Union[str, Path]): folder or package.
    RETURNS (int): docs written.
    RAISES (ValueError): if the output exists, the pipeline cannot be loaded or there is no text.
    """
    if output.exists():
        raise ValueError(f"{output} exists already; remove it or choose another file")
    if gpu_id >= 0:
        spacy.require_gpu(gpu_id)
    nlp = load_trained(pipeline)
    docs = [nlp.make_doc(text.text) for text in read_raw(raw)]
    if not docs:
        raise ValueError(f"{raw}: expected raw text, found none")
    batches = batches_by_length([len(doc) for doc in docs], size=batch_words)
    for batch in batches:
        for i, doc in zip(batch, nlp.pipe([docs[i] for i in batch], batch_size=len(batch))):
            docs[i] = _plain(doc)
    output.parent.mkdir(parents=True, exist_ok=True)
    draft = output.with_suffix(".draft")
    DocBin(docs=docs).to_disk(draft)
    os.replace(draft, output)
    return len(docs)


def _plain(doc: Doc) -> Doc:
    """Without what the transformer left in it, which is large."""
    if Doc.has_extension("trf_data"):
        doc._.trf_data = None
    doc.tensor = doc.tensor[:0]
    return doc


def silver_cli(
    pipeline: str = typer.Argument(..., help="Folder or package of a trained pipeline"),
    raw: Path = typer.Argument(..., help="Raw text: a .jsonl or .txt file, or a folder of them"),
    output: Path = typer.Argument(..., help="File to write, .spacy"),
    gpu_id: int = typer.Option(-1, "--gpu-id", "-g", help="GPU, -1 for CPU"),
    code_path: Path = CODE,
) -> None:
    """Annotate raw text with a pipeline's best guesses (silver labels)."""
    import_code(code_path)
    try:
        count = silver(pipeline, raw, output, gpu_id=gpu_id)
    except (ValueError, OSError) as error:
        msg.fail("Nothing was written", str(error), exits=1)
    msg.good(f"Annotated {count} texts: {output}")
