"""What a subject's tables take, with their indexes, in bytes."""

from __future__ import annotations

import psycopg

_SIZE = """
SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND (%(tables)s::text[] IS NULL OR c.relname = ANY (%(tables)s))
"""


def bytes_of(database_url: str, tables: list[str] | None = None) -> int:
    """Of the named tables, or of all."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        return int(connection.execute(_SIZE, {"tables": tables}).fetchone()[0])
