"""`spacy skd package`: a trained pipeline as a wheel, with nothing else in the folder."""

import shutil
import tempfile
from pathlib import Path

import typer
from spacy.cli.package import package as spacy_package
from wasabi import msg


def package(pipeline: Path, output: Path, *, name: str, version: str) -> Path:
    """RETURNS (Path): the wheel, which replaces an earlier one of the same name in `output`.

    RAISES (ValueError): if the pipeline is missing or no wheel was built.
    """
    if not (pipeline / "config.cfg").is_file():
        raise ValueError(f"expected a trained pipeline, found none at {pipeline}")
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        spacy_package(
            pipeline,
            Path(folder),
            name=name,
            version=version,
            create_sdist=False,
            create_wheel=True,
            silent=True,
        )
        wheels = list(Path(folder).glob("*/dist/*.whl"))
        if not wheels:
            raise ValueError("no wheel was built; is the package `build` installed?")
        target = output / wheels[0].name
        shutil.copy(wheels[0], target)
    return target


def package_cli(
    pipeline: Path = typer.Argument(..., help="Trained pipeline"),
    output: Path = typer.Argument(..., help="Folder for the wheel"),
    name: str = typer.Option("skd_student", "--name", help="Package name, without the language"),
    version: str = typer.Option("0.1.0", "--version", help="Package version"),
) -> None:
    """Package a trained pipeline as a wheel."""
    try:
        wheel = package(pipeline, output, name=name, version=version)
    except (ValueError, OSError) as error:
        msg.fail("No package", str(error), exits=1)
    msg.good(f"Packaged {wheel}")
