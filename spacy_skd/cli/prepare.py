"""`spacy skd prepare`: the corpora of the project and configs that fit their size."""

import tempfile
from pathlib import Path
from typing import Dict, Optional

import typer
from spacy.cli._util import import_code
from thinc.api import Config
from wasabi import msg

from ..disk import check_apart, new_folder, refuse_stream
from ..synthetic import corpus as synthetic
from ..training import earlier
from ..training.convert import convert
from ..training.convert_counts import SPLITS, Counts
from ..training.progress import Report, silent
from ..training.raw_text import REJECTS
from .code import CODE
from .convert_messages import tell_odd
from .progress import progress
from .rejects import ACCEPT, tell_rejects

DEMO = "demo"
STORED = "student_stored.cfg"
# Words seen in training, and the passes over the data that this is meant to be. More text is worth
# more steps, up to a point; less than the minimum does not train a network.
TEACHER_PASSES, TEACHER_WORDS = 3.5, (160_000, 3_000_000)
STUDENT_PASSES, STUDENT_WORDS = 4.0, (500_000, 7_500_000)
EVALUATIONS = 5


def prepare(
    output: Path,
    configs: Path,
    *,
    corpus: str = DEMO,
    treebank: Optional[Path] = None,
    raw: Optional[Path] = None,
    lang: str = "en",
    backbone: str = "",
    merge_subtokens: bool = True,
    overwrite: bool = False,
    report: Report = silent,
) -> Counts:
    """Convert a treebank and raw text, or generate the demo's; write configs for their size.

    output (Path): gets what `spacy skd convert` writes, each of the configs, and a copy of the
        student's that reads stored beliefs.
    configs (Path): folder of teacher.cfg, student.cfg and stock.cfg.
    corpus (str): "demo", or any name for `treebank`, a folder with *train.conllu, *dev.conllu and
        *test.conllu.
    backbone (str): the teacher's; "" leaves the config's.
    merge_subtokens (bool): see `convert`.
    report (Report): called after each text of `raw`, in words.
    RAISES (ValueError): for malformed input; (FileNotFoundError), (FileExistsError).
    """
    with tempfile.TemporaryDirectory() as folder:
        if corpus == DEMO:
            synthetic.generate(folder)
            treebank, raw = Path(folder), Path(folder) / synthetic.FILES["raw"]
        if treebank is None or not treebank.is_dir():
            raise FileNotFoundError(
                f"corpus {corpus!r}: expected a folder of CoNLL-U files, found none at "
                f"{treebank}. Run `spacy project assets`, or name a folder."
            )
        if raw is not None:
            refuse_stream(raw)
        if raw is None or not raw.exists():
            raise FileNotFoundError(
                f"corpus {corpus!r}: expected raw text (.jsonl, .txt or a folder of them), found "
                f"none at {raw}. Unlabelled text of your domain is what the student learns from."
            )
        train, dev, test = (_find(treebank, split) for split in SPLITS)
        check_apart(output, [treebank, raw])
        with new_folder(
            output, by="prepare", overwrite=overwrite, earlier=earlier.prepared
        ) as draft:
            counts = convert(
                train,
                dev,
                test,
                draft,
                raw=[raw],
                lang=lang,
                merge_subtokens=merge_subtokens,
                report=report,
            )
            _write_configs(draft, configs, words_for(counts), lang=lang, backbone=backbone)
    return counts


def _write_configs(
    output: Path, configs: Path, words: Dict[str, float], *, lang: str, backbone: str
) -> None:
    """Each of the configs, and a copy of the student's that reads stored beliefs."""
    for name in ("teacher", "student", "stock"):
        config = Config().from_disk(configs / f"{name}.cfg", interpolate=False)
        config["nlp"]["lang"] = lang
        set_steps(config, words["teacher" if name == "teacher" else "student"])
        if name == "teacher" and backbone:
            config["components"]["transformer"]["model"]["name"] = backbone
        config.to_disk(output / f"{name}.cfg")
        if name == "student":
            from_store(config).to_disk(output / STORED)


