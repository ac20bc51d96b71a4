"""The page: what stands in it, for whom, and that text is text."""

import re

import pytest
import spacy
from all_components import gold_docs
from pages import read
from spacy.tokens import Doc, Span

from spacy_skd.report.curves import Log
from spacy_skd.report.page import write_html
from spacy_skd.report.scores import SETTINGS

LOGS = [Log("small", {"tag_acc": [(0, 1.0), (50, 70.0)], "loss tag": [(0, 9.0), (50, 2.0)]})]


def made(tmp_path, pipelines, docs, **settings):
    path = tmp_path / "page.html"
    write_html(path, pipelines, docs, **settings)
    return path.read_text(encoding="utf8")


@pytest.fixture(scope="module")
def page(systems, tmp_path_factory):
    docs = gold_docs(spacy.blank("en"))
    for i, doc in enumerate(docs):
        doc.user_data["meta"] = {"genre": ["pets", "books"][i % 2]}
    measured = {"words_per_second": 100.0, "megabytes": 2.0}
    results = {name: {**dict.fromkeys(SETTINGS, {"tag_acc": 0.5}), **measured} for name in systems}
    results["student"]["words_per_second"] = 300.0
    return made(
        tmp_path_factory.mktemp("page"), systems, docs, results=results, teacher="teacher",
        slices=["genre"], train=docs[:2], logs=LOGS, corpus="dev.spacy",
    )  # fmt: skip


def test_it_has_every_section(page):
    root = read(page)
    sections = {each.attrs["id"]: each for each in root.all("section")}
    assert list(sections) == ["overview", "scores", "labels", "slices", "agreement",
                              "reliability", "curves", "differences"]  # fmt: skip
    links = [each.attrs["href"] for each in root.all("nav")[0].all("a")]
    assert links == [f"#{name}" for name in sections]
    assert "teacher is teacher" in root.all("header")[0].text
    (las,) = sections["scores"].all("tr", data_layer="parser")[1:]
    assert re.search(r"[▲▼] [+−]\d+\.\d \[[+−]?\d+\.\d, [+−]?\d+\.\d\]", las.text), las.text
    slices = {each.attrs.get("data-slice") for each in sections["slices"].all("tr")}
    assert {"genre: pets", "in training: seen", "in training: unseen", "arc length: root",
            "sentence length: 1 to 10"} <= slices  # fmt: skip
    layers = {each.attrs["data-layer"] for each in sections["reliability"].all("figure")}
    assert {"tag", "parser", "ents", "spans:seg"} <= layers
    pictures = sections["overview"].all("svg", role="img")
    assert any("TAG, F1 against words/s" in p.attrs["aria-label"] for p in pictures)
    assert [f.all("figcaption")[0].text for f in sections["curves"].all("figure")] == [
        "tag_acc", "loss tag"
    ]  # fmt: skip


def test_sentences_are_drawn_side_by_side_with_confidences(page):
    (section,) = read(page).all("section", id="differences")
    drawn = section.all("details", data_layer="parser")
    said = " ".join(svg.attrs["aria-label"] for each in drawn for svg in each.all("svg"))
    assert re.search(r"\w+: \w+ of \w+, \d+ %, differs", said)
    for each in drawn:
        sides = each.all("figure")
        assert [side.all("figcaption")[0].text for side in sides] == ["teacher", "student"]
        assert any(g.attrs["class"] == "displacy-arrow differs" for g in each.all("g"))
        for side in sides:
            (svg,) = side.all("svg")
            assert re.match(r"(teacher|student): \w+: \w+", svg.attrs["aria-label"])
            arrows = side.all("g")
            assert all(re.fullmatch(r"--c:[01]\.\d\d", g.attrs["style"]) for g in arrows)
    entities = section.all("details", data_layer="ents")
    marks = [mark for each in entities for mark in each.all("mark")]
    assert marks
    assert all(re.search(r"(PER|ANIMAL|ACT) \d+", mark.text) for mark in marks)
    assert section.all("details", data_layer="spans:sc")


