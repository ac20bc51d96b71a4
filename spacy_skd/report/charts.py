"""Charts as inline SVG. Colours are those of classes, `s0`, `s1`, ... of the series, which the
page's style sheet knows in light and dark."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

from .reliability import Bin

WIDTH, HEIGHT = 320, 240
LEFT, RIGHT, TOP, BOTTOM = 44, 14, 12, 38
SERIES = 8  # that have a colour
_SHAPES = (
    "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0",
    "M-4,-4h8v8h-8z",
    "M0,-5L5,4H-5z",
    "M0,-5L5,0L0,5L-5,0z",
    "M0,5L5,-4H-5z",
    "M-5,-2h3v-3h4v3h3v4h-3v3h-4v-3h-3z",
    "M-4,-3L-3,-4L0,-1L3,-4L4,-3L1,0L4,3L3,4L0,1L-3,4L-4,3L-1,0z",
    "M-5,-3h10v6h-10z",
)

# Of a file that no page's style sheet reaches.
_STYLE = (
    "<style>text{font:11px sans-serif;fill:#555}.name{fill:#111;stroke:#fff;stroke-width:3px;"
    "paint-order:stroke}.grid{stroke:#ddd;fill:none}.front{stroke:#888;stroke-dasharray:3 3;"
    "fill:none}.mark{stroke:#fff;stroke-width:.6}.s0{fill:#a8b3c4}.s1{fill:#4477aa}"
    ".s2{fill:#cc3311}svg{background:#fff}</style>"
)


class Point(NamedTuple):
    """A pipeline in a scatter plot. series (int): its place among all."""

    name: str
    x: float
    y: float
    series: int


class Axis(NamedTuple):
    """From low to high, in pixels from start to end. is_log (bool): of positive numbers."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def __call__(self, value: float) -> float:
        """Return the place of a value, in pixels."""
        low, high, value = (
            math.log(each) if self.is_log else each for each in (self.low, self.high, value)
        )
        return self.start + (self.end - self.start) * (value - low) / ((high - low) or 1)

    def ticks(self) -> list[float]:
        """Return round values, some four."""
        if self.is_log:
            exponents = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)))
            values = [m * 10.0**e for e in exponents for m in (1, 2, 5)]
            inside = [value for value in values if self.low <= value <= self.high]
            if len(inside) > 2:  # else those of an even axis, of values so near
                return inside[:: max(1, len(inside) // 4)]
        step = _round_step((self.high - self.low) / (6 if self.is_log else 4))
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [step * i for i in range(first, last + 1)]


def scatter(points: Sequence[Point], *, x_title: str, y_title: str) -> str:
    """Return a scatter plot of pipelines, x on a logarithmic scale, with a line through those that
    no other one beats in both (the Pareto front)."""
    xs, ys = [p.x for p in points], [p.y for p in points]
    x_axis = Axis(min(xs) / 1.5, max(xs) * 1.5, LEFT, WIDTH - RIGHT, is_log=True)
    y_axis = _y_axis(ys)
    front = [p for p in points if not any(_beats(other, p) for other in points)]
    front.sort(key=lambda p: p.x)
    path = " ".join(f"{x_axis(p.x):.1f},{y_axis(p.y):.1f}" for p in front)
    body = [f'<polyline class="front" points="{path}"/>'] if len(front) > 1 else []
    spoken = []
    taken: list[tuple[float, float]] = []
    for p in sorted(points, key=lambda p: -p.y):
        x, y = x_axis(p.x), y_axis(p.y)
        body.append(_marker(x, y, p.series))
        place = _free(x, y + 4, taken)
        taken.append((x, place))
        at_end = x > WIDTH * 0.6
        anchor, offset = ("end", -9) if at_end else ("start", 9)
        body.append(
            f'<text class="name" x="{x + offset:.1f}" y="{place:.1f}" text-anchor="{anchor}">'
            f"{escape(_short(p.name))}</text>"
        )
        spoken.append(f"{p.name}: {p.y:.1f} at {p.x:,.0f}")
    label = f"{y_title} against {x_title}. " + "; ".join(spoken)
    return _svg(body, x_axis, y_axis, x_title=x_title, y_title=y_title, label=label)


def cloud(
    groups: Mapping[str, Sequence[tuple[float, float]]],
    names: Sequence[Point],
    *,
    least: float,
    x_title: str,
    y_title: str,
) -> str:
    """Return a scatter plot of many points, most of them without names, as an SVG file of its own;
    x on a logarithmic scale, if the largest is many times the least.

    groups (Mapping[str, Sequence[tuple[float, float]]]): (x, y) by the name of a series, for the
        legend. names (Sequence[Point]): of the points that have one. least (float): of x, what was
        asked: a line.
    """
    points = [point for group in groups.values() for point in group]
    xs, ys = [*(x for x, _ in points), least], [y for _, y in points]
    is_log = max(xs) > 5 * min(xs)
    x_axis = Axis(min(xs) / 1.1, max(xs) * 1.1, LEFT, WIDTH - RIGHT, is_log=is_log)
    y_axis = _y_axis(ys)._replace(end=TOP + 12 * len(groups) + 6)  # below the legend
    at = f"{x_axis(least):.1f}"
    body = [f'<polyline class="front" points="{at},{y_axis.end} {at},{y_axis.start}"/>']
    spoken = []
    for series, (name, group) in enumerate(groups.items()):
        body.extend(_marker(x_axis(x), y_axis(y), series, scale=0.7) for x, y in group)
        row = TOP + 6 + 12 * series
        body.append(_marker(LEFT + 8, row, series, scale=0.7))
        body.append(f'<text x="{LEFT + 16}" y="{row + 4}">{escape(name)} ({len(group)})</text>')
        spoken.append(f"{name}: {len(group)}")
    taken: list[tuple[float, float]] = []
    for p in sorted(names, key=lambda p: -p.y):
        x, y = x_axis(p.x), _free(x_axis(p.x), y_axis(p.y) - 8, taken)
        taken.append((x, y))
        anchor = "end" if x > WIDTH * 0.6 else "start"
        place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
        body.append(f'<text class="name" {place}>{escape(_short(p.name))}</text>')
        spoken.append(f"{p.name}: {p.y:.1f} at {p.x:,.0f}")
    label = f"{y_title} against {x_title}. " + "; ".join(spoken)
    svg = _svg(body, x_axis, y_axis, x_title=x_title, y_title=y_title, label=label)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{2 * WIDTH}" height="{2 * HEIGHT}" '
    return svg.replace("<svg ", head, 1).replace(">", f">{_STYLE}", 1) + "\n"


def reliability_diagram(bins: Mapping[int, Sequence[Bin]], names: Sequence[str]) -> str:
    """Return the share that is right against the mean probability of each bin, in percent, by
    series; on the diagonal the two are the same."""
    low = min([100 * min(b.confidence, b.accuracy) for of_one in bins.values() for b in of_one])
    low = min(90, 10 * math.floor(low / 10))
    x_axis = Axis(low, 100, LEFT, WIDTH - RIGHT)
    y_axis = Axis(low, 100, HEIGHT - BOTTOM, TOP)
    corners = f"{x_axis(low)},{y_axis(low)} {x_axis(100)},{y_axis(100)}"
    body = [f'<polyline class="diagonal" points="{corners}"/>']
    spoken = []
    for series, of_one in bins.items():
        points = [(x_axis(100 * b.confidence), y_axis(100 * b.accuracy)) for b in of_one]
        body.append(_line(points, series))
        body.extend(_marker(x, y, series, scale=0.7) for x, y in points)
        gaps = ", ".join(f"{100 * b.confidence:.0f} % are right {100 * b.accuracy:.0f} %"
                         for b in of_one)  # fmt: skip
        spoken.append(f"{names[series]}: {gaps}")
    titles = {"x_title": "probability, %", "y_title": "right, %"}
    label = "Reliability. " + "; ".join(spoken)
    return _svg(body, x_axis, y_axis, **titles, label=label)


def curves(lines: Mapping[int, Sequence[tuple[float, float]]], names: Sequence[str]) -> str:
    """Return values by step of training, by series."""
    everything = [point for line in lines.values() for point in line]
    x_axis = Axis(0, max(step for step, _ in everything) or 1, LEFT, WIDTH - RIGHT)
    y_axis = _y_axis([value for _, value in everything])
    body, spoken = [], []
    for series, line in lines.items():
        places = [(x_axis(step), y_axis(value)) for step, value in line]
        body.append(_line(places, series))
        body.append(_marker(*places[-1], series))
        (first, start), (last, end) = line[0], line[-1]
        spoken.append(f"{names[series]}: {start:.1f} at {first:,.0f}, {end:.1f} at {last:,.0f}")
    label = "By step of training. " + "; ".join(spoken)
    return _svg(body, x_axis, y_axis, x_title="step", y_title="", label=label)


def key(series: int) -> str:
    """Return the mark of a series, for the legend beside its name."""
    body = _marker(8, 8, series)
    return f'<svg class="key" viewBox="0 0 16 16" aria-hidden="true">{body}</svg>'


def _svg(
    body: Sequence[str], x_axis: Axis, y_axis: Axis, *, x_title: str, y_title: str, label: str
) -> str:
    left, bottom = x_axis.start, y_axis.start
    grid = []
    for value in y_axis.ticks():
        y = y_axis(value)
        grid.append(f'<path class="grid" d="M{left},{y:.1f}H{x_axis.end}"/>')
        grid.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>')
    for value in x_axis.ticks():
        x = x_axis(value)
        place = f'x="{x:.1f}" y="{bottom + 16}" text-anchor="middle"'
        grid.append(f'<path class="grid" d="M{x:.1f},{bottom}v4"/>')
        grid.append(f"<text {place}>{_number(value)}</text>")
    middle = (x_axis.start + x_axis.end) / 2
    titles = (
        f'<text class="axis" x="{middle}" y="{HEIGHT - 4}" text-anchor="middle">{escape(x_title)}'
        f'</text><text class="axis" transform="translate(11,{(y_axis.start + y_axis.end) / 2}) '
        f'rotate(-90)" text-anchor="middle">{escape(y_title)}</text>'
    )
    spoken = escape(label, quote=True)
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{spoken}">'
        + "".join([*grid, titles, *body])
        + "</svg>"
    )


def _y_axis(values: Sequence[float]) -> Axis:
    low, high = min(values), max(values)
    margin = max((high - low) * 0.15, 0.5)
    return Axis(low - margin, high + margin, HEIGHT - BOTTOM, TOP)


def _marker(x: float, y: float, series: int, *, scale: float = 1) -> str:
    smaller = f" scale({scale})" if scale != 1 else ""
    return (
        f'<path class="mark s{series % SERIES}" d="{_SHAPES[series % len(_SHAPES)]}" '
        f'transform="translate({x:.1f},{y:.1f}){smaller}"/>'
    )


def _line(points: Sequence[tuple[float, float]], series: int) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline class="line s{series % SERIES}" points="{path}"/>'


def _beats(one: Point, other: Point) -> bool:
    at_least = one.x >= other.x and one.y >= other.y
    return at_least and (one.x > other.x or one.y > other.y)


def _free(x: float, y: float, taken: Sequence[tuple[float, float]]) -> float:
    """Return the next place below that the names of points nearby, 11 pixels high, leave free."""
    near = [place for other, place in taken if abs(other - x) < WIDTH / 2]
    while any(abs(y - place) < 11 for place in near):
        y += 3
    return y


def _short(name: str) -> str:
    return name if len(name) <= 20 else name[:19] + "…"


def _number(value: float) -> str:
    return f"{value / 1000:g}k" if value >= 1000 else f"{value:g}"


def _round_step(step: float) -> float:
    """Return the next of 1, 2 and 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= step * (1 - 1e-9))
