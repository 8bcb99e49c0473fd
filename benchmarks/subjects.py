"""Who is measured: a module for each, that takes the arguments of subject.py and answers with a line of JSON."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Subject:
    """`ours`: runs in Autonomy's environment and on its tables; the others in benchmarks/.venv on an empty database.

    `spare`: needs a second database. `target`: how many times its runs per second Autonomy should reach.
    """

    name: str
    module: str
    ours: bool = False
    spare: bool = False
    target: float | None = None


AUTONOMY = Subject("Autonomy, whole path", "autonomy_side.whole_path", ours=True)
LANGGRAPH_POSTGRES = Subject("LangGraph + its Postgres saver", "peers.langgraph_postgres", target=1.3)
DBOS = Subject("DBOS, through its queue", "peers.dbos_queue", target=3.0)
CELERY = Subject("Celery chain on Redis", "peers.celery_chain", target=1.0)
LANGGRAPH_MEMORY = Subject("LangGraph in memory (ceiling)", "peers.langgraph_memory")
SUBJECTS = [AUTONOMY, LANGGRAPH_POSTGRES, DBOS, CELERY, LANGGRAPH_MEMORY]

FIRST_EVENT = Subject("first event", "autonomy_side.first_event", ours=True)
PROFILE = Subject("profile", "autonomy_side.profile", ours=True)
CLAIM = Subject("claim", "autonomy_side.claim_time", ours=True, spare=True)
