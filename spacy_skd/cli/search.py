"""`spacy skd search`: the most accurate student of those that are fast enough on this machine."""

import shlex
from pathlib import Path

import spacy
import typer
from spacy.cli._util import import_code
from wasabi import msg

from ..training.configs.presets import DEFAULT, PRESETS
from .code import CODE, with_code
from .init import names_in
from .progress import say
from .searching.request import Request
from .searching.run import search
from .searching.told import CONFIG, PICTURE, TRIALS, trial_table
from .told.failing import fail
from .told.lexicon import LEXICON, one_lexicon, tell_lexicon
from .workers import use_gpu


def search_cli(
    teacher: str = typer.Argument(..., help="Pipeline, or a folder that `skd beliefs` wrote"),
    output: Path = typer.Argument(..., help="Folder to write to, or to go on in"),
    words_per_second: float = typer.Option(
        ..., "--words-per-second", help="That a student is to read, of one thread of this machine"
    ),
    megabytes: float = typer.Option(None, "--megabytes", help="That it may have, with its vectors"),
    store: list[str] = typer.Option(
        [], "--store", help="What `skd annotate` wrote, to train from; repeatable"
    ),
    dev: Path = typer.Option(..., "--dev", help="Labelled docs that decide, .spacy"),
    vectors: str = typer.Option(None, "--vectors", help="Folder or package with word vectors"),
    lexicons: list[str] = LEXICON,
    preset: str = typer.Option(
        DEFAULT, "--preset", help=f"Size to begin with: {', '.join(PRESETS)}"
    ),
    trials: int = typer.Option(30, "--trials", help="Sizes to try"),
    effort: float = typer.Option(
        0.5, "--effort", help="Of the words that are worth seeing, how many the best of them see"
    ),
    seed: int = typer.Option(0, "--seed", help="Of what is tried and of the trainings"),
    pipes: str = typer.Option("", "--pipes", help="Of TEACHER: tagger,ner. All by default"),
    keep: str = typer.Option("", "--keep", help="Of TEACHER: taken over, not taught"),
    teach: str = typer.Option("", "--teach", help="Of TEACHER: taught, though rules"),
    retrain: list[str] = typer.Option(
        [], "--retrain", help="Of TEACHER: trained anew on the student's tok2vec; repeatable"
    ),
    hidden: bool = typer.Option(
        False, "--hidden", help="Learn how alike words are to TEACHER, too (annotate --hidden)"
    ),
    overwrite: bool = typer.Option(
        False, "--overwrite", help="Begin anew if settings, inputs or the machine have changed"
    ),
    gpu_id: int = typer.Option(-1, "--gpu-id", "-g", help="GPU for trainings, -1 for CPU"),
    code_path: Path = CODE,
) -> None:
    """Search the size of a student of TEACHER that is the most accurate of those that read so many
    words per second on this machine; write its config and a picture of all that was tried.

    Sizes are tried by short trainings, of which the best go on. The same command goes on after any
    interruption. Exit code: 0 if all is done, 1 if something is wrong.
    """
    import_code(code_path)
    try:
        if gpu_id >= 0:
            use_gpu(gpu_id)  # if there is none, this tells it
            spacy.require_cpu()  # on which speed is measured
        request = Request(
            teacher=teacher,
            dev=dev,
            words_per_second=words_per_second,
            megabytes=megabytes,
            store=tuple(store),
            vectors=vectors,
            lexicon=one_lexicon(lexicons),
            preset=preset,
            trials=trials,
            effort=effort,
            seed=seed,
            pipes=tuple(names_in(pipes)),
            keep=tuple(names_in(keep)),
            teach=tuple(names_in(teach)),
            retrain=tuple(retrain),
            hidden=hidden,
            code=code_path,
            gpu_id=gpu_id,
        )
        work, best = search(request, output, overwrite=overwrite, say=say)
    except (ValueError, OSError) as error:
        fail("Not searched to the end", error)
    print(f"\nScores on {dev}, percent, after a ninth, a third and all of the words")
    print(trial_table(work, best))
    rejected = sum(trial.width is None for trial in work.trials)
    if rejected:
        msg.info(f"{rejected} more were not trained: no width of theirs meets the budget")
    msg.good(f"All that was tried: {output / PICTURE}, {output / TRIALS}")
    msg.good(f"Config: {output / CONFIG}")
    msg.info("Next:")
    config = shlex.quote(str(output / CONFIG))
    print(f"python -m spacy train {config} --output FOLDER{with_code(code_path)}")
    tell_lexicon(work.checked.plan, accept=True)
