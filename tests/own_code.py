"""Pipelines with components of a user's own, and the commands that run them."""

import shutil

from thinc.api import Config
from typer.testing import CliRunner

from spacy_skd.cli import app

CODE = """
import spacy
from spacy.lang.en import English
from spacy.language import Language
from spacy.tokens import Doc

Doc.set_extension({name!r}, default=False)

@Language.component({name!r})
def component(doc):
    doc._.set({name!r}, True)
    return doc

@spacy.registry.languages({name!r})
class Own(English):
    lang = {name!r}
"""


def run(*arguments):
    return CliRunner().invoke(app, ["skd", *map(str, arguments)])


def printed(result):
    return " ".join(result.output.split())


def write_code(path, *, name):
    path.write_text(CODE.format(name=name), encoding="utf8")
    return path


def add_component(pipeline, output, *, name):
    """A copy of a saved pipeline that has a function component which nothing registers yet."""
    shutil.copytree(pipeline, output)
    config = Config().from_disk(output / "config.cfg", interpolate=False)
    config["nlp"]["pipeline"].append(name)
    config["components"][name] = {"factory": name}
    config.to_disk(output / "config.cfg")
    return output
