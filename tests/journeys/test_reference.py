"""What docs/ says of settings and options, all that there are, with their defaults; its links."""

import inspect
import json
import re
from importlib.metadata import distribution

import pytest
from journeys.commands import resolve
from journeys.markdown import FENCE
from journeys.workshop import ROOT
from spacy.language import Language

import spacy_skd.cli

DOCS = ROOT / "docs"
READ_ON = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "benchmarks" / "README.md"]
FACTORIES = {
    "distilling_tagger": ("tagger.md", "Settings"),
    "distilling_parser": ("parser.md", "Settings"),
    "distilling_similarities": ("similarities.md", "Settings"),
    "distilling_textcat": ("textcat.md", "Settings"),
    "distilling_transitions": ("transitions.md", "Settings"),
    "skd_teacher": ("teacher.md", "`skd_teacher`"),
    "fast_attribute_ruler": ("rules.md", "`fast_attribute_ruler`"),
    "fast_lemmatizer": ("rules.md", "`fast_lemmatizer`"),
}
READERS = {
    "spacy-skd.DistillationCorpus.v1": "An annotated folder",
    "spacy-skd.MixedCorpus.v1": "Labelled docs and raw text",
    "spacy-skd.SampledCorpus.v1": "Stock components as students",
}
LOGGERS = {"spacy-skd.Logger.v1": "What a training prints"}
OLDER = {"spacy-skd.WordEmbed.v1"}  # named beside the one of today, which has the settings
PAGES = {"architectures": "models.md", "readers": "readers.md"}
SMALL = ("callbacks", "misc")  # of a few settings, in one page
ROW = re.compile(r"^\| ((?:`[\w-]+`(?:, )?)+) \|(.*?)\|.*\|$", re.MULTILINE)


def section(page, heading):
    """The text of a page under a heading, up to the next one."""
    text = (DOCS / page).read_text(encoding="utf8")
    parts = re.split(r"^#+ (.+)$", text, flags=re.MULTILINE)
    bodies = dict(zip(parts[1::2], parts[2::2]))
    assert heading in bodies, f"{page}: expected the heading {heading!r}"
    return bodies[heading]


def rows(text):
    """By name, the default as it is written; one row may have several names."""
    return {
        name: default.strip()
        for names, default in ROW.findall(text)
        for name in re.findall(r"`(.+?)`", names)
    }


def check_defaults(written, known, *, place):
    """written (dict): default of each name as it stands in the page, JSON in backticks; anything
    else says more than a value. known (dict): the values, `inspect.Parameter.empty` for none."""
    assert set(written) == set(known), place
    for name, text in written.items():
        if re.fullmatch(r"`.+`", text):
            expected = known[name]
            expected = list(expected) if isinstance(expected, tuple) else expected
            assert json.loads(text.strip("`")) == expected, f"{place}: {name}"


def registered(kind):
    """By name, what this package registers of a kind, imported."""
    points = distribution("spacy-skd").entry_points.select(group=f"spacy_{kind}")
    return {point.name: point.load() for point in points}


def parameters(function):
    return {name: each.default for name, each in inspect.signature(function).parameters.items()}


@pytest.mark.parametrize("name", registered("factories"))
def test_a_components_settings_stand_in_its_page(name):
    page, heading = FACTORIES[name]
    settings = Language.get_factory_meta(name).default_config
    check_defaults(rows(section(page, heading)), dict(settings), place=page)


@pytest.mark.parametrize("name", sorted(registered("architectures").keys() - OLDER))
def test_an_architectures_settings_stand_in_its_section(name):
    known = parameters(registered("architectures")[name])
    check_defaults(rows(section("models.md", name)), known, place=name)


@pytest.mark.parametrize("name", registered("readers"))
def test_a_readers_settings_stand_in_its_section(name):
    known = parameters(registered("readers")[name])
    check_defaults(rows(section("readers.md", READERS[name])), known, place=name)


@pytest.mark.parametrize("name", registered("loggers"))
def test_a_loggers_settings_stand_in_its_section(name):
    known = parameters(registered("loggers")[name])
    check_defaults(rows(section("config.md", LOGGERS[name])), known, place=name)


def test_everything_that_is_registered_has_a_page():
    for kind in SMALL:
        for name, function in registered(kind).items():
            lines = (DOCS / "config.md").read_text().splitlines()
            line = next(row for row in lines if name in row and row.startswith("|"))
            assert all(f"`{setting}`" in line for setting in parameters(function)), name
    for kind, page in PAGES.items():
        assert all(name in (DOCS / page).read_text() for name in registered(kind)), page


@pytest.mark.parametrize(
    "name", sorted(command.name for command in spacy_skd.cli.skd.registered_commands)
)
def test_a_commands_options_stand_in_its_section(name):
    _, command, _ = resolve(f"python -m spacy skd {name}")
    options = {
        text: option
        for option in command.params
        for text in (*option.opts, *option.secondary_opts)
        if text.startswith("--") and not option.hidden
    }
    written = rows(section("commands.md", name))
    assert set(written) == set(options), name
    for text, default in written.items():
        value = options[text].default
        if default and value not in (None, "", True, False):
            same = float(default) == value if isinstance(value, (int, float)) else default == value
            assert same, f"{name} {text}: {default}, expected {value}"


@pytest.mark.parametrize("path", [*READ_ON, *sorted(DOCS.glob("*.md"))], ids=lambda path: path.name)
def test_every_link_leads_somewhere(path):
    """To a file that is there, and to a heading of it, as GitHub names them."""
    text = FENCE.sub("", path.read_text(encoding="utf8"))
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if not link.startswith("http"):
            file, _, anchor = link.partition("#")
            target = path.parent / file if file else path
            assert target.is_file(), link
            assert not anchor or anchor in anchors(target), link


def anchors(path):
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}
