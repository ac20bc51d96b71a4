"""`spacy skd init --transitions`: students that are spaCy's own components."""

import pytest

from spacy_skd.cli.init import init


def test_a_student_of_trees_is_spacys_parser(teacher):
    config, plan = init(str(teacher), preset="tiny", transitions=["parser"])
    block = config["components"]["parser"]
    assert (block["factory"], block["layer"]) == ("distilling_transitions", "parser")
    assert block["distill_weight"] == 0.7
    assert block["model"]["state_type"] == "parser"
    assert block["model"]["tok2vec"]["@architectures"] == "spacy.Tok2VecListener.v1"
    assert block["driver"] == "student", "filled"
    assert config["components"]["tag"]["factory"] == "distilling_tagger"
    assert config["training"]["score_weights"]["dep_las"] > 0
    assert [s.name for s in plan.students if s.is_transitions] == ["parser"]


def test_others_are_refused_by_name(teacher):
    with pytest.raises(
        ValueError, match="annotate ents and parser, some of parser, got nobody, tag"
    ):
        init(str(teacher), preset="tiny", transitions=["tag", "nobody", "parser"])
