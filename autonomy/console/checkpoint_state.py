"""The state of one checkpoint, for its own page."""

from __future__ import annotations

import json
from typing import Any

from autonomy.console import figures, state_words
from autonomy.models import Checkpoint
from autonomy.selectors.state_at import at, of_run, state_at
from autonomy.selectors.state_summary import state_summary

MOST_LETTERS = 200_000


def read(checkpoint: Checkpoint) -> dict[str, Any]:
    """`{one, state, parent, raw}`; `one` and `state` are None for a checkpoint of a graph within the graph."""
    row = None if checkpoint.namespace else of_run(checkpoint.run_id).filter(pk=checkpoint.pk).first()
    state = row and state_at(checkpoint.run_id, checkpoint.checkpoint_id)
    kept = [("LangGraph's checkpoint", checkpoint.checkpoint), ("Metadata", checkpoint.metadata)]
    raw = [(title, _json(value)) for title, value in [*([("State", state)] if state else []), *kept]]
    if row is None or not state:
        return {"one": None, "state": None, "parent": None, "raw": raw}
    one, told = at(row), state_summary(state)
    return {
        "one": one,
        "state": {
            **told,
            "name": state_words.superstep(one),
            "done": state_words.node(one.node),
            "next": state_words.next_node(told["route"]),
            "draft_told": state_words.draft(told["draft"]),
            "seen": state_words.observation(told["last_observation"]),
            "verdict": state_words.verdict(told["last_verdict"]),
            "failures": _failures(told["last_verdict"]),
            "limits": _limits(told["budgets"]),
        },
        # The node is known by the checkpoint before: it is still there.
        "parent": one.parent_id if one.node is not None else None,
        "raw": raw,
    }


def _failures(verdict: dict[str, Any]) -> list[str]:
    found = verdict.get("failures")
    failures = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    return [": ".join(str(one[name]) for name in ("section", "message") if one.get(name)) for one in failures]


def _limits(budgets: dict[str, Any]) -> str:
    figures_of = {name: value for name, value in budgets.items() if isinstance(value, int | float)}
    return ", ".join(figures.usd(value) if name == "usd" else f"{value:,} {name}" for name, value in figures_of.items())


def _json(value: Any) -> str:
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    return text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]}\n… {len(text) - MOST_LETTERS:,} more letters"
