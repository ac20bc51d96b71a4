"""Sentences as displaCy draws them, with the confidence of each arc and span as shading."""

import re
from collections.abc import Callable, Iterator
from html import escape
from typing import Any, TypedDict

from spacy import displacy

from .differing import Mark, Sentence, Side

# Colours are the page's: those of a class, the confidence a number of its own.
_ENT = (
    '<mark class="entity {classes}" style="--c:{confidence}">{text} '
    '<span class="entity-label">{label}</span></mark>'
)
_SPAN = {
    "span": '<span class="piece" style="height:{total_height}px">{text}{span_slices}{span_starts}'
    "</span> ",
    "slice": '<span class="piece-line" style="top:{top_offset}px"></span>',
    "start": '<span class="piece-start" style="top:{top_offset}px"><span class="piece-label">'
    "{label}{kb_link}</span></span>",
}

_BELOW = 20  # pixels
# Of an arc how high it goes, and of a drawing width and height.
_ARC = re.compile(r'class="displacy-arc"[^>]* d="M[^ ]* [^,]*,([\d.]+)')
_SIZE = re.compile(r'width="([\d.]+)" height="([\d.]+)"')
# An arc of two corners with its name, which displaCy would bend around them.
_LABEL = re.compile(
    r'(class="displacy-arc"[^>]* d="M[^ ]* ([\d.]+),([\d.]+) ([\d.]+),[^>]*>)\s*<text[^>]*>\s*'
    r"<textPath[^>]*>(.*?)</textPath>\s*</text>",
    re.DOTALL,
)


# What displaCy draws, by style, as it names it.


class _Word(TypedDict):
    text: str
    tag: str


class _Parse(TypedDict):
    words: list[_Word]
    arcs: list[dict[str, Any]]
    settings: dict[str, str]


class _Entities(TypedDict):
    text: str
    ents: list[dict[str, Any]]
    settings: dict[str, str]


class _Spans(TypedDict):
    tokens: list[str]
    spans: list[dict[str, Any]]
    settings: dict[str, str]


OPTIONS: dict[str, dict[str, Any]] = {
    "dep": {"compact": True, "word_spacing": 30, "arrow_spacing": 10,
            "offset_x": 45, "color": "currentColor", "bg": "transparent", "font": "inherit"},
    "ent": {"template": _ENT},
    "span": {"template": _SPAN, "top_offset": 32, "span_label_offset": 16},
}  # fmt: skip


def draw(sentence: Sentence, *, side: int, name: str, number: int) -> str:
    """Return a side of a sentence as HTML or SVG, in which all text is escaped.

    name (str): whose it is, for those who do not see it. number (int): of the drawing in its page.
    """
    drawn = sentence.sides[side]
    settings = {"lang": escape(sentence.lang), "direction": sentence.direction}
    data = _DATA[sentence.style](drawn, settings)
    options = {**OPTIONS[sentence.style], "distance": _distance(sentence)}
    markup: str = displacy.render(
        data, style=sentence.style, page=False, jupyter=False, manual=True, options=options
    )
    return _FINISHED.get(sentence.style, _as_it_is)(markup, drawn, name, number)


def _distance(sentence: Sentence) -> int:
    """Return pixels between words, on both sides, enough for the names of arcs of neighbours."""
    arcs = [mark for side in sentence.sides for mark in _arcs(side)]
    short = [len(_label(m)) for m in arcs if m.head is not None and abs(m.head - m.start) == 1]
    return max(90, 7 * max(short, default=0) + 22)


def spoken(side: Side) -> str:
    """Return what is drawn in words."""
    return "; ".join(filter(None, (_spoken(side, mark) for mark in side.marks)))


def _spoken(side: Side, mark: Mark) -> str:
    text = " ".join(word for word, _ in side.words[mark.start : mark.end])
    said = f"{text}: {mark.label}"
    if mark.head is not None and mark.head != mark.start:
        said += f" of {side.words[mark.head][0]}"
    sure = "" if mark.confidence is None else f", {100 * mark.confidence:.0f} %"
    return said + sure + (", differs" if mark.differs else "")


