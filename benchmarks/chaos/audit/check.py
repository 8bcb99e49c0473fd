"""What a check is: a function whose name is its claim; its findings are sentences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.db import connection

Check = Callable[[], list[str]]
CHECKS: list[Check] = []


@dataclass(frozen=True)
class Finding:
    check: str
    sentence: str


def check(function: Check) -> Check:
    CHECKS.append(function)
    return function


def sentences(sql: str) -> list[str]:
    """The first column of what the statement finds."""
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return [row[0] for row in cursor.fetchall()]
