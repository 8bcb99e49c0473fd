"""Reading the environment.

A value that does not fit, or a variable with one of our prefixes that nobody knows, stops the start-up with a
sentence. A secret may come from a file instead: NAME_FILE=/run/secrets/name.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from pydantic import ValidationError

from config import language_models, search_settings, turnitin_settings
from config.env import BudgetDefaults, Environment
from config.language_models import LanguageModelSpec
from config.mistakes import found_in, text_of

OUR_PREFIXES = (
    "AUTONOMY_", "ENABLE_AUTONOMY_", "V2_", "TURNITIN_", "DJANGO_", "OPENAI_",
    "OPENALEX_", "SEMANTIC_SCHOLAR_", "TAVILY_", "BRAVE_", "SERPER_", "SEARXNG_",
)  # fmt: skip
# Read by other libraries or by the Makefile, not by us; their presence is no mistake.
NOT_OURS = {
    "DJANGO_SETTINGS_MODULE", "OPENAI_ORGANIZATION", "OPENAI_ORG_ID", "OPENAI_PROJECT",
    "SEARXNG_BASE_URL", "SEARXNG_SECRET", "SEARXNG_PORT", "SEARXNG_BIND_ADDRESS", "SEARXNG_SETTINGS_PATH",
}  # fmt: skip


def read(environ: Mapping[str, str] = os.environ) -> Environment:
    """The environment, checked. Raises ImproperlyConfigured with one sentence for each mistake."""
    given = dict(_from_files(environ)) | {
        name.lower(): value for name, value in environ.items() if name.lower() in Environment.model_fields and value
    }
    parsed = _parsed(given, environ)
    models: list[LanguageModelSpec] = parsed.get("autonomy_language_models", [])
    names_of_keys = {spec.key_env for spec in models if spec.key_env}
    mistakes = _unknown_names({name: value for name, value in environ.items() if name not in names_of_keys})
    if models:
        mistakes += [
            f"{name.upper()}: drop it; {language_models.LIST} is set and takes its place."
            for name in given
            if name.startswith("openai_") and name.upper() not in names_of_keys
        ]
    try:
        read_in = Environment.model_validate(parsed)
    except ValidationError as error:
        # The value itself is left out: it may be a secret.
        mistakes += [f"{where.upper()}: {what}." for where, what in found_in(error)]
        raise ImproperlyConfigured("The environment needs mending. " + " ".join(mistakes)) from None
    if read_in.autonomy_heartbeat_seconds * 2 > read_in.autonomy_lease_seconds:
        mistakes.append("AUTONOMY_HEARTBEAT_SECONDS: it must be at most half of AUTONOMY_LEASE_SECONDS.")
    if read_in.database_url and not read_in.django_secret_key:
        mistakes.append("DJANGO_SECRET_KEY: it is needed when DATABASE_URL is set (50 random characters).")
    mistakes += search_settings.mistakes(dict(read_in)) + turnitin_settings.mistakes(dict(read_in))
    if mistakes:
        raise ImproperlyConfigured("The environment needs mending. " + " ".join(mistakes))
    return read_in


def _unknown_names(environ: Mapping[str, str]) -> list[str]:
    known = {name.upper() for name in Environment.model_fields}
    mistakes = []
    for name in sorted(environ):
        base = name.removesuffix("_FILE")
        if not name.startswith(OUR_PREFIXES) or name in NOT_OURS or base in known:
            continue
        close = difflib.get_close_matches(name, known, n=1)
        mistakes.append(f"{name}: no such setting" + (f"; did you mean {close[0]}?" if close else "."))
    return mistakes


def _from_files(environ: Mapping[str, str]) -> list[tuple[str, str]]:
    found = []
    for name, value in environ.items():
        base = name.removesuffix("_FILE").lower()
        if value and name.endswith("_FILE") and base in Environment.model_fields:
            try:
                content = text_of(Path(value))
            except ValueError as error:
                raise ImproperlyConfigured(f"{name}: {error}.") from None
            if content:
                found.append((base, content))
    return found


def _parsed(given: dict[str, str], environ: Mapping[str, str]) -> dict[str, Any]:
    """JSON-valued settings come as text; the rest pydantic converts by itself."""
    parsed: dict[str, Any] = dict(given)
    if "v2_budget_defaults" in given:
        try:
            parsed["v2_budget_defaults"] = BudgetDefaults.model_validate_json(given["v2_budget_defaults"])
        except ValidationError as error:
            raise ImproperlyConfigured(
                "V2_BUDGET_DEFAULTS: " + " ".join(f"{where or 'it'}: {what}." for where, what in found_in(error))
            ) from None
    if "autonomy_language_models" in given:
        parsed["autonomy_language_models"] = language_models.read(given["autonomy_language_models"], environ)
    if "autonomy_prices" in given:
        parsed["autonomy_prices"] = language_models.read_prices(given["autonomy_prices"])
    return parsed
