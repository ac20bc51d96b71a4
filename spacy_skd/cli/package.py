"""`spacy skd package`: a trained pipeline as a wheel, with nothing else in the folder."""

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from importlib.util import find_spec
from keyword import iskeyword
from pathlib import Path
from typing import Any

import srsly
import typer
from packaging.version import InvalidVersion, Version
from spacy.cli._util import string_to_list
from spacy.cli.package import has_build, has_wheel
from spacy.cli.package import package as spacy_package
from spacy.util import import_file, load_config
from thinc.api import Config
from wasabi import msg

from ..disk import check_apart, check_new_file, write_new
from ..teachers.loading import explained
from .code import CODE_FILES
from .requirements import name_of, requirements
from .told.failing import fail

FAILED = re.compile(r"(?:✘|\[x\]) ")  # before what spaCy says of a failure
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
OWN = "spacy-skd"
NO_BUILD = "wheels are built by a package that is not installed: pip install build"
LICENSE = typer.Option("", "--license", help="Of the package; the pipeline's own by default")
LOADS = "import importlib, sys; importlib.import_module(sys.argv[1]).load()"


def package(
    pipeline: Path,
    output: Path,
    *,
    name: str,
    version: str,
    license: str = "",
    description: str = "",
    code: Sequence[Path] = (),
    overwrite: bool = False,
) -> Path:
    """Make a wheel that names what it needs and loads in a process that has nothing else. Paths of
    this machine are left out of its config, but for the names of files.

    license, description (str): of the package, in place of those of the pipeline's `meta.json`.
    code (Sequence[Path]): Python files with registered functions, which become part of the wheel.
        They have been imported: they are not run here.
    overwrite (bool): whether to replace a wheel of the same name and version in `output`.
    RETURNS (Path): the wheel.
    RAISES (ValueError): if the wheel exists, the pipeline is missing, no wheel was built, or it
        does not load: what spaCy, the build or Python says of it; if the name begins with the
        language.
    """
    if not (pipeline / "config.cfg").is_file():
        raise ValueError(f"expected a trained pipeline, found none at {pipeline}")
    if not has_build():
        raise ValueError(NO_BUILD)
    check_apart(output, [pipeline])
    _check_code(code)
    _check_version(version)
    lang = srsly.read_json(pipeline / "meta.json")["lang"]
    _check_without_language(lang, name)
    # The build may spell the name another way, so the wheel itself is checked when it is written.
    check_new_file(output / f"{lang}_{name}-{version}-py3-none-any.whl", overwrite=overwrite)
    with tempfile.TemporaryDirectory() as folder:
        about = {"name": name, "version": version, "license": license, "description": description}
        meta = {key: value for key, value in about.items() if value}
        sources = _write_sources(pipeline, Path(folder), meta, code=code)
        wheel = _build(sources)
        _check_loads(wheel, Path(folder) / "unpacked")
        target = output / wheel.name
        write_new(target, wheel.read_bytes(), overwrite=overwrite)
    return target


def check_wheel(lang: str, *, name: str, version: str, code: Sequence[Path] = ()) -> None:
    """Check early what a wheel and the code in it are called. RAISES (ValueError): if they cannot
    be, or nothing that builds wheels is installed."""
    if not has_build():
        raise ValueError(NO_BUILD)
    _check_code(code)
    if not f"{lang}_{name}".isidentifier() or not f"{lang}_{name}".isascii():
        raise ValueError(
            f"name: expected letters, digits and _, which Python imports, got {name!r}"
        )
    _check_without_language(lang, name)
    _check_version(version)


def _check_version(version: str) -> None:
    try:
        Version(version)
    except InvalidVersion as error:
        raise ValueError(f"version: expected one as 0.1.0, got {version!r}") from error


def _check_code(code: Sequence[Path]) -> None:
    """Check that the wheel can import the files by their names."""
    for path in code:
        if not path.stem.isidentifier() or iskeyword(path.stem):
            raise ValueError(
                f"--code: expected a file whose name is a word that Python imports, as own.py, got "
                f"{path.name!r}: rename it"
            )


def _check_without_language(lang: str, name: str) -> None:
    """spaCy puts the language before a name in one place, and not in another if it is there."""
    if name.startswith(f"{lang}_"):
        shorter = name.removeprefix(f"{lang}_") or "student"
        raise ValueError(
            f"name: expected one without the language, got {name!r}: give {shorter!r}, of which "
            f"the package is {lang}_{shorter}"
        )


