"""Charts: what is drawn where, and what is said of it."""

import re
from xml.etree import ElementTree

import pytest

from spacy_skd.report.charts import Axis, Point, cloud, curves, key, reliability_diagram, scatter
from spacy_skd.report.reliability import Bin


def marks(svg):
    """Series and place of each mark."""
    found = re.findall(r'class="mark s(\d)"[^>]*translate\(([\d.-]+),([\d.-]+)\)', svg)
    return [(int(series), float(x), float(y)) for series, x, y in found]


def test_a_cloud_has_every_point_and_names_some():
    groups = {"short": [(1_000, 80.0), (40_000, 70.0)], "long": [(2_000, 85.0)], "none": []}
    names = [Point("best <&>", 2_000, 85.0, 0)]
    svg = cloud(groups, names, least=1_500, x_title="words/s", y_title="score")
    root = ElementTree.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"  # a file of its own
    assert "short: 2; long: 1; none: 0; best <&>: 85.0 at 2,000" in root.get("aria-label")
    texts = ["".join(text.itertext()) for text in root.findall(".//{*}text")]
    assert {"short (2)", "long (1)", "best <&>"} <= set(texts)
    (slow, fast), (best,) = [
        [(x, y) for series, x, y in marks(svg) if series == n and x != 52] for n in (0, 1)
    ]
    assert slow[0] < best[0] < fast[0]
    assert best[1] < slow[1] < fast[1], "up is better"
    (budget,) = re.findall(r'class="front" points="([\d.]+),', svg)
    assert slow[0] < float(budget) < best[0]


def test_a_scatter_has_each_pipeline_in_its_place_and_a_front():
    points = [
        Point("fast", 50_000, 85.0, 0),
        Point("slow <&>", 2_000, 90.0, 1),
        Point("beaten", 1_000, 80.0, 2),
    ]
    svg = scatter(points, x_title="words/s", y_title="LAS")
    root = ElementTree.fromstring(svg)
    assert root.get("role") == "img"
    assert "slow <&>: 90.0 at 2,000" in root.get("aria-label")
    places = {series: (x, y) for series, x, y in marks(svg)}
    assert places[0][0] > places[1][0] > places[2][0]
    assert places[1][1] < places[0][1] < places[2][1], "up is better"
    (front,) = re.findall(r'class="front" points="([^"]+)"', svg)
    assert len(front.split()) == 2


def test_names_at_one_place_do_not_overlap():
    points = [Point(f"p{i}", 1000, 80.0, i) for i in range(4)]
    svg = scatter(points, x_title="words/s", y_title="LAS")
    ys = sorted(float(y) for y in re.findall(r'class="name"[^>]* y="([\d.]+)"', svg))
    assert min(b - a for a, b in zip(ys, ys[1:])) >= 11


def test_a_diagram_is_on_the_diagonal_where_probabilities_are_true():
    bins = {1: [Bin(0.5, 0.6, 9, 0.55, 0.55), Bin(0.9, 1.0, 9, 0.95, 0.95)]}
    svg = reliability_diagram(bins, ["a", "b"])
    (start, end) = re.search(r'"diagonal" points="(.+?) (.+?)"', svg).groups()
    (x0, y0), (x1, y1) = (map(float, place.split(",")) for place in (start, end))
    for series, x, y in marks(svg):
        assert series == 1
        assert (y - y0) / (y1 - y0) == pytest.approx((x - x0) / (x1 - x0), abs=0.01)
    assert "b: 55 % are right 55 %, 95 % are right 95 %" in svg


def test_curves_end_with_a_mark():
    svg = curves({0: [(0, 10.0), (100, 60.0)], 1: [(50, 20.0)]}, ["a", "b"])
    ElementTree.fromstring(svg)
    assert [series for series, _, _ in marks(svg)] == [0, 1]
    assert "a: 10.0 at 0, 60.0 at 100" in svg


def test_ticks_are_round_and_inside():
    assert Axis(0, 100, 0, 1).ticks() == [0, 50, 100]
    assert Axis(81.3, 84.9, 0, 1).ticks() == [82, 83, 84]
    ticks = Axis(1500, 150_000, 0, 1, is_log=True).ticks()
    assert ticks[0] == 2000
    assert all(1500 <= value <= 150_000 for value in ticks)
    for low in range(1000, 10_000, 50):  # of two pipelines that are about as fast
        near = Axis(low, 2.25 * low, 0, 1, is_log=True).ticks()
        assert 2 <= len(near) <= 8
        assert all(low <= value <= 2.25 * low for value in near)
    assert Axis(5, 5, 0, 1)(5) == 0


def test_keys_beyond_the_colours_are_those_of_the_first():
    assert key(0) == key(8)
    assert key(0) != key(1)
