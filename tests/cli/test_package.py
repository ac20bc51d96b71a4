"""`spacy skd package`: what the wheel holds and asks for, and the reason where there is none."""

import re
import sys
import zipfile

import pytest
from own_code import add_component, printed, run, write_code
from spacy.util import load_config
from thinc.api import Config

from spacy_skd.cli.package import _write_sources, check_wheel, package, without_paths
from spacy_skd.cli.requirements import requirements


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """An installed distribution, without top_level.txt, whose function component is an entry
    point."""
    site = tmp_path / "site"
    info = site / "some_plugin-1.2.3.dist-info"
    info.mkdir(parents=True)
    write_code(site / "some_plugin.py", name="from_plugin")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: some-plugin\nVersion: 1.2.3\n")
    (info / "entry_points.txt").write_text(
        "[spacy_factories]\nfrom_plugin = some_plugin:component\n"
        "[spacy_languages]\nzz = some_plugin:Own\n"
    )
    monkeypatch.syspath_prepend(str(site))
    return site


def test_it_asks_for_the_distributions_that_register_its_parts(teacher, plugin, tmp_path):
    config = load_config(teacher / "config.cfg")
    (own,) = requirements(config)
    assert own.startswith("spacy-skd>=0.")
    with_component = load_config(
        add_component(teacher, tmp_path / "p", name="from_plugin") / "config.cfg"
    )
    assert requirements(with_component) == ["some-plugin>=1.2.3,<1.3.0", own]
    config["nlp"]["lang"] = "zz"
    assert requirements(config) == ["some-plugin>=1.2.3,<1.3.0", own]


def test_code_becomes_part_of_the_wheel_and_the_build_is_silent(teacher, tmp_path, capfd):
    pipeline = add_component(teacher, tmp_path / "p", name="own_part")
    helper = tmp_path / "helper.py"
    helper.write_text("WORD = 'part'\n")
    code = write_code(tmp_path / "own.py", name="own_part")
    result = run(
        "package", pipeline, tmp_path / "out", "--name", "x", "--code", f"{helper}, {code}"
    )
    assert result.exit_code == 0, result.output
    assert "Packaged" in result.output
    assert len(result.output.splitlines()) <= 4
    assert not "".join(capfd.readouterr())
    with zipfile.ZipFile(tmp_path / "out" / "en_x-0.1.0-py3-none-any.whl") as wheel:
        assert {"en_x/own.py", "en_x/helper.py"} <= set(wheel.namelist())
        (metadata,) = (name for name in wheel.namelist() if name.endswith("/METADATA"))
        lines = wheel.read(metadata).decode("utf8").splitlines()
    (needed,) = (line for line in lines if line.startswith("Requires-Dist"))
    assert re.fullmatch(r"Requires-Dist: spacy[-_]skd\b.*>=0\..*", needed)
    again = tmp_path / "again"
    again.mkdir()
    # Where the code has been imported, as in `distill`: what it sets and registers is there.
    named = {"name": "x", "version": "0.1.0"}
    sources = _write_sources(pipeline, again, named, code=[helper, code])
    assert (sources / "en_x" / "own.py").read_bytes() == code.read_bytes()
    assert "from . import helper\nfrom . import own" in (sources / "en_x/__init__.py").read_text()


def test_a_component_that_only_this_process_knows(teacher, tmp_path, monkeypatch):
    """Its owner imported it by hand; who installs the wheel has no such file."""
    (tmp_path / "lib").mkdir()
    write_code(tmp_path / "lib" / "by_hand.py", name="by_hand")
    monkeypatch.syspath_prepend(str(tmp_path / "lib"))
    __import__("by_hand")
    pipeline = add_component(teacher, tmp_path / "p", name="by_hand")
    with pytest.raises(ValueError, match="(?s)would not load.*'by_hand'.*--code FILE"):
        package(pipeline, tmp_path / "out", name="x", version="0.1.0")
    assert not list(tmp_path.glob("out/*"))


def test_of_paths_the_names_are_left_wherever_they_stand(tmp_path, monkeypatch):
    """Relative ones and those of several stores, too; what only looks like a path stays."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my logs").mkdir()
    (tmp_path / "my logs" / "log.jsonl").touch()
    config = Config({
        "paths": {"train": "my work/train.spacy", "stores": {"a": {"path": "work/stores/a"}},
                  "more": ["my work/b.spacy", {"path": "my work/c", "v1.0": "my work/d"}]},
        "corpora": {"train": {"path": "my work/train.spacy", "here": str(tmp_path)},
                    "files": ["my work/b.spacy", "my logs/log.jsonl", "tags and/or trees"]},
        "training": {"note": "tags and/or trees", "logger": {"output_file": "my logs/log.jsonl"}},
    })  # fmt: skip
    plain = without_paths(config)
    assert plain["paths"] == {
        "train": "train.spacy",
        "stores": {"a": {"path": "a"}},
        "more": ["b.spacy", {"path": "c", "v1.0": "d"}],
    }
    assert plain["corpora"]["files"] == ["b.spacy", "log.jsonl", "tags and/or trees"]
    assert plain["corpora"]["train"] == {"path": "train.spacy", "here": tmp_path.name}
    assert plain["training"] == {
        "note": "tags and/or trees",
        "logger": {"output_file": "log.jsonl"},
    }


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--name", "bad-name"], "Model name ('bad-name') is not a valid module name"),
        (["--code", "none.py"], "Can't find code file none.py"),
        (["--version", "one"], "version: expected one as 0.1.0, got 'one'"),
    ],
)
def test_the_reason_why_there_is_no_wheel(teacher, tmp_path, options, reason):
    result = run("package", teacher, tmp_path / "out", *options)
    assert result.exit_code == 1
    assert reason in printed(result)


@pytest.mark.parametrize("name", ["own code.py", "my-code.py", "class.py"])
def test_code_whose_name_nothing_can_import(teacher, tmp_path, name):
    code = tmp_path / name
    code.write_text("", encoding="utf8")
    with pytest.raises(ValueError, match=f"word that Python imports, as own.py, got '{name}'"):
        package(teacher, tmp_path / "out", name="x", version="0.1.0", code=[code])
    with pytest.raises(ValueError, match="rename it"):
        check_wheel("en", name="x", version="0.1.0", code=[code])


def test_code_that_does_not_run(teacher, tmp_path):
    (tmp_path / "broken.py").write_text("import no_such_module\n", encoding="utf8")
    result = run("package", teacher, tmp_path / "out", "--code", tmp_path / "broken.py")
    assert result.exit_code == 1
    assert "ModuleNotFoundError: No module named 'no_such_module'" in printed(result)


def test_without_what_builds(teacher, tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules["spacy_skd.cli.package"], "has_build", lambda: False)
    result = run("package", teacher, tmp_path / "out")
    assert result.exit_code == 1
    assert "pip install build" in printed(result)


def test_a_name_with_the_language_is_refused_before_anything_is_built(teacher, tmp_path):
    with pytest.raises(ValueError, match="give 'mine', of which the package is en_mine"):
        package(teacher, tmp_path / "out", name="en_mine", version="0.1.0")
    assert not (tmp_path / "out").exists()
