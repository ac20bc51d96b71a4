"""Other sentences: questions, commands, quotations, headlines, list items, exclamations."""

from dataclasses import replace

from .clauses import Clause, clause, draw_shape
from .entity_phrases import entity_phrase
from .function_words import conjunction, determiner, punctuation, quote, wh_word
from .lexicon import Verb
from .modifiers import adjective
from .morphology import article, gerund, past, third_person
from .noun_phrases import counted, noun_phrase, prepositional, single_phrase
from .sampling import Weighted, pick
from .scene import Scene
from .statements import copular, plain
from .tree import Node, surface
from .verb_groups import Agreement, Group, Shape, verb_group

_ORDERS = Weighted(("t", "m", "l", "p", "b", "o"), (6, 3, 3, 3, 2, 2))
_SPEECH = ("say", "ask", "explain", "shout", "reply", "announce", "whisper", "add")


def yes_no_question(s: Scene) -> Node:
    """`Did the cook open the jar ?`"""
    kind = pick(s.rand, "ttimopbx")
    sense = s.vocabulary.sense(s.topic, kind).draw(s.rand)
    return _invert(clause(s, depth=1, sense=sense, support=True, shape=_asked(s)), None)


def wh_question(s: Scene) -> Node:
    """who, what, where, when, why, how; the preposition may be left behind."""
    roll = s.rand()
    if roll < 0.25:
        sense = s.vocabulary.sense(s.topic, "t", "subject:person").draw(s.rand)
        return clause(s, depth=1, sense=sense, subject=wh_word("who").as_("nsubj")).head
    kind = "o" if roll < 0.35 else "t"
    if roll < 0.6:
        sense = s.vocabulary.sense(s.topic, kind, "subject:person").draw(s.rand)
        built = clause(s, depth=1, sense=sense, support=True, gap="object", shape=_asked(s))
        word = wh_word("who" if "person" in sense.object else "what")
        stranded = [child for child in built.head.right if child.deprel == "case"]
        for preposition in stranded:
            preposition.governor = word
        return _invert(built, word.as_("obl" if stranded else "obj"))
    sense = s.vocabulary.sense(s.topic, pick(s.rand, "timop"), "subject:person").draw(s.rand)
    built = clause(s, depth=1, sense=sense, support=True, shape=_asked(s))
    return _invert(built, wh_word(pick(s.rand, ("where", "when", "why", "how"))))


def command(s: Scene) -> Node:
    """`Put the soup in the bowl .`, with a name or `please` now and then."""
    sense = s.vocabulary.sense(s.topic, _ORDERS.draw(s.rand), "subject:person").draw(s.rand)
    shape = Shape(mood="Imp", negated=s.chance(0.12), contracted=s.chance(0.7))
    head = clause(s, depth=1, sense=sense, bare=True, shape=shape).head
    roll = s.rand()
    if roll < 0.12:
        please = Node("please", "please", "INTJ", "UH", "_", "discourse")
        head.left.insert(0, please)
    elif roll < 0.22:
        name = entity_phrase(s, s.entity("PER")).as_("vocative")
        head.left[:0] = [name, punctuation(",")]
    return head


def quotation(s: Scene) -> Node:
    """`" ... , " said Anna .` or `Anna said : " ... "`."""
    inner = (plain if s.chance(0.6) else copular)(s)
    speaker = noun_phrase(s, ("PER", "PER", "person", "kin"), "Nom", depth=0, coordinate=False)
    verb = _said(s, speaker)
    if s.chance(0.6):
        inner.left.insert(0, quote(True))
        end = punctuation(pick(s.rand, (",", ",", ",", "!", "?")))
        inner.right += [end, quote(False)]
        speaker.as_("nsubj")
        inverted = speaker.upos != "PRON" and s.chance(0.6)
        if inverted:
            verb.right.append(speaker)
        else:
            verb.left.append(speaker)
        inner.right.append(verb.as_("parataxis"))
        return inner
    verb.left.append(speaker.as_("nsubj"))
    inner.left[:0] = [punctuation(pick(s.rand, (",", ":"))), quote(True)]
    if not surface(inner)[-1].form.endswith("."):
        inner.right.append(punctuation("."))
    inner.right.append(quote(False))
    verb.right.append(inner.as_("ccomp"))
    return verb


