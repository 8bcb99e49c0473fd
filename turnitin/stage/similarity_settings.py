"""What a report may be asked for with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from turnitin.stage import fields
from turnitin.stage.refusal import Refusal

REPOSITORIES = ("INTERNET", "PUBLICATION", "SUBMITTED_WORK", "CROSSREF", "CROSSREF_POSTED_CONTENT")
AUTO_EXCLUDE = ("ALL", "GROUP", "GROUP_CONTEXT", "NONE")
PRIORITIES = ("HIGH", "LOW")
VIEW_SETTINGS = ("exclude_quotes", "exclude_bibliography", "exclude_citations", "exclude_small_matches")
SMALLEST_MATCH = 8  # words


def check_settings(settings: Mapping[str, Any], has: Sequence[str]) -> None:
    """`has`: the repositories that the customer has. Raises Refusal."""
    _flags(fields.group(settings, "indexing_settings"), ("add_to_index",))
    generation = fields.group(settings, "generation_settings", required=True)
    repositories = generation.get("search_repositories")
    if not isinstance(repositories, list) or not repositories or not all(one in has for one in repositories):
        raise Refusal(400, f"search_repositories must be a list of {', '.join(has)}.")
    for name, choices in (("auto_exclude_self_matching_scope", AUTO_EXCLUDE), ("priority", PRIORITIES)):
        if generation.get(name, choices[0]) not in choices:
            raise Refusal(400, f"{name} must be one of {', '.join(choices)}.")
    view = fields.group(settings, "view_settings")
    _flags(view, [name for name in VIEW_SETTINGS if name != "exclude_small_matches"])
    smallest = view.get("exclude_small_matches", SMALLEST_MATCH)
    if not isinstance(smallest, int) or isinstance(smallest, bool) or smallest < SMALLEST_MATCH:
        raise Refusal(400, f"exclude_small_matches must be a number of words, {SMALLEST_MATCH} at least.")


def _flags(given: Mapping[str, Any], names: tuple[str, ...] | list[str]) -> None:
    for name in names:
        if not isinstance(given.get(name, True), bool):
            raise Refusal(400, f"{name} must be true or false.")
