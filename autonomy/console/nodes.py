"""What the graph's nodes are called: by themselves, and within a sentence."""

from __future__ import annotations

TITLES = {
    "plan": "Plan",
    "research": "Research",
    "draft": "Draft",
    "critic": "Critic",
    "turnitin_pause": "Turnitin",
    "END": "End",
}
PHRASES = {
    "plan": "the plan",
    "research": "the research",
    "draft": "the draft",
    "critic": "the critic",
    "turnitin_pause": "the hand-off to Turnitin",
    "END": "the end",
}
