"""Count the functions and files of this package that one step of a parser runs through.

    python benchmarks/calls.py
    python benchmarks/calls.py --list

Once `parser.update` with beliefs of a store, once `parser(doc)`, after all has been imported and
run before: what stays is what a reader of the code has to follow. The student and the store are the
small ones that the tests keep.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import spacy
from spacy.language import Language
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.util import load_config

import spacy_skd

PACKAGE = Path(spacy_skd.__file__).parent
SAVED = Path(__file__).parents[1] / "tests" / "written_at_9f2e74b"
TEXT = "My actress sees Ann Lee. Dogs sleep in the park."
N_EXAMPLES = 4


@contextmanager
def recorded(codes: set[CodeType]) -> Iterator[None]:
    """Add the code of each function of the package that has a name and is called within the block:
    comprehensions, as an example, are functions in some versions of Python alone."""

    def note(frame: FrameType, event: str, argument: Any) -> None:
        code = frame.f_code
        is_own = event == "call" and code.co_filename.startswith(str(PACKAGE))
        if is_own and not code.co_name.startswith("<"):
            codes.add(code)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(before)


def calls_of(run: Callable[[], object]) -> list[str]:
    """Return the functions that one call runs through, as "FILE: NAME", sorted."""
    codes: set[CodeType] = set()
    with recorded(codes):
        run()
    lines = (
        (str(Path(code.co_filename).relative_to(PACKAGE)), code.co_firstlineno, code.co_name)
        for code in codes
    )
    return [f"{file}: {name}" for file, _, name in sorted(lines)]


def files_of(calls: list[str]) -> list[str]:
    """Return the files of such functions."""
    return sorted({call.partition(":")[0] for call in calls})


def a_student() -> tuple[Language, list[Example]]:
    """Return a student that is initialized from a store, and examples with stored beliefs."""
    overrides = {
        "paths.store": str(SAVED / "store"),
        "paths.vectors": str(SAVED / "student"),
        "paths.dev": str(SAVED / "store"),
        "components.teacher.teacher": None,
    }
    nlp = init_nlp(load_config(SAVED / "student.cfg", overrides=overrides))
    reader = spacy.registry.resolve(nlp.config.interpolate()["corpora"])["train"]
    return nlp, list(islice(reader(nlp), N_EXAMPLES))


def update_calls(nlp: Language, examples: list[Example]) -> list[str]:
    """Return the functions of one `parser.update`, of the second of two steps."""
    parser, tok2vec = nlp.get_pipe("parser"), nlp.get_pipe("tok2vec")
    optimizer = nlp.resume_training()
    for _ in range(2):
        tok2vec.update(examples, sgd=optimizer)
        calls = calls_of(lambda: parser.update(examples, sgd=optimizer, losses={}))
    return calls


def prediction_calls(nlp: Language) -> list[str]:
    """Return the functions of one `parser(doc)`, of the second of two docs."""
    parser = nlp.get_pipe("parser")
    with nlp.select_pipes(disable=["parser"]):
        parser(nlp(TEXT))
        doc = nlp(TEXT)
    return calls_of(lambda: parser(doc))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--list", action="store_true", help="name them")
    names = options.parse_args().list
    nlp, examples = a_student()
    found = {"parser.update": update_calls(nlp, examples), "parser(doc)": prediction_calls(nlp)}
    for title, calls in found.items():
        print(f"{title}: {len(calls)} functions in {len(files_of(calls))} files")
        if names:
            print(*(f"  {call}" for call in calls), sep="\n")


if __name__ == "__main__":
    main()
