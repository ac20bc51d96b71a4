"""Treebanks of a few made-up words in other languages, and somebody's pipeline of each.

French has multiword tokens ("du" is "de" and "le"), elisions and no XPOS; Chinese has no spaces,
and is cut into characters, so that many a word of the treebank is two tokens.
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import spacy
from journeys import somebody
from spacy.language import Language
from spacy.training import Example

EMBED = {"@architectures": "spacy.HashEmbedCNN.v2", "width": 32, "depth": 1, "embed_size": 500,
         "window_size": 1, "maxout_pieces": 2, "subword_features": True,
         "pretrained_vectors": None}  # fmt: skip
LISTENER = {"@architectures": "spacy.Tok2VecListener.v1", "width": 32}
SPLITS = {"train": 60, "dev": 12, "test": 12}
DOCUMENT = 3  # sentences
MS, FS = "Gender=Masc|Number=Sing", "Gender=Fem|Number=Sing"
VERB = "Mood=Ind|Number=Sing|Person=3|Tense=Pres|VerbForm=Fin"


@dataclass(frozen=True)
class Word:
    """head (int): how many words further on its head is; 0 of the root."""

    form: str
    lemma: str
    pos: str
    head: int
    dep: str
    feats: str = "_"
    entity: str = "O"
    tag: str = "_"
    space: bool = True


class Sentence(NamedTuple):
    """merged (dict): by their first word, the form of two words that are one token."""

    words: list[Word]
    merged: dict[int, str]


def french(draw: random.Random) -> Sentence:
    """ "Le chat de Paris parle au voisin du professeur." and alike."""
    words, merged = _french_noun(draw, "nsubj", to_head=1), {}
    verb = len(words)
    form, lemma = draw.choice(
        [("parle", "parler"), ("pense", "penser"), ("ressemble", "ressembler")]
    )
    words.append(Word(form, lemma, "VERB", 0, "root", VERB))
    merged[len(words)] = "au"
    person = draw.choice(["professeur", "voisin", "facteur"])
    words += [Word("à", "à", "ADP", 2, "case"), Word("le", "le", "DET", 1, "det", MS),
              Word(person, person, "NOUN", verb - len(words) - 2, "obl", MS)]  # fmt: skip
    if draw.random() < 0.5:
        merged[len(words)] = "du"
        place = draw.choice(["jardin", "village", "port"])
        words += [Word("de", "de", "ADP", 2, "case"), Word("le", "le", "DET", 1, "det", MS),
                  Word(place, place, "NOUN", -3, "nmod", MS)]  # fmt: skip
    words[-1] = replace(words[-1], space=False)
    words.append(Word(".", ".", "PUNCT", verb - len(words), "punct"))
    words[0] = replace(words[0], form=words[0].form[0].upper() + words[0].form[1:])
    return Sentence(words, merged)


def _french_noun(draw: random.Random, dep: str, *, to_head: int) -> list[Word]:
    kind = draw.choice(["name", "elided", "plain"])
    if kind == "name":
        name = draw.choice(["Anne", "Paul", "Léa"])
        return [Word(name, name, "PROPN", to_head, dep, entity="U-PER")]
    if kind == "elided":
        noun = draw.choice(["ami", "oncle", "âne"])
        return [Word("l'", "le", "DET", 1, "det", "Number=Sing", space=False),
                Word(noun, noun, "NOUN", to_head, dep, MS)]  # fmt: skip
    noun, det, feats = draw.choice([("chat", "le", MS), ("fille", "la", FS), ("reine", "la", FS)])
    place = draw.choice(["Paris", "Lyon"])
    return [Word(det, "le", "DET", 1, "det", feats),
            Word(noun, noun, "NOUN", to_head + 2, dep, feats),
            Word("de", "de", "ADP", 1, "case"),
            Word(place, place, "PROPN", -2, "nmod", entity="U-LOC")]  # fmt: skip


def chinese(draw: random.Random) -> Sentence:
    """A noun or name, a verb, a place or noun: words of one and two characters, without a space."""
    nouns = ["\u8001\u5e08", "\u732b", "\u72d7", "\u5b66\u751f", "\u4e66"]
    names = {"\u738b\u660e": "U-PER", "\u674e": "U-PER", "\u5317\u4eac": "U-LOC"}
    verbs = ["\u770b\u89c1", "\u7231", "\u627e"]

    def noun(dep: str, head: int) -> Word:
        name = draw.choice([*names, *nouns])
        if name in names:
            return Word(name, name, "PROPN", head, dep, entity=names[name], tag="NR")
        return Word(name, name, "NOUN", head, dep, tag="NN")

    verb = draw.choice(verbs)
    words = [noun("nsubj", 1), Word(verb, verb, "VERB", 0, "root", tag="VV"), noun("obj", -1)]
    if draw.random() < 0.5:
        words.insert(1, Word("\u4e0d", "\u4e0d", "ADV", 1, "advmod", tag="AD"))
        words[0] = replace(words[0], head=2)
    root = next(i for i, word in enumerate(words) if word.dep == "root")
    words.append(Word("\u3002", "\u3002", "PUNCT", root - len(words), "punct", tag="PU"))
    return Sentence([replace(word, space=False) for word in words], {})


LANGUAGES: dict[str, Callable[[random.Random], Sentence]] = {"fr": french, "zh": chinese}


def text_of(sentence: Sentence) -> str:
    text, skip = "", False
    for i, word in enumerate(sentence.words):
        if not skip:
            space = sentence.words[i + 1].space if i in sentence.merged else word.space
            text += sentence.merged.get(i, word.form) + " " * space
        skip = i in sentence.merged
    return text.strip()


def conllu(sentence: Sentence, *, number: int) -> str:
    lines = [f"# newdoc id = {number}"] if not number % DOCUMENT else []
    lines += [f"# sent_id = {number}", f"# text = {text_of(sentence)}"]
    for i, word in enumerate(sentence.words):
        if i in sentence.merged:
            lines.append(f"{i + 1}-{i + 2}\t{sentence.merged[i]}" + "\t_" * 8)
        misc = [] if word.entity == "O" else [f"NE={word.entity}"]
        misc += [] if word.space else ["SpaceAfter=No"]
        head = 0 if word.dep == "root" else i + 1 + word.head
        row = (i + 1, word.form, word.lemma, word.pos, word.tag, word.feats, head, word.dep, "_",
               "|".join(misc) or "_")  # fmt: skip
        lines.append("\t".join(map(str, row)))
    return "\n".join(lines) + "\n\n"


def write_treebank(folder: Path, lang: str) -> None:
    """treebank/, raw.jsonl and heldout.jsonl."""
    draw, make = random.Random(0), LANGUAGES[lang]
    (folder / "treebank").mkdir(parents=True)
    for split, count in SPLITS.items():
        rows = "".join(conllu(make(draw), number=i) for i in range(count))
        (folder / "treebank" / f"{split}.conllu").write_text(rows, encoding="utf8")
    space = "" if lang == "zh" else " "
    texts = [space.join(text_of(make(draw)) for _ in range(DOCUMENT)) for _ in range(40)]
    for name, some in (("raw", texts[:34]), ("heldout", texts[34:])):
        lines = "".join(json.dumps({"text": text}) + "\n" for text in some)
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf8")


def teacher(lang: str, train: Path, *, steps: int = 40) -> Language:
    """A trained pipeline of spaCy's components, of each layer that the treebank has."""
    spacy.util.fix_random_seed(0)
    nlp = spacy.blank(lang)
    docs = somebody.read_docs(train, nlp)
    nlp.add_pipe("tok2vec", config={"model": EMBED})
    somebody.add_components(nlp, LISTENER)
    if not docs[0].has_annotation("TAG"):
        nlp.remove_pipe("tagger")
    for doc in docs:
        doc.spans["sc"] = list(doc.ents)
    examples = [Example(nlp.make_doc(doc.text), doc) for doc in docs]
    somebody.learn(nlp, examples, steps=steps)
    somebody.add_rules(nlp, examples)
    return nlp
