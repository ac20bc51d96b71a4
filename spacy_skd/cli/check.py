"""`spacy skd check`: what a training would do, before it is begun."""

import io
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import typer
from spacy.cli._util import import_code, parse_config_overrides, show_validation_error
from spacy.util import load_config
from wasabi import msg
from wasabi.tables import table as make_table

from ..training.check import BAD, DOUBTFUL, STEPS, Row, check_training
from .code import CODE
from .progress import progress
from .told.failing import fail
from .workers import use_gpu


def table(rows: list[Row]) -> str:
    """Tabulate figures, with what to do below."""
    cells = [(row.where, row.what, row.value, row.verdict) for row in rows]
    shown = make_table(cells, header=("component", "what", "found", ""), divider=True, max_col=60)
    notes = [
        f"{row.verdict} {row.where + ': ' if row.where else ''}{row.what}: {row.remedy}"
        for row in rows
        if row.verdict
    ]
    return "\n".join([shown, *notes])


def check_cli(
    ctx: typer.Context,
    config: Path = typer.Argument(..., help="Config of the training"),
    steps: int = typer.Option(STEPS, "--steps", min=2, help="Updates that are tried"),
    gpu_id: int = typer.Option(-1, "--gpu-id", "-g", help="GPU, -1 for CPU"),
    code_path: Path = CODE,
) -> None:
    """Try CONFIG for some steps and say what it would learn and cost: labels and tokens that match,
    whitespace, gold, lost mass, sizes of beliefs, time and memory. Writes nothing. Further options
    override the config, as in spacy train.

    Exit code: 0 if nothing is wrong (what is doubtful is marked "!"), 1 if the training would fail
    or something of it is pointless ("x").
    """
    import_code(code_path)
    overrides: dict[str, Any] = parse_config_overrides(ctx.args)
    try:
        use_gpu(gpu_id)
        with show_validation_error(config), progress("check", bar=False):
            loaded = load_config(config, overrides=overrides, interpolate=False)
            with redirect_stdout(io.StringIO()):
                rows = check_training(loaded, steps=steps)
    except (ValueError, OSError) as error:
        fail("The training would fail", error)
    print(table(rows))
    verdicts = [row.verdict for row in rows]
    if BAD in verdicts:
        msg.fail("Part of this training would be pointless", exits=1)
    doubts = verdicts.count(DOUBTFUL)
    msg.good("Ready to train" + (f", with {doubts} doubts" if doubts else ""))
