"""A rule about how a row may change, held by the database as a trigger."""

from __future__ import annotations

import pgtrigger


class Rule(pgtrigger.Trigger):
    """Refuses what meets its condition as a CHECK constraint does: with an IntegrityError that names the rule.

    A CHECK sees the new row alone. This sees the old one too (`OLD`, `NEW`), and rows of other tables.
    """

    def __init__(self, *, name: str, operation: pgtrigger.Operation, condition: str, refusal: str) -> None:
        refuse = (
            f"RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = '{name}', TABLE = TG_TABLE_NAME, "
            f"MESSAGE = '{name}: {refusal}';"
        )
        func = f"IF {' '.join(condition.split())} THEN {refuse} END IF; RETURN NEW;"
        super().__init__(name=name, operation=operation, when=pgtrigger.Before, func=func)


def changed(*columns: str) -> str:
    """Whether one of these columns gets another value."""
    old, new = (", ".join(f"{row}.{column}" for column in columns) for row in ("OLD", "NEW"))
    return f"ROW({old}) IS DISTINCT FROM ROW({new})"
