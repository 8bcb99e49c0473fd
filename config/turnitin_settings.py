"""What the settings of Turnitin have to fulfil together."""

from __future__ import annotations

import base64
import binascii
import difflib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from config.mistakes import shown

# Turnitin Core API 1.0: generation_settings.search_repositories and view_settings.exclude_*.
REPOSITORIES = ("INTERNET", "PUBLICATION", "SUBMITTED_WORK", "CROSSREF", "CROSSREF_POSTED_CONTENT")
EXCLUSIONS = ("quotes", "bibliography", "citations")
SHORTEST_SECRET = 16  # bytes
LOOPBACK = ("127.0.0.1", "localhost", "::1")
WEBHOOK_PATH = "/api/v2/turnitin/webhook"


def mistakes(settings: Mapping[str, Any]) -> list[str]:
    """A sentence for each, of the settings by their names in lower case; no value is repeated but a word of a list."""
    found = []
    if settings["turnitin_mode"] == "core_api":
        found += [
            f"{name.upper()}: it is needed because TURNITIN_MODE is core_api."
            for name in ("turnitin_base_url", "turnitin_api_key")
            if not settings[name]
        ]
    for name in ("turnitin_base_url", "turnitin_webhook_url"):
        if settings[name] and not _is_safe(settings[name]):
            found.append(f"{name.upper()}: it must start with https://.")
    if settings["turnitin_webhook_url"] and urlsplit(settings["turnitin_webhook_url"]).path != WEBHOOK_PATH:
        found.append(f"TURNITIN_WEBHOOK_URL: its path must be {WEBHOOK_PATH}, where webhooks are taken.")
    url, secret = settings["turnitin_webhook_url"], settings["turnitin_webhook_secret"]
    if bool(url) != bool(secret):
        given, needed = ("URL", "SECRET") if url else ("SECRET", "URL")
        found.append(f"TURNITIN_WEBHOOK_{needed}: it is needed because TURNITIN_WEBHOOK_{given} is set.")
    if secret and not _is_key(secret.get_secret_value()):
        found.append("TURNITIN_WEBHOOK_SECRET: it must be base64 of 16 bytes or more, better 32.")
    if key := settings["turnitin_api_key"]:
        value = key.get_secret_value()
        if not value.isascii() or not value.isprintable() or " " in value:
            found.append("TURNITIN_API_KEY: it must be of ASCII letters, digits and signs, without spaces.")
    found += _unknown("turnitin_repositories", settings, REPOSITORIES)
    found += _unknown("turnitin_exclude", settings, EXCLUSIONS)
    if not settings["turnitin_repositories"]:
        found.append("TURNITIN_REPOSITORIES: name one at least.")
    return found


def _is_safe(address: str) -> bool:
    """Encrypted, or to a stage on this machine."""
    parts = urlsplit(address)
    return parts.scheme == "https" or parts.hostname in LOOPBACK


def _is_key(secret: str) -> bool:
    try:
        return len(base64.b64decode(secret, validate=True)) >= SHORTEST_SECRET
    except (binascii.Error, ValueError):
        return False


def _unknown(name: str, settings: Mapping[str, Any], known: tuple[str, ...]) -> list[str]:
    found = []
    for word in settings[name]:
        if word not in known:
            close = difflib.get_close_matches(word.upper() if known is REPOSITORIES else word.lower(), known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}."
            found.append(f"{name.upper()}: there is no “{shown(word)}”; {hint}")
    if len(set(settings[name])) < len(settings[name]):
        found.append(f"{name.upper()}: something is named twice.")
    return found
