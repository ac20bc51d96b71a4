"""Words of scripts that put no spaces between them, without a tokenizer."""

import re

# Chinese and Japanese, whose characters are words or halves of them; Thai, Lao, Burmese and Khmer,
# of which a word has about four.
_HAN_AND_KANA = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_SOUTH_EAST = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
_LARGE, _SMALL = re.compile(f"[{_HAN_AND_KANA}]"), re.compile(f"[{_SOUTH_EAST}]")
_ANY = re.compile(f"[{_HAN_AND_KANA}{_SOUTH_EAST}]")


def count_words(text: str) -> int:
    """Count the words between spaces, and characters; of South East Asian ones four are a word."""
    if text.isascii():
        return len(text.split())
    between = len(_ANY.sub(" ", text).split())
    return between + len(_LARGE.findall(text)) + -(-len(_SMALL.findall(text)) // 4)


def apart(text: str) -> str:
    """Return the text with spaces around each character of such a script."""
    return text if text.isascii() else _ANY.sub(r" \g<0> ", text)


def has_spaceless(text: str) -> bool:
    """Tell whether a text has such a character."""
    return _ANY.search(text) is not None


def is_spaceless(word: str) -> bool:
    """Tell whether a word is one such character."""
    return _ANY.fullmatch(word) is not None
