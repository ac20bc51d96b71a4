"""Command lines as the docs have them, run in a folder: in this process, or in one of their own."""

import contextlib
import io
import os
import shlex
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import catalogue
import click
from spacy.cli._util import app
from spacy.util import registry
from typer.main import get_command

PREFIX = ["python", "-m", "spacy"]
OVERRIDES = "SPACY_CONFIG_OVERRIDES"  # spaCy's own: settings of every config that is trained


class Ran(NamedTuple):
    """A command that came to its end. output (str): of both streams."""

    code: int
    output: str


def words(line: str) -> list[str]:
    """The words of a command line, as a shell splits them."""
    return shlex.split(line, comments=True)


def resolve(line: str) -> tuple[str, click.Command, list[str]]:
    """RETURNS (tuple[str, click.Command, list[str]]): of `python -m spacy skd init x y` the name
    `skd init`, the command, and its arguments."""
    registry.cli.get_all()  # imports the commands of plugins, as `python -m spacy` does
    command: click.Command = get_command(app)
    names, arguments = [], words(line)[3:]
    while arguments and arguments[0] in getattr(command, "commands", {}):
        names.append(arguments.pop(0))
        command = command.commands[names[-1]]  # type: ignore[attr-defined]
    return " ".join(names), command, arguments


def all_options() -> Iterator[str]:
    """Of every command, of spaCy and its plugins."""
    registry.cli.get_all()
    commands: list[click.Command] = [get_command(app)]
    while commands:
        command = commands.pop()
        commands.extend(getattr(command, "commands", {}).values())
        for parameter in command.params:
            yield from (*parameter.opts, *parameter.secondary_opts)


def written(line: str) -> list[str]:
    """What a command of spaCy's writes, as it is named on the command line."""
    name, command, arguments = resolve(line)
    context = command.make_context(name, arguments, resilient_parsing=True)
    values = [value for key, value in context.params.items() if key.startswith("output")]
    return [str(value).rstrip("/") for value in values if value is not None]


def run(line: str, folder: Path, *, code: int = 0, env: Mapping[str, str] = {}) -> str:
    """Run `python -m spacy ...` in this process; what is no command of spaCy's in a shell.

    RETURNS (str): what it says. RAISES (AssertionError): if it ends with another code.
    """
    command = words(line)
    is_spacy = command[:3] == PREFIX
    ran = _here(command[3:], folder, env) if is_spacy else _shell(line, folder, env)
    return _checked(line, ran, code)


def run_process(line: str, folder: Path, *, code: int = 0, env: Mapping[str, str] = {}) -> str:
    """Like `run`, in a process of its own."""
    command = words(line)
    if command[:3] != PREFIX:
        return _checked(line, _shell(line, folder, env), code)
    return _checked(line, _process([sys.executable, *command[1:]], folder, env), code)


def _checked(line: str, ran: Ran, code: int) -> str:
    assert ran.code == code, f"{line}\nended with {ran.code}, expected {code}:\n{ran.output}"
    return ran.output


def _process(command: Sequence[str], folder: Path, env: Mapping[str, str]) -> Ran:
    ended = subprocess.run(
        command, cwd=folder, env={**os.environ, **env}, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return Ran(ended.returncode, ended.stdout)


def _shell(line: str, folder: Path, env: Mapping[str, str]) -> Ran:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return _process(["bash", "-e", "-c", line], folder, {**env, "PATH": path})


def _here(arguments: Sequence[str], folder: Path, env: Mapping[str, str]) -> Ran:
    registry.cli.get_all()
    said = io.StringIO()
    with inside(folder), environment(env), users_code_forgotten():
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            try:
                get_command(app)(list(arguments), prog_name=" ".join(PREFIX))
            except SystemExit as exit:
                code = exit.code if isinstance(exit.code, int) else int(exit.code is not None)
            except BaseException:
                said.write(traceback.format_exc())
                code = 1
    return Ran(code, said.getvalue())


@contextlib.contextmanager
def inside(folder: Path) -> Iterator[None]:
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@contextlib.contextmanager
def environment(env: Mapping[str, str]) -> Iterator[None]:
    before: dict[str, str] = dict(os.environ)
    os.environ.update(env)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def users_code_forgotten() -> Iterator[None]:
    """What a file named by --code registers is gone afterwards, as at the end of a process: a
    command that does not import it fails."""
    try:
        yield
    finally:
        for key, function in list(catalogue.REGISTRY.items()):
            if "count_shouts" in key[-1] or getattr(function, "__module__", "") == "python_code":
                del catalogue.REGISTRY[key]
