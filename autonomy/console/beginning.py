"""What a fork would begin with, in a sentence."""

from __future__ import annotations

from autonomy.console import state_words
from autonomy.models import Run
from autonomy.selectors.state_at import at, fits, of_run, state_at
from autonomy.selectors.state_summary import state_summary


def beginning(run: Run, checkpoint_id: str | None) -> str:
    """Of the checkpoint, or of the newest if none is named; empty if the run has no such checkpoint."""
    rows = of_run(run.pk).order_by("-checkpoint_id")
    newest = rows.first()
    chosen = newest
    if checkpoint_id and (newest is None or checkpoint_id != newest.checkpoint_id):
        chosen = rows.filter(checkpoint_id=checkpoint_id).first() if fits(checkpoint_id) else None
    if chosen is None or (state := state_at(run.pk, chosen.checkpoint_id)) is None:
        return ""
    told, one = state_summary(state), at(chosen)
    sentence = (
        f"{state_words.superstep(one)}: {state_words.next_node(one.route)}. "
        f"Revision {told['revision']}; draft: {state_words.draft(told['draft'])}; "
        f"{state_words.number(len(told['sources']), 'source')}."
    )
    ended_here = one.route == "END" or (run.ended and newest is not None and chosen.pk == newest.pk)
    return f"{sentence} The run ended here: choose below where the fork goes on." if ended_here else sentence
