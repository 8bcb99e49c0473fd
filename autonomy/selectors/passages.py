"""Passages of a run's sources, a few at a time: a book has thousands."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import Q

from autonomy.models import Passage, Source

SHOWN = 20
# What stands before a passage that was asked for.
BEFORE = 4
_LARGEST = 2**31 - 1


def source_rows(run_id: UUID, keys: Iterable[str]) -> dict[str, int]:
    """The sources' own ids, by the keys they are cited by. One query."""
    return dict(Source.objects.filter(run_id=run_id, key__in=sorted(set(keys))).values_list("key", "pk"))


def texts_of(run_id: UUID, passages: Iterable[str]) -> dict[str, str]:
    """The texts of some passages, by their ids, `<key>#<position>`. One query; none for none."""
    asked = Q()
    for one in set(passages):
        key, _, position = one.rpartition("#")
        if position.isascii() and position.isdigit() and int(position) <= _LARGEST:
            asked |= Q(source__key=key, position=int(position))
    if not asked:
        return {}
    found = Passage.objects.filter(asked, run_id=run_id).values_list("source__key", "position", "text")
    return {f"{key}#{position}": text for key, position, text in found}


def window(source_id: int, *, around: int | None = None, first: int | None = None) -> dict[str, Any]:
    """`{passages: [{position, text}], first, last, of, before, after}`: SHOWN passages of a source in reading order.

    From the one with the position `first`, or with a few before `around`; from the beginning if neither is given.
    `of` is the last position there is; `before` and `after` are where the neighbouring windows begin, or None.
    """
    rows = Passage.objects.filter(source_id=source_id)
    begin = first if first is not None else (around or 0) - BEFORE
    found = list(
        rows.filter(position__gte=min(max(0, begin), _LARGEST))
        .order_by("position")
        .values("position", "text")[: SHOWN + 1]
    )
    shown = found[:SHOWN]
    begins, ends = (
        rows.order_by(order).values_list("position", flat=True).first() for order in ("position", "-position")
    )
    if not shown or begins is None:
        return {"passages": [], "first": None, "last": None, "of": ends, "before": None, "after": None}
    start = shown[0]["position"]
    return {
        "passages": shown,
        "first": start,
        "last": shown[-1]["position"],
        "of": ends,
        "before": max(begins, start - SHOWN) if start > begins else None,
        "after": found[SHOWN]["position"] if len(found) > SHOWN else None,
    }
