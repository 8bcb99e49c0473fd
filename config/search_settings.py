"""What the settings of web search have to fulfil together."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any

from config.mistakes import shown

# Each service with the setting it cannot do without.
SERVICES: dict[str, str | None] = {
    "crossref": None,
    "openalex": "openalex_api_key",
    "semantic_scholar": None,
    "arxiv": None,
    "tavily": "tavily_api_key",
    "brave": "brave_api_key",
    "serper": "serper_api_key",
    "searxng": "searxng_url",
}
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII)


def mistakes(settings: Mapping[str, Any]) -> list[str]:
    """A sentence for each, of the settings by their names in lower case; no value is repeated but a service's name."""
    found = []
    names, urls, contact = (settings[f"autonomy_search{end}"] for end in ("", "_urls", "_contact"))
    for name in dict.fromkeys(names):
        if name not in SERVICES:
            found.append(f"AUTONOMY_SEARCH: {_unknown(name)}")
        elif (needed := SERVICES[name]) and not settings[needed]:
            found.append(f"{needed.upper()}: it is needed because AUTONOMY_SEARCH names {name}.")
    if len(set(names)) < len(names):
        found.append("AUTONOMY_SEARCH: a service is named twice.")
    found += [f"AUTONOMY_SEARCH_URLS: {_unknown(name)}" for name in urls if name not in SERVICES]
    if contact and not _MAIL.fullmatch(contact):
        found.append("AUTONOMY_SEARCH_CONTACT: it must be a mail address.")
    return found


def _unknown(name: str) -> str:
    close = difflib.get_close_matches(name, SERVICES, n=1)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(SERVICES)}, or none alone."
    return f"there is no service of the name “{shown(name)}”; {hint}"
