"""`spacy skd inspect`: one text through pipelines side by side."""

import shutil
from io import StringIO

import pytest
import spacy
from all_components import TEXTS, build, gold_examples
from conftest import train
from own_code import printed, run
from rich.console import Console

from spacy_skd.cli.inspect import _said, show
from spacy_skd.report.inspection import NOT_ASKED, Section, inspect


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A student of all components, hardly trained so that it is unsure, and a stock pipeline."""
    folder = tmp_path_factory.mktemp("inspect")
    spacy.util.fix_random_seed(0)
    nlp = build()
    nlp.initialize(lambda: gold_examples(nlp))
    train(nlp, gold_examples(nlp), 12)
    nlp.to_disk(folder / "student")
    stock = spacy.blank("en")
    stock.add_pipe("sentencizer")
    ruler = stock.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "PER", "pattern": "Ann"}])
    stock.to_disk(folder / "stock")
    return folder


@pytest.fixture(scope="module")
def sections(made):
    pipelines = {name: spacy.load(made / name) for name in ("student", "stock")}
    return {section.title: section for section in inspect(pipelines, TEXTS[0], k=4)}


def test_words_have_probabilities_and_what_else_they_may_be(made, sections):
    nlp = spacy.load(made / "student")
    nlp.get_pipe("tag").save_activations = True
    doc = nlp(TEXTS[0])
    rows = sections["tag"].rows
    assert [text for text, _ in rows] == [token.text for token in doc]
    kept = doc._.activations["tag"]
    for token, (_, (mine, stock)) in zip(doc, rows):
        first, *others = mine.split(" | ")
        label, chance = first.rsplit(" ", 1)
        assert label == token.tag_
        assert float(chance) == pytest.approx(kept["confidences"][token.i], abs=0.006)
        assert 1 <= len(others) <= 3
        assert all(float(other.rsplit(" ", 1)[1]) <= float(chance) + 0.01 for other in others)
        assert stock == NOT_ASKED


def test_arcs_name_their_heads_and_sentences_their_runners_up(made, sections):
    doc = spacy.load(made / "student")(TEXTS[0])
    cells = [cells[0] for _, cells in sections["parser"].rows]
    for token, cell in zip(doc, cells):
        head = "" if token.head == token else f" of {token.head.text}"
        assert cell.rpartition(" ")[0] == f"{token.dep_}{head}"
    others = sections["parser"].runners_up["student"]
    assert others[0] == f'of "{next(doc.sents).text}":'
    assert others[1].startswith("1. ")
    assert sum(line.startswith("1. ") for line in others) == len(list(doc.sents))
    assert any(line.startswith("2. ") for line in others)  # though the likeliest is unlikely
    changes = [line for line in others if "+" in line]
    assert changes
    assert all("-" in line for line in changes)


def test_spans_stand_beside_those_of_a_stock_pipeline(sections):
    found = dict(sections["ents"].rows)
    assert found["Ann"][1] == "PER"
    assert sections["ents"].runners_up.keys() == {"student"}


def test_categories(sections):
    ((text, cells),) = sections["cats_multilabel"].rows
    assert text == TEXTS[0]
    assert [part.split()[0] for part in cells[0].split("; ")] != []
    chances = [float(part.split()[1]) for part in cells[0].split("; ")]
    assert chances == sorted(chances, reverse=True)
    assert len(chances) == 3
    assert cells[1] == NOT_ASKED


@pytest.mark.parametrize("text", [" ", "", "\n\t"])
def test_no_text(made, text):
    done = run("inspect", made / "student", text)
    assert done.exit_code == 1
    assert "expected a text, got none" in printed(done)


def test_the_command(made):
    done = run("inspect", f"mine={made / 'student'}", made / "stock", "The cat sees Ann .",
               "--width", 200)  # fmt: skip
    assert done.exit_code == 0, printed(done)
    assert "mine" in printed(done)
    done = run("inspect", made / "student")
    assert done.exit_code == 1
    assert "Expected pipelines and a text" in printed(done)
    done = run("inspect", made / "nothing", "Ann")
    assert done.exit_code == 1
    assert "nothing" in printed(done)
    done = run("inspect", f"mine={made / 'student'}", f"mine={made / 'stock'}", "Ann")
    assert done.exit_code == 1
    assert "expected a name for each pipeline, got 'mine' twice" in printed(done)


def test_a_folder_may_have_an_equals_sign_in_its_name(made, tmp_path):
    shutil.copytree(made / "stock", tmp_path / "lr=0.1" / "best")
    for given in (tmp_path / "lr=0.1" / "best", f"mine={tmp_path / 'lr=0.1' / 'best'}"):
        done = run("inspect", given, "Ann", "--width", 100)
        assert done.exit_code == 0, printed(done)
        assert ("best" if given == tmp_path / "lr=0.1" / "best" else "mine") in printed(done)


@pytest.mark.parametrize("text", ["Ann", "<b>Ann</b> [red]x[/red]", "שלום Ann", "\n Ann \n"])
def test_any_text(made, text):
    done = run("inspect", made / "student", text, "--width", 200, "--k", 50)
    assert done.exit_code == 0, printed(done)
    assert "Ann" in printed(done)


def test_whitespace_does_not_shift_the_arcs_of_runners_up(made):
    pipelines = {"student": spacy.load(made / "student")}
    sections = inspect(pipelines, "Ann sees  the cat .\n Dogs sleep  well", k=1)
    (parser,) = [section for section in sections if section.title == "parser"]
    doc = pipelines["student"]("Ann sees  the cat .\n Dogs sleep  well")
    for sent in doc.sents:
        analyses = pipelines["student"].get_pipe("parser").analyses(doc, 1)
        (best,) = [each for each in analyses if each.start == sent.start]
        layer = pipelines["student"].get_pipe("parser").layer
        claims = layer.claims(doc, best.start, best.annotation)
        assert [claim.split(": ")[0] for claim in claims] == [
            token.text for token in sent if not token.is_space
        ]
    assert parser.rows


def test_what_cells_say_without_how_sure_it_is():
    assert _said("1999 0.91 | 2000 0.05") == "1999"
    assert _said("LOC1") == "LOC1"
    assert _said("A 0.91; B 1.000") == "A; B"


@pytest.mark.parametrize(("cells", "differs"), [
    (["NN 0.91", "NN 0.52"], False), (["NN 0.91", "-"], True), (["-", "NN"], True),
    (["NN 0.91", NOT_ASKED], False), ([NOT_ASKED, "NN"], False),
])  # fmt: skip
def test_what_a_pipeline_does_not_annotate_is_no_difference(cells, differs):
    console = Console(file=StringIO(), width=80)
    show([Section("tag", [("Go", cells)])], ["one", "two"], console)
    assert ("≠" in console.file.getvalue()) == differs
