"""A report's page, read: its elements with their attributes and the text inside."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

VOID = {"meta", "link", "input", "br"}


@dataclass
class Element:
    tag: str
    attrs: dict[str, str]
    inside: list[Any] = field(default_factory=list)

    @property
    def text(self) -> str:
        texts = (each if isinstance(each, str) else each.text for each in self.inside)
        return " ".join("".join(texts).split())

    def all(self, tag: str = "", **attrs: str) -> "list[Element]":
        found = []
        for each in self.inside:
            if isinstance(each, Element):
                named = {key.replace("_", "-"): value for key, value in attrs.items()}
                if (not tag or each.tag == tag) and named.items() <= each.attrs.items():
                    found.append(each)
                found += each.all(tag, **attrs)
        return found


class Reader(HTMLParser):
    """RAISES (AssertionError): if an element is not closed where it should be."""

    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("", {})]

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].inside.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.open[-1].inside.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag, (tag, self.getpos())

    def handle_data(self, data: str) -> None:
        self.open[-1].inside.append(data)


def read(page: str) -> Element:
    reader = Reader()
    reader.feed(page)
    assert len(reader.open) == 1, reader.open[-1].tag
    return reader.open[0]
