"""`spacy skd rehead`: a config that trains our heads on the frozen transformer of a pipeline."""

import shlex
import tempfile
from collections.abc import Sequence
from pathlib import Path

import typer
from spacy.cli._util import import_code
from spacy.tokens import DocBin
from spacy.vocab import Vocab
from thinc.api import Config
from wasabi import msg

from ..disk import check_new_file, write_new
from ..layers.known import labelled_layers
from ..teachers.loading import load_trained
from ..training.annotation.silver import rejects_of, silver
from ..training.configs.heads import HeadPlan, plan_heads
from ..training.configs.layered import own_template
from ..training.configs.paths import check_paths
from ..training.configs.rehead_config import rehead_config
from ..training.conversion.raw_text import REJECTS
from ..training.progress import Report, silent
from .code import CODE, with_code
from .progress import progress
from .texts.docs import docs_in
from .told.failing import fail
from .told.rejects import ACCEPT, tell_rejects
from .workers import use_gpu

CONFIG = "rehead.cfg"
SPLIT_FILES = {"train": "train.spacy", "dev": "dev.spacy"}
# Of the pipeline's own output, one text in so many is for evaluation.
DEV_EVERY = 10


def rehead(
    pipeline: str,
    output: Path,
    *,
    template: Path | None = None,
    pipes: Sequence[str] = (),
    train: Path | None = None,
    dev: Path | None = None,
    raw: Path | None = None,
    gpu_id: int = -1,
    report: Report = silent,
) -> HeadPlan:
    """Write the config of heads for a pipeline; annotate raw text with it if there is some.

    pipeline (str): folder or package of a trained pipeline with a transformer or a tok2vec.
    output (Path): gets rehead.cfg, and with `raw` train.spacy and dev.spacy, to which the config's
        paths then point, and rejects.jsonl, if lines are unfit.
    template (Path | None): config with the heads to choose from; the package's by default.
    pipes (Sequence[str]): see `plan_heads`.
    train, dev (Path | None): gold, to which the config's paths then point. Of layers without
        labels in train there are no heads; those without in dev are not scored.
    raw (Path | None): text on which the heads learn the pipeline's own output, in place of gold.
    RETURNS (HeadPlan): what is in the config.
    RAISES (ValueError): if a file of the output exists, nothing embeds tokens, a setting is wrong,
        or the pipeline cannot be loaded; (OSError): if the template cannot.
    """
    path = output / CONFIG
    for name in (CONFIG, *((*SPLIT_FILES.values(), REJECTS) if raw is not None else ())):
        check_new_file(output / name)
    if raw is not None and (train is not None or dev is not None):
        raise ValueError("heads learn from gold (train, dev) or from the pipeline (raw), not both")
    if template is not None and not template.is_file():
        raise FileNotFoundError(f"{template}: there is no such config")
    base = own_template("rehead")
    if template is not None:
        base = Config().from_disk(template, interpolate=False)
    check_paths([pipeline, *((train, dev) if raw is None else (output,))])
    nlp = load_trained(pipeline)
    plan = plan_heads(nlp, pipes=pipes)  # what is wrong is said before raw text is annotated
    with tempfile.TemporaryDirectory() as scratch:
        paths = {"train": train, "dev": dev}
        if raw is not None:
            own = own_output(pipeline, raw, Path(scratch), gpu_id=gpu_id, report=report)
            paths.update(own)
        docs = {split: path for split, path in paths.items() if path is not None}
        labelled = {split: labelled_layers(docs_in(path)) for split, path in docs.items()}
        plan = plan_heads(nlp, pipes=pipes, labelled=labelled.get("train"))
        config = rehead_config(base, nlp, plan, source=pipeline, scored=labelled.get("dev"))
        if raw is not None:
            docs = {split: _copied(path, output) for split, path in docs.items()}
            if (Path(scratch) / REJECTS).exists():
                _copied(Path(scratch) / REJECTS, output)
    config["paths"].update({split: str(path) for split, path in docs.items()})
    write_new(path, config.to_bytes())
    return plan


def _copied(file: Path, folder: Path) -> Path:
    write_new(folder / file.name, file.read_bytes())
    return folder / file.name


# The pipeline's own output


