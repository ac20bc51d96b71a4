"""English inflection and spelling rules; irregular forms come from the lexicon."""

VOWELS = "aeiou"


def plural(word: str) -> str:
    """The regular plural of a noun: cat -> cats, box -> boxes, lady -> ladies."""
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return word + "es"
    if word.endswith("y") and word[-2] not in VOWELS:
        return word[:-1] + "ies"
    return word + "s"


def third_person(verb: str) -> str:
    """The present of the third person singular: go -> goes, try -> tries."""
    special = {"go": "goes", "do": "does", "have": "has", "be": "is"}
    return special.get(verb) or plural(verb)


def past(verb: str, *, double: bool = False) -> str:
    """The regular past: bake -> baked, stop -> stopped, try -> tried."""
    if verb.endswith("e"):
        return verb + "d"
    if verb.endswith("y") and verb[-2] not in VOWELS:
        return verb[:-1] + "ied"
    return _stem(verb, double) + "ed"


def gerund(verb: str, *, double: bool = False) -> str:
    """The -ing form: make -> making, lie -> lying, run -> running, see -> seeing."""
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    if verb.endswith("e") and not verb.endswith(("ee", "oe", "ye")) and verb != "be":
        return verb[:-1] + "ing"
    return _stem(verb, double) + "ing"


def agent(verb: str, *, double: bool = False) -> str:
    """The person who does it: bake -> baker, carry -> carrier, illustrate -> illustrator."""
    if verb.endswith("ate"):
        return verb[:-1] + "or"
    if verb.endswith("e"):
        return verb + "r"
    if verb.endswith("y") and verb[-2] not in VOWELS:
        return verb[:-1] + "ier"
    return _stem(verb, double) + "er"


def able(verb: str, *, double: bool = False) -> str:
    """What can be done: wash -> washable, use -> usable, cultivate -> cultivable."""
    if verb.endswith("ate"):
        return verb[:-3] + "able"
    if verb.endswith("y") and verb[-2] not in VOWELS:
        return verb[:-1] + "iable"
    if verb.endswith("e") and not verb.endswith(("ce", "ge", "ee")):
        return verb[:-1] + "able"
    return _stem(verb, double) + "able"


def degrees(adjective: str) -> tuple[str, str]:
    """Comparative and superlative: big -> bigger, biggest; happy -> happier, happiest."""
    if adjective.endswith("e"):
        return adjective + "r", adjective + "st"
    if adjective.endswith("y") and adjective[-2] not in VOWELS:
        return adjective[:-1] + "ier", adjective[:-1] + "iest"
    stem = _stem(adjective, False)
    return stem + "er", stem + "est"


def adverb(adjective: str) -> str:
    """The -ly adverb: slow -> slowly, happy -> happily, gentle -> gently, basic -> basically."""
    if adjective.endswith("y") and adjective[-2] not in VOWELS:
        return adjective[:-1] + "ily"
    if adjective.endswith("le") and adjective[-3] not in VOWELS:
        return adjective[:-1] + "y"
    if adjective.endswith("ll"):
        return adjective + "y"
    return adjective + ("ally" if adjective.endswith("ic") and adjective != "public" else "ly")


def quality(adjective: str) -> str:
    """The -ness noun: kind -> kindness, lazy -> laziness."""
    if adjective.endswith("y") and adjective[-2] not in VOWELS:
        return adjective[:-1] + "iness"
    return adjective + "ness"


def article(word: str) -> str:
    """`a` or `an`, by the sound of the word that follows."""
    low = word.lower()
    if low.startswith(("hour", "honest", "honor", "heir")):
        return "an"
    if low.startswith(("uni", "use", "usu", "eu", "one", "uk", "ura", "uto", "ukr")):
        return "an" if low.startswith(("unin", "unim")) else "a"
    if word.isupper() and len(word) > 1:
        return "an" if word[0] in "AEFHILMNORSX" and word not in _SPOKEN else "a"
    if low[:1] == "8" or low in ("11", "18"):
        return "an"
    return "an" if low[:1] in VOWELS else "a"


_SPOKEN = frozenset(("NATO", "NASA", "FIFA", "UNESCO", "UNICEF", "UN", "EU"))


def _stem(word: str, double: bool) -> str:
    """Double the last consonant of stop, plan, run; not of open, fix, wait."""
    short = (
        len(word) >= 3
        and word[-1] not in VOWELS + "wxy"
        and word[-2] in VOWELS
        and word[-3] not in VOWELS
        and sum(c in VOWELS for c in word) == 1
    )
    quit_ = len(word) >= 4 and word[-4:-1] in ("qui",)
    return word + word[-1] if double or short or quit_ else word
