"""`spacy skd export`: a trained pipeline on stock components, where these predict the same."""

from pathlib import Path

import typer
from spacy.cli._util import import_code
from wasabi import msg

from ..disk import check_apart, new_folder
from ..pipeline.stock_pipes import Exported, make_stock
from ..teachers.loading import load_trained
from .code import CODE
from .told.failing import fail


def export(pipeline: str | Path, output: Path) -> Exported:
    """Write a copy of a pipeline in which each component that can be is spaCy's own.

    pipeline (Union[str, Path]): folder or package.
    RETURNS (Exported): what was exported, and what still needs this package.
    RAISES (ValueError): if the output is not empty, the pipeline cannot be loaded, or none of its
        components can be exported.
    """
    check_apart(output, [pipeline])
    with new_folder(output, by="export") as draft:
        nlp = load_trained(pipeline)
        outcome = make_stock(nlp)
        if not outcome.exported:
            reasons = "".join(f"\n  {name}: {reason}" for name, reason in outcome.kept.items())
            reasons = reasons or ": no component is of this package, so there is nothing to export"
            raise ValueError(f"{pipeline}: expected a component to export, found none{reasons}")
        nlp.to_disk(draft)
    return outcome


def export_cli(
    pipeline: str = typer.Argument(..., help="Folder or package of a trained pipeline"),
    output: Path = typer.Argument(..., help="Folder to write"),
    code_path: Path = CODE,
) -> None:
    """Replace the components of PIPELINE by spaCy's own, where these predict the same: a
    distilling_tagger of tokens by a tagger, morphologizer, senter or trainable_lemmatizer, a
    distilling_transitions by the ner or parser that it is, fast rules by spaCy's, a fast tok2vec of
    stock layers by a stock one. Says in what they differ, and which components still need this
    package."""
    import_code(code_path)
    try:
        outcome = export(pipeline, output)
    except (ValueError, OSError) as error:
        fail("Nothing was written", error)
    for name, factory in outcome.exported.items():
        msg.good(f"{name} is a stock {factory}")
    for note in outcome.notes:
        msg.warn(note)
    for name, reason in outcome.kept.items():
        msg.warn(f"{name} still needs spacy-skd: {reason}")
    if not outcome.kept:
        msg.good(f"{output} loads where spacy-skd is not installed")
