"""`spacy skd prepare`: the corpora of the project and configs that fit their size."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import typer
from spacy.cli._util import import_code
from spacy.tokens import DocBin
from spacy.vocab import Vocab
from thinc.api import Config
from wasabi import msg

from ..disk import check_apart, new_folder, refuse_stream
from ..errors import check_one_of, check_positive
from ..layers.known import corpus_layers, corpus_names, labelled_layers
from ..training.annotation import earlier
from ..training.configs.layered import config_of
from ..training.conversion.convert import convert
from ..training.conversion.convert_counts import SPLITS, Counts
from ..training.conversion.raw_text import REJECTS
from ..training.progress import Report, silent
from .code import CODE
from .progress import progress
from .told.converting import tell_odd
from .told.failing import fail
from .told.rejects import ACCEPT, tell_rejects

STORED = "student_stored.cfg"
# Words seen in training, and the passes over the data that this is meant to be. More text is worth
# more steps, up to a point; less than the minimum does not train a network.
TEACHER_PASSES, TEACHER_WORDS = 3.5, (160_000, 3_000_000)
STUDENT_PASSES, STUDENT_WORDS = 4.0, (500_000, 7_500_000)
EVALUATIONS = 5
EFFORT = "Of the words that are worth seeing in training, how many are seen: 0.5, half of them"
FEW_WORDS = 2_000  # of a treebank
_LEAST_COUNTS = ("min_action_freq", "min_tree_freq")  # of stock components


def prepare(
    output: Path,
    configs: Path | None = None,
    *,
    treebank: Path,
    raw: Path,
    lang: str = "en",
    backbone: str = "",
    merge_subtokens: bool = True,
    layers: Sequence[str] = (),
    effort: float = 1.0,
    overwrite: bool = False,
    report: Report = silent,
    say: Callable[[str], None] = lambda text: None,
) -> Counts:
    """Convert a treebank and raw text; write configs for their layers and their size.

    output (Path): gets what `spacy skd convert` writes, a config of the teacher, of a student and
        of a stock rival, and a copy of the student's that reads stored beliefs.
    configs (Path | None): folder with teacher.cfg, student.cfg or stock.cfg of the user's own,
        in place of the package's.
    treebank (Path): folder with *train.conllu, *dev.conllu and *test.conllu.
    raw (Path): unlabelled text: .jsonl, .txt or a folder of them.
    backbone (str): the teacher's; "" leaves the config's.
    merge_subtokens (bool): see `convert`.
    report (Report): called after each text of `raw`, in words.
    layers (Sequence[str]): of `corpus_names()`; by default those that train has labels of.
    effort (float): of the words that are worth seeing in training, how many are seen, above 0.
    say (Callable[[str], None]): is told which layers there are, and why others are not.
    RAISES (ValueError): for malformed input, and for layers that there are not;
        (FileNotFoundError), (FileExistsError).
    """
    for layer in layers:
        check_one_of("layers", layer, corpus_names())
    if configs is not None and not configs.is_dir():
        raise FileNotFoundError(f"{configs}: expected a folder of configs, found none")
    check_positive("effort", effort)
    _check_inputs(treebank, raw)
    train, dev, test = (_find(treebank, split) for split in SPLITS)
    check_apart(output, [treebank, raw])
    with new_folder(output, by="prepare", overwrite=overwrite, earlier=earlier.prepared) as draft:
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
        trained, scored = find_layers(draft, layers, say=say)
        for name in ("teacher", "student", "stock"):
            config = config_of(name, trained, scored=scored, folder=configs)
            config["nlp"]["lang"] = lang
            if name == "stock":
                _keep_rare_labels(config, counts.train.words, say=say)
            _write_config(draft, name, config, words_for(counts, effort), backbone=backbone)
    return counts


def _check_inputs(treebank: Path, raw: Path) -> None:
    if not treebank.is_dir():
        raise FileNotFoundError(
            f"{treebank}: expected a folder of CoNLL-U files, found none. Run `spacy project "
            f"assets`, or name a folder."
        )
    refuse_stream(raw)
    if not raw.exists():
        raise FileNotFoundError(
            f"{raw}: expected raw text (.jsonl, .txt or a folder of them), found none. Unlabelled "
            f"text of your domain is what the student learns from."
        )


def _keep_rare_labels(config: Config, n_words: int, *, say: Callable[[str], None]) -> None:
    """Keep what is rare: in a treebank of a few sentences all of a stock parser's actions or a
    lemmatizer's trees may be, and without them it stops with E1031 or E143."""
    blocks = config["components"].values()
    drops = [(block, key) for block in blocks for key in _LEAST_COUNTS if key in block]
    if n_words < FEW_WORDS and drops:
        for block, key in drops:
            block[key] = 1
        keys = ", ".join(f"{key} = 1" for key in dict.fromkeys(key for _, key in drops))
        say(f"The rival keeps rare labels ({keys}) of {n_words} words")


def _write_config(
    output: Path, name: str, config: Config, words: dict[str, float], *, backbone: str
) -> None:
    """Write a config for a corpus of this size; of the student's, a copy that reads stored
    beliefs, too."""
    set_steps(config, words["teacher" if name == "teacher" else "student"])
    if name == "teacher" and backbone:
        config["components"]["transformer"]["model"]["name"] = backbone
    config.to_disk(output / f"{name}.cfg")
    if name == "student":
        from_store(config).to_disk(output / STORED)