def _write_sources(
    pipeline: Path, folder: Path, new_meta: dict[str, str], *, code: Sequence[Path]
) -> Path:
    """Write the sources. RETURNS (Path): the folder to build, as `spacy package` writes it."""
    stand_ins = _stand_ins(code, folder / "code")
    meta = {**srsly.read_json(pipeline / "meta.json"), **new_meta}
    needed = [*meta.get("requirements", []), *requirements(load_config(pipeline / "config.cfg"))]
    meta["requirements"] = list(dict.fromkeys(needed))
    srsly.write_json(folder / "meta.json", meta)
    printed = io.StringIO()
    try:
        with redirect_stdout(printed), explained(f"cannot package {str(pipeline)!r}"):
            spacy_package(
                pipeline,
                folder,
                meta_path=folder / "meta.json",
                code_paths=stand_ins,
                name=meta["name"],
                version=meta["version"],
                create_sdist=False,
                # This package asks for its versions of spaCy, a wider range than spaCy's.
                require_parent=OWN not in map(name_of, needed),
                silent=False,
            )
    except SystemExit as error:
        reason = FAILED.split(COLOUR.sub("", printed.getvalue()))[-1].strip()
        raise ValueError(reason) from error
    (setup,) = folder.glob("*/setup.py")
    (init,) = setup.parent.glob("*/__init__.py")
    for path in code:
        shutil.copy(path, init.parent)
    for path in setup.parent.glob("*/*/config.cfg"):
        without_paths(Config().from_disk(path, interpolate=False)).to_disk(path)
    return setup.parent


def _stand_ins(code: Sequence[Path], folder: Path) -> list[Path]:
    """Write an empty file for each of the code, for spaCy to import: a second time most code would
    fail, since what it sets and registers is there."""
    folder.mkdir()
    stand_ins = [folder / path.name for path in code]
    for path in stand_ins:
        path.touch()
    return stand_ins


def without_paths(config: Config) -> Config:
    """Return a config in which of files and folders the names are left: what their owner's disk
    looks like is nobody's business, and means nothing elsewhere."""
    paths = set(_strings(config.get("paths", {})))

    def named(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: named(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [named(each) for each in value]
        if isinstance(value, str) and (value in paths or os.path.exists(value)):
            return Path(value).name or value
        return value

    plain = Config(named(config), section_order=config.section_order)
    plain.is_interpolated = config.is_interpolated
    return plain


def _strings(value: Any) -> Iterator[str]:
    """Yield the strings of blocks within blocks and lists."""
    if isinstance(value, dict | list | tuple):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _strings(each)
    elif isinstance(value, str):
        yield value


def _build(sources: Path) -> Path:
    """Build the wheel. Nothing is fetched where setuptools, which spaCy needs, can make wheels.

    RAISES (ValueError): if no wheel was built, with all that the build printed.
    """
    makes_wheels = find_spec("setuptools.command.bdist_wheel") or has_wheel()
    isolation = ["--no-isolation"] if makes_wheels else []
    command = [sys.executable, "-m", "build", ".", "--wheel", *isolation]
    built = subprocess.run(command, cwd=sources, capture_output=True, text=True)
    if built.returncode:
        raise ValueError(f"no wheel was built:\n{built.stdout}{built.stderr}")
    (wheel,) = sources.glob("dist/*.whl")
    return wheel


def _check_loads(wheel: Path, folder: Path) -> None:
    """Check that a process that has imported nothing else can load the wheel.

    RAISES (ValueError): if it cannot.
    """
    with zipfile.ZipFile(wheel) as file:
        file.extractall(folder)
    command = [sys.executable, "-c", LOADS, wheel.name.partition("-")[0]]
    loaded = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if loaded.returncode:
        raise ValueError(
            f"the wheel would not load where it is installed:\n{loaded.stderr}\nGive every Python "
            f"file that registers a part of the pipeline by --code FILE,FILE; in the wheel they "
            f"find each other by `from . import` alone"
        )


def _import(code: Sequence[Path]) -> None:
    """Run the files, in this order. RAISES (ValueError): if one is missing or cannot be run."""
    for path in code:
        if not path.exists():
            raise ValueError(f"Can't find code file {path}")
        try:
            import_file(path.stem, path)
        except Exception as error:
            raise ValueError(f"cannot run {path}: {type(error).__name__}: {error}") from error


def package_cli(
    pipeline: Path = typer.Argument(..., help="Trained pipeline"),
    output: Path = typer.Argument(..., help="Folder for the wheel"),
    name: str = typer.Option("skd_student", "--name", help="Package name, without the language"),
    version: str = typer.Option("0.1.0", "--version", help="Package version"),
    license: str = LICENSE,
    description: str = typer.Option("", "--description", help="Of the package, for its README"),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace a wheel of this version"),
    code_paths: str = CODE_FILES,
) -> None:
    """Package a trained pipeline as a wheel."""
    code = [Path(path.strip()) for path in string_to_list(code_paths)]
    try:
        _import(code)
        wheel = package(
            pipeline,
            output,
            name=name,
            version=version,
            license=license,
            description=description,
            code=code,
            overwrite=overwrite,
        )
    except (ValueError, OSError) as error:
        fail("No package", error)
    msg.good(f"Packaged {wheel}")
