"""`spacy skd rehead`: a config that trains our heads on the frozen transformer of a pipeline."""

import tempfile
from copy import deepcopy
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

import typer
from spacy.cli._util import import_code
from spacy.language import Language
from spacy.tokens import DocBin
from spacy.vocab import Vocab
from thinc.api import Config
from wasabi import msg

from ..disk import check_new_file, write_new
from ..teachers.embedding import find_listener
from ..teachers.loading import load_trained
from ..training.progress import Report, silent
from .code import CODE, with_code
from .progress import progress
from .silver import silver

CONFIG = "rehead.cfg"
SPLIT_FILES = {"train": "train.spacy", "dev": "dev.spacy"}
# Of the pipeline's own output, one text in so many is for evaluation.
DEV_EVERY = 10
# First words of spaCy's scores: the template's heads that they are of.
SCORED = {
    "tag": "tag",
    "pos": "pos",
    "morph": "morph",
    "sents": "sent",
    "dep": "parser",
    "ents": "ents",
}


def rehead(
    pipeline: str,
    output: Path,
    *,
    template: Path = Path("configs") / CONFIG,
    pipes: Sequence[str] = (),
    raw: Optional[Path] = None,
    gpu_id: int = -1,
    report: Report = silent,
) -> Path:
    """Fit the template to a pipeline; annotate raw text with it if there is some.

    pipeline (str): folder or package of a trained pipeline with a transformer.
    output (Path): gets rehead.cfg, and with `raw` train.spacy and dev.spacy, to which the config's
        paths then point.
    template (Path): config with the heads to choose from.
    pipes (Sequence[str]): the template's heads to train; those of its pipeline by default.
    raw (Optional[Path]): text on which the heads learn the pipeline's own output. Without, they
        learn from gold: paths.train and paths.dev.
    RETURNS (Path): the config.
    RAISES (ValueError): if a file of the output exists, the pipeline has no transformer, or a
        setting is wrong, or the pipeline cannot be loaded; (OSError): if the template cannot.
    """
    path = output / CONFIG
    for name in (CONFIG, *(SPLIT_FILES.values() if raw is not None else ())):
        check_new_file(output / name)
    if not template.is_file():
        raise FileNotFoundError(f"{template}: there is no such config; name one by --template")
    base = Config().from_disk(template, interpolate=False)
    config = rehead_config(base, load_trained(pipeline), source=pipeline, pipes=pipes)
    if raw is not None:
        config["paths"].update(own_output(pipeline, raw, output, gpu_id=gpu_id, report=report))
    write_new(path, config.to_bytes())
    return path


def rehead_config(
    template: Config, nlp: Language, *, source: str, pipes: Sequence[str] = ()
) -> Config:
    """The template with the pipeline's embedding component, language and tokenizer.

    source (str): where `nlp` was loaded from.
    pipes (Sequence[str]): see `rehead`.
    RAISES (ValueError): see `rehead`.
    """
    config = template.copy()
    heads = _choose(template, pipes)
    name, listener = find_listener(nlp)
    if name in heads:
        raise ValueError(
            f"the pipeline's {name!r} has the name of a head; leave that out by --pipes"
        )
    blocks = {head: config["components"][head] for head in heads}
    for block in blocks.values():
        block["model"]["tok2vec"]["listener"] = deepcopy(listener)
    config["components"] = {name: {"source": "${paths.source}"}, **blocks}
    config["paths"]["source"] = source
    config["nlp"].update(lang=nlp.lang, pipeline=[name, *heads])
    config["nlp"]["tokenizer"] = nlp.config["nlp"]["tokenizer"]
    training = config["training"]
    training.update(frozen_components=[name], annotating_components=[name])
    training["score_weights"] = _weights(training["score_weights"], heads)
    return config


def _choose(template: Config, pipes: Sequence[str]) -> List[str]:
    """Names of heads, in the template's order."""
    heads = [name for name, block in template["components"].items() if "source" not in block]
    unknown = [pipe for pipe in pipes if pipe not in heads]
    if unknown:
        raise ValueError(f"pipes: expected some of {', '.join(heads)}, got {', '.join(unknown)}")
    wanted = pipes or template["nlp"]["pipeline"]
    return [head for head in heads if head in wanted]


def _weights(weights: Dict[str, Any], heads: Sequence[str]) -> Dict[str, Any]:
    """None for scores of heads that are not trained: spaCy puts back those that are left out."""
    scored = {score: SCORED.get(score.partition("_")[0], heads[0]) for score in weights}
    return {score: v if scored[score] in heads else None for score, v in weights.items()}


# The pipeline's own output


def own_output(
    pipeline: str, raw: Path, folder: Path, *, gpu_id: int = -1, report: Report = silent
) -> Dict[str, str]:
    """A pipeline's annotation of raw text, as if it were gold.

    folder (Path): gets train.spacy and dev.spacy.
    RETURNS (Dict[str, str]): the two files, "train" and "dev".
    RAISES (ValueError): if a file exists, or there are fewer than two texts.
    """
    files = {split: folder / name for split, name in SPLIT_FILES.items()}
    for path in files.values():
        check_new_file(path)
    with tempfile.TemporaryDirectory() as scratch:
        silver(pipeline, raw, Path(scratch) / "all.spacy", gpu_id=gpu_id, report=report)
        docs = list(DocBin().from_disk(Path(scratch) / "all.spacy").get_docs(Vocab()))
    if len(docs) < 2:
        raise ValueError(f"{raw}: expected two texts or more, of which one is to evaluate on")
    dev = docs[1::DEV_EVERY]
    write_new(files["dev"], DocBin(docs=dev).to_bytes())
    train = [doc for i, doc in enumerate(docs) if i % DEV_EVERY != 1]
    write_new(files["train"], DocBin(docs=train).to_bytes())
    return {split: str(path) for split, path in files.items()}


def rehead_cli(
    pipeline: str = typer.Argument(..., help="Trained pipeline with a transformer"),
    output: Path = typer.Argument(..., help="Folder to write to: rehead.cfg, with --raw corpora"),
    template: Path = typer.Option(
        Path("configs") / CONFIG, "--template", help="Config with the heads to choose from"
    ),
    pipes: str = typer.Option("", "--pipes", help="Heads to train: tag,parser,ents"),
    raw: Path = typer.Option(None, "--raw", help="Raw text: learn the pipeline's own output on it"),
    gpu_id: int = typer.Option(-1, "--gpu-id", "-g", help="GPU for --raw, -1 for CPU"),
    code_path: Path = CODE,
) -> None:
    """Write a config that trains this package's heads on the frozen transformer of PIPELINE."""
    import_code(code_path)
    names = [name.strip() for name in pipes.split(",") if name.strip()]
    try:
        with progress("rehead") as report:
            path = rehead(
                pipeline,
                output,
                template=template,
                pipes=names,
                raw=raw,
                gpu_id=gpu_id,
                report=report,
            )
    except (ValueError, OSError) as error:
        msg.fail("Nothing was written", str(error), exits=1)
    msg.good(f"Wrote {path}")
    given = "" if raw else " --paths.train train.spacy --paths.dev dev.spacy"
    given += with_code(code_path)
    msg.info(f"Next: python -m spacy train {path} --output FOLDER{given}")
