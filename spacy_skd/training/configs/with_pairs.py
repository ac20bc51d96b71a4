"""A student's config whose embedding has vectors of pairs of words."""

from thinc.api import Config

from ...errors import check_between
from .plan import TOK2VEC


def check_pairs(rows: int) -> None:
    """Check a number of rows. RAISES (ValueError): if there cannot be so many."""
    check_between("pairs", rows, low=0, high=10**8)


def with_pairs(config: Config, rows: int) -> Config:
    """Return the config of students that know pairs of words. rows (int): of each of the two tables
    that it takes; 0 for none. RAISES (ValueError): see `check_pairs`."""
    check_pairs(rows)
    config = config.copy()
    model = config["components"][TOK2VEC]["model"]
    if rows:
        model["embed"] = {
            "@architectures": "spacy-skd.PairEmbed.v1",
            "rows": rows,
            "attr": "LOWER",
            "dropout": 0.3,
            "embed": model["embed"],
        }
    return config
