"""`spacy skd silver`: raw text annotated with a pipeline's best guesses, for stock components."""

from pathlib import Path

import spacy
import typer
from spacy.cli._util import import_code
from spacy.tokens import Doc, DocBin
from wasabi import msg

from ..disk import check_file_apart, check_new_file, unchanged, write_new
from ..teachers.loading import load_trained
from ..teachers.runner import batches_by_length
from ..training.annotation.inputs import Record, read_inputs
from ..training.conversion.categories import decide_categories
from ..training.conversion.raw_text import REJECTS, Unfit, find_raw_files
from ..training.progress import Progress, Report, silent
from .code import CODE
from .progress import progress
from .rejects import ACCEPT, tell_rejects


def silver(
    pipeline: str | Path,
    raw: Path,
    output: Path,
    *,
    gpu_id: int = -1,
    batch_words: int = 2000,
    report: Report = silent,
) -> tuple[int, int]:
    """Write `.spacy` docs with a trained pipeline's annotation of raw text, in the text's order.

    pipeline (Union[str, Path]): folder or package.
    report (Report): called after each batch, in tokens.
    RETURNS (tuple[int, int]): docs written, and lines that are unfit and stand in
        `rejects_of(output)`.
    RAISES (ValueError): if the output exists, the pipeline cannot be loaded or there is no text.
    """
    for file in (output, rejects_of(output)):
        check_new_file(file)
    files = find_raw_files(raw)
    check_file_apart(output, files)
    if gpu_id >= 0:
        spacy.require_gpu(gpu_id)
    nlp = load_trained(pipeline)
    docs: list[Doc] = []
    rejected: list[Unfit] = []
    with unchanged(files):
        for item in read_inputs(files, max_chars=nlp.max_length, with_meta=False):
            if isinstance(item, Record):
                docs.append(nlp.make_doc(item.text))
            elif item.reason:
                rejected.append(item)
    if not docs:
        first = (
            f"; the first is line {rejected[0].number}: {rejected[0].reason}" if rejected else ""
        )
        raise ValueError(f"{raw}: expected raw text, found {len(rejected)} unfit lines{first}")
    batches = batches_by_length([len(doc) for doc in docs], size=batch_words)
    done, total = 0, sum(map(len, docs))
    for batch in batches:
        for i, doc in zip(batch, nlp.pipe([docs[i] for i in batch], batch_size=len(batch))):
            decide_categories(nlp, doc)
            docs[i] = _plain(doc)
        words = sum(len(docs[i]) for i in batch)
        done += words
        report(Progress(done, total, words))
    if rejected:
        lines = "".join(unfit.to_json() + "\n" for unfit in rejected)
        write_new(rejects_of(output), lines.encode("utf8"))
    write_new(output, DocBin(docs=docs).to_bytes())
    return len(docs), len(rejected)


def rejects_of(output: Path) -> Path:
    """Return the file beside it that gets the lines which are unfit."""
    return output.with_suffix(f".{REJECTS}")


def _plain(doc: Doc) -> Doc:
    """Return a doc without what the transformer left in it, which is large."""
    if Doc.has_extension("trf_data"):
        doc._.trf_data = None
    doc.tensor = doc.tensor[:0]
    return doc


def silver_cli(
    pipeline: str = typer.Argument(..., help="Folder or package of a trained pipeline"),
    raw: Path = typer.Argument(..., help="Raw text: a .jsonl or .txt file, or a folder of them"),
    output: Path = typer.Argument(..., help="File to write, .spacy"),
    gpu_id: int = typer.Option(-1, "--gpu-id", "-g", help="GPU, -1 for CPU"),
    accept_rejects: bool = ACCEPT,
    code_path: Path = CODE,
) -> None:
    """Annotate raw text with a pipeline's best guesses (silver labels).

    Exit code: 0 if all is annotated, 3 if all but the lines in OUTPUT's .rejects.jsonl, 1 if
    something else is wrong.
    """
    import_code(code_path)
    try:
        with progress("silver") as report:
            count, n_rejected = silver(pipeline, raw, output, gpu_id=gpu_id, report=report)
    except (ValueError, OSError) as error:
        msg.fail("Nothing was written", str(error), exits=1)
    msg.good(f"Annotated {count} texts: {output}")
    tell_rejects(n_rejected, rejects_of(output), accept=accept_rejects)