def _label(mark: Mark) -> str:
    percent = "" if mark.confidence is None else f" {100 * mark.confidence:.0f}"
    return escape(mark.label) + percent + (" ✗" if mark.right is False else "")


def _arcs(side: Side) -> Iterator[Mark]:
    return (mark for mark in side.marks if mark.head is not None and mark.head != mark.start)


def _dep(side: Side, settings: dict[str, str]) -> _Parse:
    words = [_Word(text=w, tag=escape(tag)) for (w, _), tag in zip(side.words, side.tags)]
    arcs = []
    for mark in _arcs(side):
        head = mark.start if mark.head is None else mark.head
        arcs.append(
            {
                "start": min(mark.start, head),
                "end": max(mark.start, head),
                "label": _label(mark),
                "dir": "left" if mark.start < head else "right",
            }
        )
    return _Parse(words=words, arcs=arcs, settings=settings)


def _ent(side: Side, settings: dict[str, str]) -> _Entities:
    starts = [0]
    for word, space in side.words:
        starts.append(starts[-1] + len(word) + len(space))
    ents = [
        {
            "start": starts[mark.start],
            "end": starts[mark.end - 1] + len(side.words[mark.end - 1][0]),
            "label": _label(mark),
            "params": {"classes": _classes(mark), "confidence": _sureness(mark)},
        }
        for mark in side.marks
    ]
    text = "".join(word + space for word, space in side.words)
    return _Entities(text=text, ents=ents, settings=settings)


def _span(side: Side, settings: dict[str, str]) -> _Spans:
    spans = [
        {"start_token": mark.start, "end_token": mark.end,
         "label": _label(mark) + (" ≠" if mark.differs else "")}
        for mark in side.marks
    ]  # fmt: skip
    return _Spans(tokens=[word for word, _ in side.words], spans=spans, settings=settings)


def _classes(mark: Mark) -> str:
    return " ".join(
        (["differs"] if mark.differs else []) + ([] if mark.right is not False else ["wrong"])
    )


def _sureness(mark: Mark) -> str:
    return "1" if mark.confidence is None else f"{mark.confidence:.2f}"


def _finished_dep(markup: str, side: Side, name: str, number: int) -> str:
    """With the classes and the confidence of each arc, a name, and ids that are the same in each
    run."""
    marks = iter([*_arcs(side)])

    def group(match: "re.Match[str]") -> str:
        mark = next(marks)
        classes = " ".join(filter(None, ("displacy-arrow", _classes(mark))))
        return f'<g class="{classes}" style="--c:{_sureness(mark)}">'

    markup = re.sub(r'<g class="displacy-arrow">', group, markup)
    markup = _LABEL.sub(_level_label, markup)
    markup = _without_space_around(re.sub(r"[0-9a-f]{32}-0", f"drawn-{number}", markup))
    label = escape(f"{name}: {spoken(side)}", quote=True)
    opening = f'<svg role="img" aria-label="{label}" '
    return re.sub(r"\s*\n\s*", "", markup).replace("<svg ", opening, 1)


def _level_label(match: "re.Match[str]") -> str:
    path, start, height, end, label = match.groups()
    x, y = (float(start) + float(end)) / 2, float(height) + 12
    return f'{path}<text class="displacy-label" x="{x:g}" y="{y:g}">{label}</text>'


def _without_space_around(markup: str) -> str:
    """Crop what displaCy leaves free above arcs that are drawn close to each other, and below."""
    heights = [float(y) for y in _ARC.findall(markup)]
    size = _SIZE.search(markup)
    if not heights or size is None:
        return markup
    top = max(0.0, min(heights) - 6)
    width, height = size.group(1), float(size.group(2)) - top - _BELOW
    cropped = f'width="{width}" height="{height:g}" viewBox="0 {top:g} {width} {height:g}"'
    return markup.replace(size.group(0), cropped, 1).replace(f"height: {size.group(2)}px; ", "", 1)


def _as_it_is(markup: str, side: Side, name: str, number: int) -> str:
    return markup


_DATA: dict[str, Callable[[Side, dict[str, str]], Any]] = {"dep": _dep, "ent": _ent, "span": _span}
_FINISHED = {"dep": _finished_dep}
