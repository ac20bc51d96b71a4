"""Loading a trained pipeline: what is missing, and what to do about it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import srsly
from spacy.language import Language
from spacy.util import get_package_path, is_package, load_model

# spaCy's errors of a factory, another registered function, and a language that nothing registers.
UNREGISTERED = ("[E002]", "[E893]", "[E048]")
REMEDY = (
    "Give the Python file that registers it by --code FILE, as to spaCy's own commands, or install "
    "the package that provides it"
)


def load_trained(
    pipeline: str | Path, *, what: str = "pipeline", exclude: Iterable[str] = ()
) -> Language:
    """Load a trained pipeline as spaCy does, an installed package before a folder.

    pipeline (Union[str, Path]): folder or package.
    what (str): it is to the caller, for errors: "teacher".
    exclude (Iterable[str]): components that are not loaded.
    RAISES (ValueError): if there is none, it needs code that is not imported, or its language a
        package that is not installed.
    """
    failed = f"cannot load the {what} {str(pipeline)!r}"
    with explained(failed):
        try:
            return load_model(pipeline, exclude=exclude)
        except OSError as error:
            raise ValueError(f"{failed}: {str(error).strip()}{_meant(Path(pipeline))}") from error


def _meant(folder: Path) -> str:
    """Say what else may be meant by a folder that is no pipeline: "" if nothing is known."""
    if (folder / "model-best").is_dir():
        return f". Give what a training has saved there: {folder / 'model-best'}"
    if (folder / "config.json").is_file():
        return f". A token classifier of transformers is given as hf:{folder}"
    return ""


def load_bare(pipeline: str | Path) -> Language:
    """Load a trained pipeline without its components, for its vocab. See `load_trained`."""
    return load_trained(pipeline, exclude=read_meta(pipeline).get("components", ()))


def read_meta(pipeline: str | Path) -> dict[str, Any]:
    """Return the `meta.json` of a folder or package, without loading it; {} if there is none."""
    name = str(pipeline)
    folder = get_package_path(name) if is_package(name) else Path(name)
    file = folder / "meta.json"
    meta: dict[str, Any] = dict(srsly.read_json(file)) if file.is_file() else {}
    return meta


@contextmanager
def explained(failed: str) -> Iterator[None]:
    """Say what cannot be done, and where spaCy lacks code or a package what to do about it.

    failed (str): what cannot be done then.
    RAISES (ValueError): in place of spaCy's error.
    """
    try:
        yield
    except (ImportError, ValueError) as error:
        if str(error).startswith(UNREGISTERED):
            sentence = str(error).partition(". ")[0].rstrip(".")
            raise ValueError(f"{failed}: {sentence}. {REMEDY}") from error
        if str(error).startswith(failed):
            raise
        raise ValueError(f"{failed}: {str(error).strip()}") from error
