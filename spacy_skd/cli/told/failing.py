"""What commands say when they fail."""

import sys
import textwrap
from typing import NoReturn

from wasabi import msg

WIDTH = 80


def fail(title: str, error: object) -> NoReturn:
    """Print an error, and end with exit code 1. Unlike wasabi's, its lines stay lines."""
    print()
    msg.fail(title)
    for line in str(error).splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        print(textwrap.fill(line, WIDTH, subsequent_indent=indent,
                            break_long_words=False, break_on_hyphens=False))  # fmt: skip
    print()
    sys.stdout.flush()
    sys.exit(1)