def headline(s: Scene) -> Node:
    """A clause in the present without articles and without a full stop."""
    kind = pick(s.rand, "tttmbp")
    sense = s.vocabulary.sense(s.topic, kind).draw(s.rand)
    head = clause(s, depth=1, sense=sense, shape=Shape(tense="Pres")).head
    _drop_articles(head)
    if s.chance(0.35):
        for node in surface(head):
            if node.upos in ("NOUN", "VERB", "ADJ", "ADV") and node.form[0].islower():
                node.form = node.form[0].upper() + node.form[1:]
    return head


def list_item(s: Scene) -> Node:
    """`three spoons of sugar`, `fresh tomatoes and onions`, `call the doctor`."""
    roll = s.rand()
    if roll < 0.25:
        return command(s)
    if roll < 0.6:
        head = counted(s, pick(s.rand, ("container", "cutlery", "unit", "measure")))
        inner = single_phrase(s, pick(s.rand, ("ingredient", "drink", "substance")), depth=0)
        head.right.append(prepositional("of", inner, "nmod"))
        return head
    sem = s.choose_class(("ingredient", "possession", "clothing", "document"))
    return single_phrase(s, sem, depth=2)


def exclamation(s: Scene) -> Node:
    """`What a strange day !`, `Oh no , another storm !`"""
    sem = s.choose_class(("event", "idea", "dish", "building", "animal"))
    noun = s.noun(sem)
    head = Node(noun.lemma, noun.lemma, "NOUN", "NN", "Number=Sing")
    word = adjective(s.vocabulary.adjectives[s.vocabulary.adjective_class(sem)].draw(s.rand))
    if s.chance(0.6) and noun.plural and not noun.plural_only:
        first = Node("what", "what", "DET", "WDT", "PronType=Int", "det:predet")
        head.left = [first, determiner(article(word.form)), word]
    else:
        oh = Node(pick(s.rand, ("oh", "well", "wow")), "oh", "INTJ", "UH", "_", "discourse")
        oh.lemma = oh.form
        article_ = [determiner(article(word.form))] if noun.plural else []
        head.left = [oh, punctuation(","), *article_, word]
    return head


def opener(s: Scene, head: Node) -> None:
    """Begin an informal sentence with a conjunction or an interjection."""
    if s.chance(0.5):
        head.left.insert(0, conjunction(pick(s.rand, ("and", "but", "so"))))
        return
    word = pick(s.rand, ("well", "yes", "no", "oh"))
    head.left[:0] = [Node(word, word, "INTJ", "UH", "_", "discourse"), punctuation(",")]


def _asked(s: Scene) -> Shape:
    shape = draw_shape(s)
    return replace(shape, negated=shape.negated and s.chance(0.5))


def _invert(built: Clause, word: "Node | None") -> Node:
    """Auxiliary before the subject; a question word before both."""
    group: Group = built.group
    before: list[Node] = list(group.before)
    moved = before[:1]
    if len(before) > 1 and before[1].form == "n't":
        moved = before[:2]
    rest = before[len(moved) :]
    subject = [built.subject] if built.subject is not None else []
    built.head.left[:0] = [*([word] if word else []), *moved, *subject, *rest]
    return built.head


def _said(s: Scene, speaker: Node) -> Node:
    lemma = pick(s.rand, _SPEECH)
    before = "said" if lemma == "say" else past(lemma)
    verb = Verb(lemma, third_person(lemma), before, before, gerund(lemma))
    return verb_group(verb, Agreement(speaker.person, speaker.number), Shape(tense=s.tense)).main


def _drop_articles(head: Node) -> None:
    for node in surface(head):
        if not node.proper:
            node.left = [child for child in node.left if child.form not in ("the", "a", "an")]
