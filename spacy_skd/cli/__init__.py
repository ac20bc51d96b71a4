"""The commands of `spacy skd`, found by spaCy through the entry point group `spacy_cli`."""

import typer
from spacy.cli._util import app

from .convert import convert_cli

COMMANDS = {
    "convert": convert_cli,
}

skd = typer.Typer(name="skd", help="Structural knowledge distillation.", no_args_is_help=True)
for name, command in COMMANDS.items():
    skd.command(name)(command)
app.add_typer(skd)
