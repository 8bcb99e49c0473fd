"""A run's sources and passages, copied to another run within the database: the originals may be large."""

from __future__ import annotations

from uuid import UUID

from django.db import connection, models

from autonomy.models import Passage, Source


def copy_sources(origin: UUID, fork: UUID) -> None:
    """One statement, and so one look at the origin: it may be reading its sources right now."""
    source_columns, passage_columns = _columns(Source), _columns(Passage)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH copied AS (
              INSERT INTO autonomy_sources (run_id, {", ".join(source_columns)})
              SELECT %(fork)s, {", ".join(source_columns)} FROM autonomy_sources WHERE run_id = %(origin)s ORDER BY id
              RETURNING id, key
            )
            INSERT INTO autonomy_passages (run_id, source_id, {", ".join(passage_columns)})
            SELECT %(fork)s, copied.id, {", ".join(f"p.{name}" for name in passage_columns)}
            FROM autonomy_passages p
            JOIN autonomy_sources s ON s.id = p.source_id
            JOIN copied ON copied.key = s.key
            WHERE p.run_id = %(origin)s
            ORDER BY copied.id, p.position
            """,  # noqa: S608 - names of our own columns
            {"origin": origin, "fork": fork},
        )


def _columns(model: type[models.Model]) -> list[str]:
    """What is copied as it is: neither the row's own keys nor what the database computes."""
    fields = model._meta.concrete_fields
    return [
        str(field.column)
        for field in fields
        if not (field.primary_key or field.generated or field.name in ("run", "source"))
    ]
