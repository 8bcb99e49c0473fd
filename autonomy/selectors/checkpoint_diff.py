"""What two checkpoints of a run differ in; also one of the run and one of the run it was forked from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, Sum

from autonomy.errors import InvalidInput
from autonomy.models import ProviderCall, Run
from autonomy.selectors.state_at import At, named, state_at
from autonomy.selectors.state_diff import state_diff


@dataclass(frozen=True)
class Pair:
    before: At
    after: At


def pair(run: Run, before: str, after: str) -> Pair:
    """Raises InvalidInput naming `from` or `to` for an id that neither the run has, nor the run it was forked from."""
    found = named(run, {before, after})
    missing = {name: one for name, one in (("from", before), ("to", after)) if one not in found}
    if missing:
        raise _no_such_checkpoint(*missing)
    return Pair(found[before], found[after])


def checkpoint_diff(pair: Pair) -> dict[str, Any]:
    """`{from, to, same, spent, changes}`. JSON-able.

    `from` and `to`: `{run_id, checkpoint_id, step, node, route, revision, created_at}`. `spent`: `{calls, tokens, usd}`
    of the provider calls that began between the two, or None for those of different runs. `changes`: see state_diff.py.
    """
    sides = (("from", pair.before), ("to", pair.after))
    states = {name: state_at(one.run_id, one.checkpoint_id) for name, one in sides}
    before, after = states["from"], states["to"]
    if before is None or after is None:  # pruned meanwhile
        raise _no_such_checkpoint(*(name for name, state in states.items() if state is None))
    changes = state_diff(before, after)
    told = {name: one.as_dict() for name, one in sides}
    return {**told, "same": not changes, "spent": _spent(pair), "changes": changes}


def _spent(pair: Pair) -> dict[str, Any] | None:
    if pair.before.run_id != pair.after.run_id:
        return None
    first, last = sorted([pair.before.created_at, pair.after.created_at])
    calls = ProviderCall.objects.filter(run=pair.before.run_id, created_at__gt=first, created_at__lte=last)
    settled = calls.filter(~Q(outcome=ProviderCall.Outcome.PENDING))
    found = settled.aggregate(calls=Count("pk"), into=Sum("tokens_in"), out=Sum("tokens_out"), usd=Sum("usd"))
    usd = None if found["usd"] is None else float(found["usd"])
    return {"calls": found["calls"], "tokens": (found["into"] or 0) + (found["out"] or 0), "usd": usd}


def _no_such_checkpoint(*names: str) -> InvalidInput:
    return InvalidInput(
        "The run has no such checkpoint; the list of its checkpoints names those it has.",
        fields={name: ["There is no such checkpoint."] for name in names},
    )
