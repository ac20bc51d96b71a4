"""`spacy skd distill`: from a teacher and texts to a student's wheel by one command."""

from pathlib import Path
from typing import Any

import typer
from spacy.cli._util import import_code
from wasabi import msg

from ..training.configs.presets import DEFAULT, PRESETS
from .code import CODE
from .distillation.request import Checked, Request
from .distillation.run import distill
from .distillation.steps import OF_TEACHER, Steps
from .init import names_in
from .init import table as plan_table
from .package import LICENSE
from .prepare import EFFORT
from .progress import say
from .report import AGREEMENT, table
from .told.failing import fail
from .told.lexicon import LEXICON, one_lexicon, tell_lexicon
from .told.rejects import ACCEPT, HAS_REJECTS, tell_rejects
from .workers import use_gpu


def distill_cli(
    teacher: str = typer.Argument(..., help="Folder or package of a trained pipeline"),
    texts: list[Path] = typer.Argument(..., help="Raw text (.jsonl, .txt) and folders of it"),
    output: Path = typer.Argument(..., help="Folder to write to, or to finish"),
    gold: Path = typer.Option(None, "--gold", help="Labelled docs to learn from as well, .spacy"),
    dev: Path = typer.Option(
        None, "--dev", help="Labelled docs to evaluate on; else some texts are held out"
    ),
    preset: str = typer.Option(DEFAULT, "--preset", help=f"Size: {', '.join(PRESETS)}"),
    effort: float = typer.Option(1.0, "--effort", help=EFFORT),
    max_words: int = typer.Option(
        300, "--max-words", help="Longer texts are cut into pieces (0: never)"
    ),
    pipes: str = typer.Option("", "--pipes", help="Of TEACHER: tagger,ner. All by default"),
    keep: str = typer.Option("", "--keep", help="Of TEACHER: taken over, not taught"),
    teach: str = typer.Option("", "--teach", help="Of TEACHER: taught, though rules"),
    retrain: list[str] = typer.Option(
        [], "--retrain", help="Of TEACHER: trained anew on the student's tok2vec; repeatable"
    ),
    transitions: str = typer.Option(
        "", "--transitions", help="Of the students: spaCy's own ner or parser"
    ),
    lexicons: list[str] = LEXICON,
    hidden: bool = typer.Option(
        False, "--hidden", help="Learn how alike words are to TEACHER's transformer, too"
    ),
    name: str = typer.Option("skd_student", "--name", help="Package name, without the language"),
    version: str = typer.Option("0.1.0", "--version", help="Package version"),
    license: str = LICENSE,
    overwrite: bool = typer.Option(
        False, "--overwrite", help="Do anew what depends on settings or inputs that have changed"
    ),
    gpu_id: int = typer.Option(-1, "--gpu-id", "-g", help="GPU, -1 for CPU"),
    code_path: Path = CODE,
    accept_rejects: bool = ACCEPT,
) -> None:
    """Make a student of TEACHER, its wheel and a report: annotate, vectors, init, train, package.

    Prints the command of each step. The same command goes on after any interruption. Exit code: 0
    if all is done, 3 if all but lines that are named as unfit, 1 if something is wrong.
    """
    import_code(code_path)
    try:
        use_gpu(gpu_id)
        lexicon = one_lexicon(lexicons)
        request = Request(
            teacher=teacher,
            texts=tuple(texts),
            gold=gold,
            dev=dev,
            preset=preset,
            effort=effort,
            max_words=max_words,
            pipes=tuple(names_in(pipes)),
            keep=tuple(names_in(keep)),
            teach=tuple(names_in(teach)),
            retrain=tuple(retrain),
            transitions=tuple(names_in(transitions)),
            lexicon=Path(lexicon) if lexicon else None,
            hidden=hidden,
            name=name,
            version=version,
            license=license,
            code=code_path,
            gpu_id=gpu_id,
        )
        steps = distill(request, output, overwrite=overwrite, say=say, begin=_tell_plan)
    except (ValueError, OSError) as error:
        fail("Not distilled to the end", error)
    _tell_results(steps)
    for file, n in steps.rejects():
        tell_rejects(n, file, accept=True)
    lexicon_of = steps.checked.plan.lexicon
    is_unfit = lexicon_of is not None and lexicon_of.unfit
    if (steps.rejects() or is_unfit) and not accept_rejects:
        raise typer.Exit(HAS_REJECTS)


def _tell_plan(checked: Checked) -> None:
    """Say what becomes of each component of the teacher, while there is time to think again."""
    plan = checked.plan
    msg.table(plan_table(plan), header=("teacher", "layer", "student", "note"), divider=True)
    if plan.by_beam:
        msg.warn(
            f"{', '.join(plan.by_beam)}: a beam is nearly always certain, and slow to ask; heads "
            f"on TEACHER's embedding (`spacy skd rehead`) teach more"
        )
    for row in (row for row in plan.rows if row.is_lost):
        msg.warn(f"{row.name} is left behind; --retrain {row.name} trains it with the student")
    tell_lexicon(plan, accept=True)
    if not checked.embeds:
        msg.info("TEACHER has no embedding that its components share: the student gets no vectors")


def _tell_results(steps: Steps) -> None:
    results: dict[str, Any] = steps.results()
    print()
    if results["scores"] == OF_TEACHER:
        held = results["held_out"]
        msg.info(
            f"Scores are {OF_TEACHER} on {held['texts']} held-out texts, {held['words']} words: "
            f"how well the student does what the teacher does, not how well that is"
        )
    print(table(results["pipelines"]))
    if results["scores"] != OF_TEACHER:
        agreement = results["pipelines"]["student"].get(AGREEMENT, {})
        said = [f"{name} {100 * f:.1f}" for name, f in agreement.items() if name != "with"]
        msg.info(f"Agreement with the teacher on the same words, F1: {', '.join(said)}")
    for step, total in results["resumed"]:
        msg.info(f"Training was interrupted and went on at step {step} of {total}")
    msg.good(f"Report: {steps.page.path}; scores as JSON: {steps.out / 'report.json'}")
    msg.good(f"Pipeline: {steps.best}")
    msg.good(f"Wheel: {steps.out / 'packages' / steps.state.notes['wheel']}")
