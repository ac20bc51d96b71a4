"""JSON that every reader takes: every number with all of its digits, and null for those that JSON
cannot hold."""

import json
import math
from typing import Any


def to_json_line(value: Any) -> str:
    """Return a value as one line of JSON, see `numbers_to_null`."""
    return json.dumps(numbers_to_null(value), ensure_ascii=False, allow_nan=False)


def numbers_to_null(value: Any) -> Any:
    """Return JSON's value with null in the place of NaN and infinity, which JSON cannot hold."""
    if isinstance(value, dict):
        return {key: numbers_to_null(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [numbers_to_null(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
