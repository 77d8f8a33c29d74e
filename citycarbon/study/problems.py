"""What a complaint about a study file is: where in the file, and what is wrong there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

Where = tuple[str | int, ...]
Problem = tuple[Where, str]


def repeated(where: Where, values: list[str], what: str, key: str | None = None) -> Iterator[Problem]:
    for value, times in Counter(values).items():
        if times > 1:
            last = max(i for i, v in enumerate(values) if v == value)
            yield ((*where, last, key) if key else (*where, last)), f"the {what} '{value}' stands {times} times"