def find_layers(
    corpus: Path, asked: Sequence[str], *, say: Callable[[str], None]
) -> tuple[list[str], list[str]]:
    """Return the layers of a converted corpus: of train, to learn, and those of them that dev has,
    to be scored.

    asked (Sequence[str]): see `prepare`, as for `say`.
    RAISES (ValueError): if train lacks one that is asked, or there is nothing to learn or to score.
    """
    train, dev = (
        labelled_layers(DocBin().from_disk(corpus / f"{split}.spacy").get_docs(Vocab()))
        for split in SPLITS[:2]
    )
    lacking = [layer for layer in asked or corpus_names() if layer not in train]
    if asked and lacking:
        raise ValueError(f"layers: train has {_list(train)}, but not {_list(lacking)}")
    trained = [layer for layer in train if not asked or layer in asked]
    scored = [layer for layer in trained if layer in dev]
    if not scored:
        raise ValueError(
            f"expected labels in train and in dev to learn and to be scored, found {_list(train)} "
            f"in train, {_list(dev)} in dev"
        )
    say(f"Layers: {_list(trained)}")
    absent = [layer for layer in corpus_layers() if layer.name in lacking]
    if absent:
        say("No component of " + "; ".join(f"{la.name}: {la.lacking}" for la in absent))
    if len(scored) < len(trained):
        unscored = [layer for layer in trained if layer not in scored]
        say(f"Not scored, since dev has none: {_list(unscored)}")
    return trained, scored


def _list(layers: Iterable[str]) -> str:
    return ", ".join(layers) or "none"


def from_store(config: Config) -> Config:
    """Return the student's config, reading what `spacy skd annotate` wrote (`--paths.store`)
    instead of labelled docs and raw text, in the same mix."""
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
        "guesses": False,
        "stores": None,
    }
    return config


def words_for(counts: Counts, effort: float = 1.0) -> dict[str, float]:
    """Return the words that the teacher, and that each student, is to see in training, or a share
    of them. effort (float): the share."""
    labelled = counts.train.words
    raw = counts.raw.words if counts.raw else 0
    return {
        "teacher": effort * _clamp(TEACHER_PASSES * labelled, *TEACHER_WORDS),
        "student": effort * student_words(labelled + raw),
    }


def student_words(available: float) -> float:
    """Return the words that a student is to see in training, of so many labelled and raw ones."""
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
    files = sorted(p for p in names if p.name.lower().endswith(f"{split}.conllu"))
    if len(files) != 1:
        raise FileNotFoundError(
            f"{folder}: expected one file *{split}.conllu, found {[p.name for p in files]}"
        )
    return files[0]


def prepare_cli(
    output: Path = typer.Argument(..., help="Folder to write to"),
    configs: Path = typer.Option(
        None, "--configs", help="Folder with teacher.cfg, student.cfg or stock.cfg of your own"
    ),
    treebank: Path = typer.Option(..., "--treebank", help="Folder with CoNLL-U files"),
    raw: Path = typer.Option(..., "--raw", help="Raw text, .jsonl or .txt"),
    lang: str = typer.Option("en", "--lang", help="Language code"),
    backbone: str = typer.Option("", "--backbone", help="The teacher's: hub, folder, package:NAME"),
    merge_subtokens: bool = typer.Option(
        True,
        "--merge-subtokens/--no-merge-subtokens",
        help="One token for a multiword token that the tokenizer does not split as the treebank",
    ),
    layers: str = typer.Option(
        "",
        "--layers",
        help=f"Those to learn of {', '.join(corpus_names())}. All there are by default",
    ),
    effort: float = typer.Option(1.0, "--effort", help=EFFORT),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace an earlier corpus"),
    accept_rejects: bool = ACCEPT,
    code_path: Path = CODE,
    corpus: str = typer.Option(
        "", "--corpus", hidden=True, help="A name, of scripts that were written when it had a use"
    ),
) -> None:
    """Make the project's corpora and the configs that fit their layers and their size.

    Exit code: 0 if all is converted, 3 if all but the lines in rejects.jsonl, 1 if something else
    is wrong.
    """
    import_code(code_path)
    try:
        with progress("prepare") as report:
            counts = prepare(
                output,
                configs,
                treebank=treebank,
                raw=raw,
                lang=lang,
                backbone=backbone,
                merge_subtokens=merge_subtokens,
                layers=[layer.strip() for layer in layers.split(",") if layer.strip()],
                effort=effort,
                overwrite=overwrite,
                report=report,
                say=msg.info,
            )
    except (ValueError, OSError) as error:
        fail("Nothing was prepared", error)
    left_out = counts.train.left_out, counts.raw.left_out if counts.raw else {}
    msg.info(f"{counts.train.words} labelled words, {counts.raw.words if counts.raw else 0} raw")
    msg.info(
        f"Left out because they stand in dev or test: {sum(left_out[0].values())} sentences of "
        f"train, {sum(left_out[1].values())} raw texts"
    )
    tell_odd(counts)
    msg.good(f"Prepared {output}")
    tell_rejects(counts.rejected, output / REJECTS, accept=accept_rejects)