def test_it_is_for_everybody(page):
    root = read(page)
    assert root.all("html")[0].attrs["lang"] == "en"
    for landmark in ("header", "nav", "main", "footer"):
        assert len(root.all(landmark)) == 1
    assert all("scope" in th.attrs for th in root.all("th"))
    assert all(table.all("caption") for table in root.all("table"))
    for svg in root.all("svg"):
        assert svg.attrs.get("aria-label") or svg.attrs.get("aria-hidden") == "true"
    ids = [each.attrs["id"] for each in root.all() if "id" in each.attrs]
    assert len(ids) == len(set(ids))
    (skip,) = root.all("a", **{"class": "skip"})
    assert skip.attrs["href"] == "#main"
    assert "hidden" in root.all("form")[0].attrs, "which the script shows"


def test_it_needs_no_network_and_is_the_same_again(page, systems, tmp_path):
    addresses = set(re.findall(r"https?://[^\s\"'<]+", page))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert not re.search(r"(src|href)=[\"'](?!#|data:)", page.replace("xlink:href", ""))
    docs = gold_docs(spacy.blank("en"))[:2]
    again = [made(tmp_path / str(i), systems, docs) for i in range(2)]
    assert again[0] == again[1]


EVIL = '<script>alert("x")</script>'


def test_text_is_text(systems, tmp_path):
    nlp = systems["teacher"]
    ruler = spacy.blank("en")
    ruler.add_pipe("entity_ruler").add_patterns([{"label": "<b>&", "pattern": [{"ORTH": "cat"}]}])
    words = ["The", "cat", EVIL, "sees", "Ann", "{{", "x", "}}"]
    doc = Doc(nlp.vocab, words, tags=["<i>"] * 8, heads=[1] * 8, deps=["<u>"] * 8)
    doc.set_ents([Span(doc, 1, 2, "<b>&")])
    doc.user_data["<em>"] = '"><img src=x>'
    name = "<s>'\"&"
    page = made(tmp_path, {name: nlp, "b": systems["student"], "rules": ruler}, [doc],
                slices=["<em>"], corpus="<a>.spacy",
                logs=[Log("<q>", {"<tt>": [(0, 1.0)]})])  # fmt: skip
    root = read(page)
    for tag in ("i", "u", "s", "em", "img", "q", "tt"):
        assert not root.all(tag), tag
    assert not any(b.all() for b in root.all("b"))
    assert len(root.all("script")) == 1
    assert EVIL in root.all("main")[0].text
    assert "<b>&" in root.all("main")[0].text


def test_right_to_left(systems, tmp_path):
    pipelines = {}
    for name, label in (("a", "PER"), ("b", "LOC")):
        pipelines[name] = spacy.blank("he")
        ruler = pipelines[name].add_pipe("entity_ruler")
        ruler.add_patterns([{"label": label, "pattern": "דנה"}])
    doc = Doc(pipelines["a"].vocab, ["שלום", "דנה"])
    root = read(made(tmp_path, pipelines, [doc]))
    (section,) = root.all("section", id="differences")
    drawn = section.all(**{"class": "drawn"})
    assert len(drawn) == 2
    assert all(each.attrs["dir"] == "rtl" and each.attrs["lang"] == "he" for each in drawn)
    assert "direction: rtl" in section.all(**{"class": "entities"})[0].attrs["style"]
    assert [mark.text for mark in section.all("mark")] == ["דנה PER", "דנה LOC"]


def test_one_pipeline_alone_and_docs_without_gold(systems, tmp_path):
    docs = gold_docs(spacy.blank("en"))[:2]
    alone = read(made(tmp_path / "a", {"only": systems["teacher"]}, docs))
    assert not alone.all("section", id="agreement")
    assert not alone.all("section", id="differences")
    assert alone.all("section", id="scores")[0].all("tr", data_layer="tag")
    bare = [spacy.blank("en").make_doc(doc.text) for doc in docs]
    both = read(made(tmp_path / "b", systems, bare))
    assert "no gold annotation" in both.all("section", id="overview")[0].text
    assert not both.all("section", id="scores")
    assert both.all("section", id="agreement")[0].all("tr", data_layer="tag")
    nobody = read(made(tmp_path / "c", {"only": spacy.blank("en")}, bare))
    assert "no gold annotation" in nobody.all("main")[0].text


def test_another_file_is_kept(systems, tmp_path):
    (tmp_path / "page.html").write_text("mine")
    with pytest.raises(OSError, match="page.html"):
        made(tmp_path, {"a": spacy.blank("en")}, gold_docs(spacy.blank("en")))
    assert (tmp_path / "page.html").read_text() == "mine"
