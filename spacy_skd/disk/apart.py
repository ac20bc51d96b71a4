"""Inputs and outputs are apart: nothing is written over, around or into what is read."""

import os
from collections.abc import Iterable
from pathlib import Path


def check_apart(output: Path, inputs: Iterable[str | Path]) -> None:
    """Check a folder or file that is to be written.

    RAISES (ValueError): if an input is the output, lies in it, or is a folder that the output lies
        in; through links and `..`, too. Inputs that are no path, as packages, are left out.
    """
    real = Path(os.path.realpath(output))
    for given in inputs:
        path = Path(given)
        if not path.exists():
            continue
        source = Path(os.path.realpath(path))
        if source == real or (output.exists() and os.path.samefile(source, output)):
            raise ValueError(f"the output {output} is the input {path}; choose another output")
        if real in source.parents or _is_among(output, source):
            raise ValueError(
                f"the input {path} lies in the output folder {output}; choose another output"
            )
        if source.is_dir() and source in real.parents:
            raise ValueError(
                f"the output {output} lies in the input folder {path}, which would be read with it "
                f"the next time; choose another output"
            )


def _is_among(folder: Path, source: Path) -> bool:
    """Tell whether a folder is one of those above a file by another name, as on a disk that takes
    upper for lower case."""
    if not folder.is_dir():
        return False
    return any(os.path.samefile(folder, parent) for parent in source.parents)
