"""What a record says of the categories of its text: spaCy's `cats`, Prodigy's decisions and
choices, doccano's labels.

    {"text": "Buy now", "cats": {"SPAM": 1.0, "HAM": 0.0}}
    {"text": "Buy now", "cats": [{"label": "SPAM", "value": 1.0}]}
    {"text": "Buy now", "label": "SPAM", "answer": "reject"}
    {"text": "Buy now", "options": [{"id": "SPAM"}, {"id": "HAM"}], "accept": ["SPAM"]}
    {"text": "Buy now", "label": ["SPAM"]}
    {"text": "Buy now", "label": "SPAM"}
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

VIEWS = ("classification", "choice")  # of Prodigy, in which spans only show what to look at


@dataclass(frozen=True)
class RecordCategories:
    """What is known of the labels of a text.

    values: probabilities, 0 to 1; of a label that is missing nothing is known.
    is_complete: the other labels of the file do not hold.
    is_decision: the answer is about the one label, so that "reject" says that it does not hold.
    """

    values: dict[str, float] = field(default_factory=dict)
    is_complete: bool = False
    is_decision: bool = False


def parse_categories(
    record: Mapping[str, Any], *, numbers: Any, answer: str, has_spans: bool
) -> RecordCategories | None:
    """Return what a record says of its text's categories, None if nothing.

    numbers: its `cats`.
    answer: "reject", where that is about the one label, says that it does not hold.
    has_spans: the one label is that of the record's spans.

    RAISES (ValueError): saying what was expected and what the record has.
    """
    if numbers:
        return RecordCategories(_numbers(numbers))
    if "accept" in record:
        return _chosen(record)
    label = record.get("label")
    if isinstance(label, str) and not has_spans:
        values = {_checked(label): float(answer != "reject")}
        is_decision = "answer" in record
        return RecordCategories(values, is_complete=not is_decision, is_decision=is_decision)
    listed = next((record[key] for key in ("label", "labels") if is_listed(record.get(key))), None)
    if listed is not None:
        return RecordCategories({_checked(label): 1.0 for label in listed}, is_complete=True)
    return None


def is_listed(labels: Any) -> bool:
    """Tell whether these are names alone, and not spans."""
    return isinstance(labels, list) and bool(labels) and all(isinstance(x, str) for x in labels)


def _numbers(cats: Any) -> dict[str, float]:
    if isinstance(cats, list):  # of spaCy's own JSON
        if not all(isinstance(item, dict) and {"label", "value"} <= item.keys() for item in cats):
            raise ValueError(
                f'"cats": expected items like {{"label": "A", "value": 1.0}}, found {cats!r}'
            )
        cats = {_checked(item["label"]): item["value"] for item in cats}
    if not isinstance(cats, dict):
        raise ValueError(f'"cats": expected an object like {{"A": 1.0, "B": 0.0}}, found {cats!r}')
    for label, value in cats.items():
        if not isinstance(value, (int, float)) or not 0 <= value <= 1:
            raise ValueError(f'"cats": expected numbers from 0 to 1, found {label!r}: {value!r}')
    return {_checked(label): float(value) for label, value in cats.items()}


def _chosen(record: Mapping[str, Any]) -> RecordCategories:
    accepted, options = record["accept"], record.get("options", [])
    if not isinstance(accepted, list) or not isinstance(options, list):
        raise ValueError('"accept", "options": expected lists of labels')
    names = [_option(option) for option in options]
    held = [_option(label) for label in accepted]
    unknown = sorted(set(held) - set(names))
    if names and unknown:
        raise ValueError(f'"accept": expected ids of the options {names}, found {unknown}')
    config = record.get("config")
    style = config.get("choice_style") if isinstance(config, dict) else None
    if style == "single" and len(held) > 1:
        raise ValueError(f'"accept": expected one label of a single choice, found {held}')
    values = {**dict.fromkeys(names, 0.0), **dict.fromkeys(held, 1.0)}
    return RecordCategories(values, is_complete=True)


def _option(option: Any) -> str:
    name = option.get("id") if isinstance(option, dict) else option
    if isinstance(name, bool) or not isinstance(name, (str, int)):
        raise ValueError(f'expected an option with an "id", found {option!r}')
    return _checked(str(name))


def _checked(label: Any) -> str:
    if not isinstance(label, str) or not label.strip():
        raise ValueError(f"expected a category with a name, found {label!r}")
    return storable(label, what="category")


def storable(text: str, *, what: str) -> str:
    """Return a text that a `.spacy` file can hold. RAISES (ValueError): if it has half of a
    character, which has no UTF-8."""
    try:
        text.encode("utf8")
    except UnicodeEncodeError as error:
        raise ValueError(f"the {what} cannot be stored: {error}") from None
    return text


def agree(annotations: Iterable[RecordCategories], labels: Sequence[str]) -> dict[str, float]:
    """Return what several records of one text say together: of decisions the majority, nothing
    where they are split evenly; of probabilities the mean.

    labels: all of the file, of which a complete record knows each.
    """
    votes: dict[str, list[float]] = {}
    for annotation in annotations:
        others = dict.fromkeys(labels, 0.0) if annotation.is_complete else {}
        for label, value in {**others, **annotation.values}.items():
            votes.setdefault(label, []).append(value)
    means = {label: _agreed(values) for label, values in votes.items()}
    return {label: mean for label, mean in means.items() if mean is not None}


def _agreed(values: Sequence[float]) -> float | None:
    mean = sum(values) / len(values)
    if not set(values) <= {0.0, 1.0}:
        return mean
    return None if mean == 0.5 else float(mean > 0.5)
