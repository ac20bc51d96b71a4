"""Every command and code block of README.md and docs/, run as it stands."""

import re

import pytest
from journeys.commands import all_options, resolve, words
from journeys.docs_exceptions import BEFORE, CANNOT_RUN
from journeys.docs_runner import Runner, by_section, furnish, runnable
from journeys.markdown import inline_code
from journeys.workshop import DOCS, documented, first_block

SNIPPETS = documented()
SECTIONS = by_section(SNIPPETS)
# README.md's section and test_engines.py do what the first two do; the third needs what
# `make test-long` installs.
LONG = {
    "tutorial.md: Step by step", "scale.md: A Ray cluster", "scale.md: A student over a data set",
    "search.md: Search",
}  # fmt: skip
MEASURED = {"results.md", "entities.md", "cases.md", "stock.md", "structures.md", "recipe.md"}


@pytest.mark.parametrize(
    "section",
    [pytest.param(s, marks=pytest.mark.long) if s in LONG else s for s in SECTIONS],
)
def test_a_section_runs_as_it_stands(section, made, tmp_path):
    to_run = [snippet for snippet in SECTIONS[section] if snippet != first_block()]
    runner = Runner(furnish(tmp_path / "here", made, to_run))
    for snippet in to_run:
        runner.run(snippet)


def test_long_sections_are_in_the_docs():
    assert set(SECTIONS) >= LONG


def test_what_cannot_run_is_little_and_in_the_docs():
    assert len(CANNOT_RUN) <= 4
    for text in (*CANNOT_RUN, *BEFORE):
        assert any(text in snippet.text for snippet in SNIPPETS), f"{text!r}: in no snippet"
    assert all(reason for reason in CANNOT_RUN.values())


def test_every_block_has_a_language_that_is_run_or_is_no_code():
    drawn = [snippet.place for snippet in SNIPPETS if not snippet.is_code]
    assert len(drawn) <= 1, f"blocks that are not run: {drawn}"


def test_no_command_needs_the_repository():
    """`configs/` is the project's own: another folder has none."""
    for snippet in filter(runnable, SNIPPETS):
        if snippet.kind in ("bash", "command"):
            assert "configs/" not in snippet.text, f"{snippet.place}: {words(snippet.text)}"


def test_every_command_and_option_that_is_named_exists():
    """Of what stands in backticks in paragraphs and tables, too. Options of pages that say what was
    measured are those of the benchmarks."""
    known = set(all_options())
    for path in DOCS:
        for place, code in inline_code(path):
            if code.startswith(("spacy ", "python -m spacy ")) and "..." not in code:
                name, command, _ = resolve(f"python -m {code.removeprefix('python -m ')}")
                assert name, f"{place}: {code}"
                assert not hasattr(command, "commands"), f"{place}: {code}"
            is_ours = path.name not in MEASURED and code.startswith(("--", "python -m spacy"))
            for option in re.findall(r"(?<!\S)--[a-z][\w.-]*", code) if is_ours else ():
                assert "." in option or option in known, f"{place}: {option}"