def own_output(
    pipeline: str, raw: Path, folder: Path, *, gpu_id: int = -1, report: Report = silent
) -> dict[str, Path]:
    """Write a pipeline's annotation of raw text, as if it were gold.

    folder (Path): gets train.spacy, dev.spacy and, if lines are unfit, rejects.jsonl.
    RETURNS (dict[str, Path]): the two files, "train" and "dev".
    RAISES (ValueError): if a file exists, or there are fewer than two texts.
    """
    files = {split: folder / name for split, name in SPLIT_FILES.items()}
    for path in files.values():
        check_new_file(path)
    use_gpu(gpu_id)
    with tempfile.TemporaryDirectory() as scratch:
        everything = Path(scratch) / "all.spacy"
        _, n_rejected = silver(pipeline, raw, everything, report=report)
        docs = list(DocBin().from_disk(everything).get_docs(Vocab()))
        rejects = rejects_of(everything).read_bytes() if n_rejected else b""
    if len(docs) < 2:
        raise ValueError(
            f"{raw}: expected two texts or more, of which one is to evaluate on, found {len(docs)} "
            f"and {n_rejected} unfit lines"
        )
    if rejects:
        write_new(folder / REJECTS, rejects)
    dev = docs[1::DEV_EVERY]
    write_new(files["dev"], DocBin(docs=dev).to_bytes())
    train = [doc for i, doc in enumerate(docs) if i % DEV_EVERY != 1]
    write_new(files["train"], DocBin(docs=train).to_bytes())
    return files


# The command


def table(plan: HeadPlan) -> list[tuple[str, str, str]]:
    """Return, per component of the new pipeline: its name, a head's layer, and what it is."""
    heads = {head.name: head for head in plan.heads}
    rows: list[tuple[str, str, str]] = []
    for name in plan.pipeline:
        head = heads.get(name)
        if head is None:
            listened = "kept; heads listen to it" if name == plan.embedding else "kept as it is"
            rows.append((name, "", listened))
        else:
            replaced = f"in place of {head.replaces!r}" if head.replaces else "new"
            rows.append((name, head.layer, f"head, {replaced}"))
    return rows


def rehead_cli(
    pipeline: str = typer.Argument(..., help="Trained pipeline with a transformer or a tok2vec"),
    output: Path = typer.Argument(..., help="Folder to write to: rehead.cfg, with --raw corpora"),
    template: Path = typer.Option(None, "--template", help="Config with heads of your own"),
    pipes: str = typer.Option(
        "", "--pipes", help="What heads to train: components of PIPELINE, or layers: tagger,parser"
    ),
    train: Path = typer.Option(None, "--train", help="Gold to learn from, .spacy"),
    dev: Path = typer.Option(None, "--dev", help="Gold to evaluate on, .spacy"),
    raw: Path = typer.Option(None, "--raw", help="Raw text: learn the pipeline's own output on it"),
    gpu_id: int = typer.Option(-1, "--gpu-id", "-g", help="GPU for --raw, -1 for CPU"),
    code_path: Path = CODE,
    accept_rejects: bool = ACCEPT,
) -> None:
    """Write a config that trains this package's heads on the frozen transformer (or tok2vec) of
    PIPELINE, under the names of the components that they replace. The others are kept.

    Exit code: 0 if all is done, 3 if all but the lines of --raw in rejects.jsonl, 1 if something is
    wrong.
    """
    import_code(code_path)
    try:
        with progress("rehead") as report:
            plan = rehead(
                pipeline,
                output,
                template=template,
                pipes=[name.strip() for name in pipes.split(",") if name.strip()],
                train=train,
                dev=dev,
                raw=raw,
                gpu_id=gpu_id,
                report=report,
            )
    except (ValueError, OSError) as error:
        fail("Nothing was written", error)
    path = output / CONFIG
    msg.table(table(plan), header=("component", "layer", "what"), divider=True)
    msg.good(f"Wrote {path}")
    msg.info("Next:")
    given = "" if raw or train else " --paths.train train.spacy"
    given += "" if raw or dev else " --paths.dev dev.spacy"
    given += with_code(code_path)
    print(f"python -m spacy train {shlex.quote(str(path))} --output FOLDER{given}")
    rejects = output / REJECTS
    n_rejected = len(rejects.read_bytes().splitlines()) if raw and rejects.exists() else 0
    tell_rejects(n_rejected, rejects, accept=accept_rejects)
