"""A treebank of a few dozen words, which a network learns in seconds: CoNLL-U and raw text."""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SINGULAR, PLURAL = "Number=Sing", "Number=Plur"
PAST, PRESENT = "Mood=Ind|Tense=Past|VerbForm=Fin", "Mood=Ind|Tense=Pres|VerbForm=Fin"
NOUNS = "cat dog girl teacher ship train garden letter song river".split()
NAMES = "Ann Ben Cleo Dan Eva Finn".split()
FAMILIES = "Archer Baker Carver Dyer Fowler".split()
PLACES = "Lund Oslo Turin Vigo".split()
FIRMS = "Acme Globex Initech".split()
VERBS = [("saw", "see"), ("found", "find"), ("painted", "paint"), ("followed", "follow"),
         ("liked", "like"), ("heard", "hear")]  # fmt: skip
SPLITS = {"train": 120, "dev": 20, "test": 20}


@dataclass
class Word:
    """A word and its place in the phrase: `head` is an index in the phrase, -1 its head word."""

    form: str
    lemma: str
    pos: str
    tag: str
    morph: str
    head: int
    dep: str
    entity: str = "O"


Phrase = list[Word]


def plain(form: str, pos: str, tag: str, dep: str, *, head: int = -1) -> Word:
    return Word(form, form.lower(), pos, tag, "_", head, dep)


def name(draw: random.Random) -> Phrase:
    kind = draw.choice(["PER", "PER", "PERSON2", "LOC", "ORG"])
    if kind == "PERSON2":
        forms, tags = [draw.choice(NAMES), draw.choice(FAMILIES)], ["B-PER", "L-PER"]
    else:
        forms = [draw.choice({"PER": NAMES, "LOC": PLACES, "ORG": FIRMS}[kind])]
        tags = [f"U-{kind}"]
    words = [Word(f, f, "PROPN", "NNP", SINGULAR, 0, "flat", t) for f, t in zip(forms, tags)]
    words[0].head = -1
    return words


def noun(draw: random.Random) -> Phrase:
    form = draw.choice(NOUNS)
    many = draw.random() < 0.3
    before = [plain("some" if many else draw.choice(["the", "a"]), "DET", "DT", "det")]
    if draw.random() < 0.4:
        colour = draw.choice(["old", "small", "red", "quiet", "happy"])
        before.append(plain(colour, "ADJ", "JJ", "amod"))
    last = Word(form + "s" * many, form, "NOUN", "NNS" if many else "NN",
                PLURAL if many else SINGULAR, -1, "")  # fmt: skip
    for word in before:
        word.head = len(before)
    return [*before, last]


def phrase(draw: random.Random, dep: str, *, case: str = "") -> Phrase:
    """With its head word marked by head -1; a preposition stands before it."""
    words = name(draw) if draw.random() < 0.4 else noun(draw)
    top = next(i for i, word in enumerate(words) if word.head == -1)
    words[top].dep = dep
    if case:
        for word in words:
            word.head += word.head >= 0
        words.insert(0, plain(case, "ADP", "IN", "case", head=top + 1))
    return words


def sentence(draw: random.Random) -> Phrase:
    past, stem = draw.choice(VERBS)
    subject = phrase(draw, "nsubj")
    is_past = draw.random() < 0.5
    verb = [Word(past if is_past else f"{stem}s", stem, "VERB", "VBD" if is_past else "VBZ",
                 PAST if is_past else PRESENT, -2, "root")]  # fmt: skip
    parts = [subject, verb, phrase(draw, "obj")]
    if draw.random() < 0.4:
        parts.append(phrase(draw, "obl", case=draw.choice(["in", "near", "with", "behind"])))
    if draw.random() < 0.3:
        parts.append([plain(draw.choice(["today", "slowly", "again"]), "ADV", "RB", "advmod")])
    parts.append([plain(draw.choice("..!"), "PUNCT", ".", "punct")])
    return joined(parts, root=len(subject))


def joined(parts: Sequence[Phrase], *, root: int) -> Phrase:
    words: Phrase = []
    for part in parts:
        start = len(words)
        for word in part:
            word.head = {-1: root, -2: -1}.get(word.head, word.head + start)
        words.extend(part)
    words[0].form = words[0].form[0].upper() + words[0].form[1:]
    return words


def text_of(words: Phrase) -> str:
    return " ".join(word.form for word in words[:-1]) + words[-1].form


def conllu(words: Phrase, *, first: bool, number: int) -> str:
    lines = [f"# newdoc id = {number}"] if first else []
    lines += [f"# sent_id = {number}-{id(words)}", f"# text = {text_of(words)}"]
    for i, word in enumerate(words):
        misc = [] if word.entity == "O" else [f"NE={word.entity}"]
        misc += ["SpaceAfter=No"] if i == len(words) - 2 else []
        row = (i + 1, word.form, word.lemma, word.pos, word.tag, word.morph, word.head + 1,
               word.dep, "_", "|".join(misc) or "_")  # fmt: skip
        lines.append("\t".join(map(str, row)))
    return "\n".join(lines) + "\n\n"


def documents(draw: random.Random, count: int) -> list[list[Phrase]]:
    return [[sentence(draw) for _ in range(draw.choice([2, 3, 3, 4]))] for _ in range(count)]


def write_treebank(folder: Path, *, raw: int = 120) -> tuple[Path, Path]:
    """RETURNS (tuple[Path, Path]): a folder of a treebank, and unlabelled text.

    raw (int): texts.
    """
    draw = random.Random(0)
    treebank = folder / "treebank"
    treebank.mkdir(parents=True)
    for split, count in SPLITS.items():
        rows = [conllu(words, first=not i, number=n)
                for n, document in enumerate(documents(draw, count))
                for i, words in enumerate(document)]  # fmt: skip
        (treebank / f"{split}.conllu").write_text("".join(rows), encoding="utf8")
    texts = [" ".join(map(text_of, document)) for document in documents(draw, raw)]
    lines = [json.dumps({"text": text, "meta": {"source": "grammar"}}) for text in texts]
    (folder / "raw.jsonl").write_text("\n".join(lines) + "\n", encoding="utf8")
    return treebank, folder / "raw.jsonl"
