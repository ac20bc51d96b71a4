"""`spacy skd stream`: one corpus after another, without forgetting those before."""

from pathlib import Path

import typer
from spacy.cli._util import import_code
from thinc.api import Config
from wasabi import msg

from ..training.configs.presets import DEFAULT, PRESETS
from .code import CODE
from .prepare import EFFORT
from .progress import say
from .streaming.corpora import read_corpora
from .streaming.matrix import matrix_table, summaries, summary_table, weighed
from .streaming.request import BESIDE, JOINT, Request
from .streaming.run import stream
from .streaming.work import Work
from .told.failing import fail
from .told.rejects import ACCEPT, HAS_REJECTS, tell_rejects
from .workers import use_gpu

NONE = "none"


def stream_cli(
    corpora: Path = typer.Argument(..., help="JSONL, a corpus a line, in the order of learning"),
    output: Path = typer.Argument(..., help="Folder to write to, or to go on in"),
    preset: str = typer.Option(DEFAULT, "--preset", help=f"Size: {', '.join(PRESETS)}"),
    effort: float = typer.Option(1.0, "--effort", help=EFFORT),
    rehearsal: float = typer.Option(
        1.0, "--rehearsal", help="Words that are rehearsed for each word of the new corpus"
    ),
    compare: str = typer.Option(
        ",".join(BESIDE),
        "--compare",
        help="Trained beside the student, to see what rehearsal is worth; or none",
    ),
    vectors: bool = typer.Option(
        True, "--vectors/--no-vectors", help="Word vectors of the first teacher's embedding"
    ),
    max_words: int = typer.Option(
        300, "--max-words", help="Longer texts are cut into pieces (0: never)"
    ),
    overwrite: bool = typer.Option(
        False, "--overwrite", help="Do anew what depends on settings or inputs that have changed"
    ),
    gpu_id: int = typer.Option(-1, "--gpu-id", "-g", help="GPU, -1 for CPU"),
    code_path: Path = CODE,
    accept_rejects: bool = ACCEPT,
) -> None:
    """Teach one student CORPORA in turn, each by a teacher of its own, while it rehearses what it
    knew from what it said itself of the earlier text.

    Prints its scores on each corpus after each stage. The same command goes on after any
    interruption, and with corpora that are added at the end. Exit code: 0 if all is done, 3 if all
    but the lines in the named rejects.jsonl, 1 if something is wrong.
    """
    import_code(code_path)
    names = [name.strip() for name in compare.split(",") if name.strip()]
    try:
        use_gpu(gpu_id)
        request = Request(
            tuple(read_corpora(corpora)),
            preset=preset,
            effort=effort,
            rehearsal=rehearsal,
            compare=() if names == [NONE] else tuple(names),
            vectors=vectors,
            max_words=max_words,
            code=code_path,
            gpu_id=gpu_id,
        )
        work = stream(request, output, overwrite=overwrite, say=say)
    except (ValueError, OSError) as error:
        fail("Not learnt to the end", error)
    _tell(work)
    for file, n in work.rejects():
        tell_rejects(n, file, accept=True)
    if work.rejects() and not accept_rejects:
        raise typer.Exit(HAS_REJECTS)


def _tell(work: Work) -> None:
    names, scores = work.names, work.scores()
    for name, rehearsed in work.rehearsed.items():
        if rehearsed["lost"]:
            msg.warn(
                f"No text was left of {', '.join(rehearsed['lost'])} when {name} was learnt; "
                f"text of {', '.join(rehearsed['of'])} was rehearsed"
            )
    config = Config().from_disk(work.last.best / "config.cfg")
    measures = weighed([stage for stages in scores.values() for stage in stages], config)
    for measure in measures:
        print(f"\n{matrix_table(scores, names, measure)}")
    found = summaries(scores, names)
    print("\nMean of all corpora at the end, and what was lost since each was learnt, percent")
    print(summary_table({measure: found[measure] for measure in measures}))
    if JOINT in work.request.compare and len(names) > 1 and not work.has_joint:
        msg.warn(f"joint: not trained, since {work.corpora[0].teacher} is not there any more")
    msg.good(f"Report: {work.out / 'report.json'}")
    msg.good(f"Pipeline: {work.last.best}")