def from_store(config: Config) -> Config:
    """The student's config, reading what `spacy skd annotate` wrote (`--paths.store`) instead of
    labelled docs and raw text, in the same mix."""
    config = config.copy()
    raw_ratio = config["corpora"]["train"]["raw_ratio"]
    config["corpora"]["train"] = {
        "@readers": "spacy-skd.DistillationCorpus.v1",
        "store": "${paths.store}",
        "path": None,
        "ratio": raw_ratio,
        "buffer": 2000,
        "max_length": 0,
        "seed": "${system.seed}",
        "lower_case": 0.0,
    }
    return config


def words_for(counts: Counts) -> Dict[str, float]:
    """Words that the teacher, and that each student, is to see in training."""
    labelled = counts.train.words
    raw = counts.raw.words if counts.raw else 0
    return {
        "teacher": _clamp(TEACHER_PASSES * labelled, *TEACHER_WORDS),
        "student": student_words(labelled + raw),
    }


def student_words(available: float) -> float:
    """Words that a student is to see in training, of so many labelled and raw ones."""
    return _clamp(STUDENT_PASSES * available, *STUDENT_WORDS)


def _clamp(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def set_steps(config: Config, words: float) -> None:
    """Train a config on about as many words, and evaluate it some times, at the end for one.

    words (float): see `words_for`.
    """
    training = config["training"]
    # The last step is evaluated: what is best is at the end of the schedule.
    training["eval_frequency"] = max(1, round(words / training["batcher"]["size"] / EVALUATIONS))
    steps = training["max_steps"] = EVALUATIONS * training["eval_frequency"]
    # Written out: spaCy reads this block without the rest of the config when training is resumed.
    training["optimizer"]["learn_rate"]["total_steps"] = steps
    training["optimizer"]["learn_rate"]["warmup_steps"] = max(1, min(200, round(steps / 10)))


def _find(folder: Path, split: str) -> Path:
    names = (path for path in folder.iterdir() if not path.name.startswith("."))
    found = sorted(p for p in names if p.name.lower().endswith(f"{split}.conllu"))
    if len(found) != 1:
        raise FileNotFoundError(
            f"{folder}: expected one file *{split}.conllu, found {[p.name for p in found]}"
        )
    return found[0]


def prepare_cli(
    output: Path = typer.Argument(..., help="Folder to write to"),
    configs: Path = typer.Option(Path("configs"), "--configs", help="Folder of the configs"),
    corpus: str = typer.Option(DEMO, "--corpus", help="'demo', or a name for --treebank"),
    treebank: Path = typer.Option(None, "--treebank", help="Folder with CoNLL-U files"),
    raw: Path = typer.Option(None, "--raw", help="Raw text, .jsonl or .txt"),
    lang: str = typer.Option("en", "--lang", help="Language code"),
    backbone: str = typer.Option("", "--backbone", help="The teacher's: hub, folder, package:NAME"),
    merge_subtokens: bool = typer.Option(
        True,
        "--merge-subtokens/--no-merge-subtokens",
        help="One token for a multiword token that the tokenizer does not split as the treebank",
    ),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace an earlier corpus"),
    accept_rejects: bool = ACCEPT,
    code_path: Path = CODE,
) -> None:
    """Make the project's corpora and the configs that fit their size.

    Exit code: 0 if all is converted, 3 if all but the lines in rejects.jsonl, 1 if something else
    is wrong.
    """
    import_code(code_path)
    try:
        with progress("prepare") as report:
            counts = prepare(
                output,
                configs,
                corpus=corpus,
                treebank=treebank,
                raw=raw,
                lang=lang,
                backbone=backbone,
                merge_subtokens=merge_subtokens,
                overwrite=overwrite,
                report=report,
            )
    except (ValueError, OSError) as error:
        msg.fail("Nothing was prepared", str(error), exits=1)
    left_out = counts.train.left_out, counts.raw.left_out if counts.raw else {}
    msg.info(f"{counts.train.words} labelled words, {counts.raw.words if counts.raw else 0} raw")
    msg.info(
        f"Left out because they stand in dev or test: {sum(left_out[0].values())} sentences of "
        f"train, {sum(left_out[1].values())} raw texts"
    )
    tell_odd(counts)
    msg.good(f"Prepared {output}")
    tell_rejects(counts.rejected, output / REJECTS, accept=accept_rejects)
