from __future__ import annotations

import random


def next_version(current: str | int | float | None) -> str:
    """A version above `current`, as sortable text.

    The random part keeps two branches of one run (a fork) from sharing a blob that has the same count.
    """
    count = 0 if current is None else current if isinstance(current, int) else int(str(current).split(".")[0])
    return f"{int(count) + 1:032}.{random.random():016}"  # noqa: S311
