"""The commands of `spacy skd`, found by spaCy through the entry point group `spacy_cli`."""

from collections.abc import Callable

import typer
from spacy.cli._util import app

from .annotate import annotate_cli
from .calibrate import calibrate_cli
from .check import check_cli
from .convert import convert_cli
from .distill import distill_cli
from .export import export_cli
from .init import init_cli
from .inspect import inspect_cli
from .package import package_cli
from .prepare import prepare_cli
from .rehead import rehead_cli
from .report import report_cli
from .search import search_cli
from .silver import silver_cli
from .spacy_distill import register
from .stopping import stoppable
from .stream import stream_cli
from .teacher import teacher_cli
from .texts.beliefs import beliefs_cli
from .texts.select import select_cli
from .vectors import vectors_cli

COMMANDS: dict[str, Callable[..., None]] = {
    "annotate": annotate_cli,
    "beliefs": beliefs_cli,
    "calibrate": calibrate_cli,
    "convert": convert_cli,
    "distill": distill_cli,
    "export": export_cli,
    "init": init_cli,
    "inspect": inspect_cli,
    "package": package_cli,
    "prepare": prepare_cli,
    "rehead": rehead_cli,
    "report": report_cli,
    "search": search_cli,
    "select": select_cli,
    "silver": silver_cli,
    "stream": stream_cli,
    "vectors": vectors_cli,
}

skd = typer.Typer(name="skd", help="Structural knowledge distillation.", no_args_is_help=True)
for name, command in COMMANDS.items():
    skd.command(name)(stoppable(name, command))
# Their further options override a config.
OVERRIDING: dict[str, Callable[..., None]] = {"check": check_cli, "teacher": teacher_cli}
for name, command in OVERRIDING.items():
    settings = {"allow_extra_args": True, "ignore_unknown_options": True}
    skd.command(name, context_settings=settings)(stoppable(name, command))
app.add_typer(skd)
register(app)
