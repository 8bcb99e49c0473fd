"""The environment of Autonomy: every variable it reads, with its type, default and meaning.

A value that does not fit, or a variable with one of our prefixes that nobody knows, stops the start-up with a
sentence. A secret may come from a file instead: NAME_FILE=/run/secrets/name.
"""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from config import language_models, search_settings
from config.held_secrets import secrets_in
from config.language_models import Address, LanguageModelSpec, Prices
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


class Limits(BaseModel):
    """What a run may use up: tokens, seconds of execution, US dollars."""

    model_config = ConfigDict(extra="forbid")

    tokens: int = Field(default=200_000, gt=0)
    seconds: float = Field(default=900, gt=0)
    usd: float = Field(default=5, ge=0)


class BudgetDefaults(Limits):
    """The same for every journey, but for those that have limits of their own; what these leave out is as for all."""

    journeys: dict[str, Limits] = {}

    def said_for(self, journey: str) -> dict[str, int | float]:
        """The limits that were set for this very journey."""
        own = self.journeys.get(journey)
        return own.model_dump(include=own.model_fields_set) if own else {}


class Environment(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    # --- the site ---
    enable_autonomy_v2: bool = Field(default=True, description="Serve /api/v2; when off, all of it answers 404.")
    django_secret_key: SecretStr | None = Field(
        default=None, description="Signs sessions. Made and kept in DATA_DIR when the embedded database is used."
    )
    django_debug: bool = Field(default=False, description="Django's debug pages; never on a reachable machine.")
    django_allowed_hosts: list[str] = Field(
        default=["localhost", "127.0.0.1", "[::1]"], description="Host names to answer to, separated by commas."
    )
    django_csrf_trusted_origins: list[str] = Field(
        default=[], description="Origins (https://host) whose forms are accepted, separated by commas."
    )
    django_https: bool = Field(default=False, description="Behind HTTPS: secure cookies, redirect, HSTS.")

    # --- services ---
    database_url: SecretStr | None = Field(default=None, description="postgres://…; empty: the embedded PostgreSQL.")
    redis_url: SecretStr | None = Field(default=None, description="redis://…; empty: the embedded Redis.")
    data_dir: Path = Field(default=Path(".local"), description="Where embedded services and documents live.")

    # --- limits ---
    v2_budget_defaults: BudgetDefaults = Field(
        default=BudgetDefaults(),
        description='Default limits of a run, JSON: {"tokens":200000,"seconds":900,"usd":5,"journeys":{…}}.',
    )
    autonomy_max_revisions: int = Field(default=3, ge=0, le=20, description="Hand-offs after the first, at most.")
    autonomy_preflight_overlap: float = Field(
        default=0.1, ge=0, le=1, description="Unquoted words of a draft that may stand in its sources, 0 to 1."
    )
    autonomy_upload_max_files: int = Field(default=50, ge=1, description="Source files a run may bring.")
    autonomy_upload_max_bytes: int = Field(
        default=20 * 2**20, ge=1024, le=20 * 2**20, description="Size of one source file, bytes."
    )

    autonomy_upload_max_total_bytes: int = Field(
        default=200 * 2**20, ge=1024, description="Size of all source files of a run together, bytes."
    )

    # --- the engine ---
    autonomy_lease_seconds: float = Field(default=10, gt=0.2, description="A worker's right to a job, in seconds.")
    autonomy_heartbeat_seconds: float = Field(default=2.5, gt=0.05, description="How often the lease is renewed.")
    autonomy_recovery_seconds: float = Field(default=2, gt=0.1, description="How often beat looks for lost work.")
    autonomy_slice_seconds: float = Field(default=20, ge=0, description="A run's turn on a worker, in seconds.")
    autonomy_drain_seconds: float = Field(
        default=20, ge=0, description="A worker told to stop gives back what is not finished by then."
    )
    autonomy_running_per_user: int = Field(default=16, ge=1, description="Runs of one user on workers, at most.")
    autonomy_running_at_all: int = Field(default=0, ge=0, description="Runs on workers, at most; 0: no limit.")
    autonomy_job_attempts: int = Field(default=5, ge=1, le=100, description="Attempts at one job, at most.")
    autonomy_worker_concurrency: int = Field(default=2, ge=1, description="Processes of one worker.")
    autonomy_keep_checkpoints: int = Field(default=20, ge=1, description="Checkpoints kept of a run that has ended.")
    autonomy_keep_episodes_days: int = Field(
        default=365, ge=0, description="Days that the episodes of an ended run are kept; 0 is for ever."
    )
    autonomy_retention_seconds: float = Field(default=3600, ge=1, description="How often beat has old data pruned.")
    autonomy_sse_heartbeat_seconds: float = Field(default=15, gt=0, description="Silence before a heartbeat is sent.")
    autonomy_log_format: Literal["json", "console"] = Field(default="json", description="How logs are written.")
    autonomy_log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="From where.")

    # --- telemetry ---
    autonomy_metrics_token: SecretStr | None = Field(
        default=None, description="Bearer token that reads /metrics; empty: only staff who may view runs."
    )
    otel_exporter_otlp_endpoint: str | None = Field(
        default=None, description="OTLP collector (HTTP), traces go to /v1/traces below it; empty: no traces."
    )
    otel_exporter_otlp_traces_endpoint: str | None = Field(
        default=None, description="The same for traces alone, with its whole path; it wins."
    )
    otel_exporter_otlp_headers: SecretStr | None = Field(
        default=None, description="Headers for the collector: name=value, separated by commas, values URL-quoted."
    )
    otel_service_name: str = Field(default="autonomy", description="What the traces are filed under.")

    # --- language models ---
    autonomy_language_models: list[LanguageModelSpec] = Field(
        default=[], description="Language models in order of preference, a JSON list; see docs/settings.md."
    )
    autonomy_prices: dict[str, Prices] = Field(
        default={}, description='Prices of models, JSON: {"model": {"in":2,"out":8,"cached":0.5}}, USD per million.'
    )
    openai_base_url: Address | None = Field(default=None, description="OpenAI-compatible endpoint, ending in /v1.")
    openai_api_key: SecretStr | None = Field(default=None, description="Its key; no key and no URL: offline model.")
    openai_model: str = Field(default="gpt-4o-mini", description="Model to ask for.")
    openai_price_in: float | None = Field(default=None, ge=0, le=1e6, description="USD per million input tokens.")
    openai_price_out: float | None = Field(default=None, ge=0, le=1e6, description="USD per million output tokens.")
    autonomy_provider_attempts: int = Field(default=3, ge=1, le=10, description="Attempts at one provider, at most.")
    autonomy_operation_attempts: int = Field(
        default=6, ge=1, le=30, description="Attempts at all providers together for one question, at most."
    )
    autonomy_provider_timeout: float = Field(default=60, gt=0, description="Seconds for one attempt.")
    autonomy_provider_deadline: float = Field(default=180, gt=0, description="Seconds for one question in all.")

    # --- web search ---
    autonomy_search: list[str] = Field(
        default=["crossref", "semantic_scholar", "arxiv"],
        description="Search services in the order in which they are asked, separated by commas; none: no web search.",
    )
    autonomy_search_contact: str | None = Field(default=None, description="Mail address told to Crossref and OpenAlex.")
    autonomy_search_urls: dict[str, Address] = Field(default={}, description="Other base URLs of services, JSON.")
    openalex_api_key: SecretStr | None = Field(default=None, description="Key of OpenAlex.")
    semantic_scholar_api_key: SecretStr | None = Field(default=None, description="Key of Semantic Scholar, if any.")
    tavily_api_key: SecretStr | None = Field(default=None, description="Key of Tavily.")
    brave_api_key: SecretStr | None = Field(default=None, description="Key of Brave Search.")
    serper_api_key: SecretStr | None = Field(default=None, description="Key of Serper.")
    searxng_url: Address | None = Field(default=None, description="A SearXNG host whose JSON format is enabled.")

    # --- Turnitin ---
    turnitin_target_similarity: float = Field(default=0.15, ge=0, le=1, description="Accepted up to here, 0 to 1.")

    @field_validator("django_allowed_hosts", "django_csrf_trusted_origins", "autonomy_search", mode="before")
    @classmethod
    def _split_commas(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("autonomy_search")
    @classmethod
    def _none_is_none(cls, names: list[str]) -> list[str]:
        return [] if names == ["none"] else names

    @field_validator("autonomy_search_urls", mode="before")
    @classmethod
    def _from_json(cls, value: object) -> object:
        try:
            return json.loads(value) if isinstance(value, str) else value
        except (ValueError, RecursionError):
            raise ValueError('it must be JSON, such as {"crossref": "https://proxy.example.org"}') from None

    def secrets(self) -> frozenset[str]:
        """Every value that must not be told: secret settings, wherever they stand, and the passwords in addresses."""
        return frozenset(secrets_in(dict(self)))

    @field_validator("database_url")
    @classmethod
    def _is_postgres(cls, value: SecretStr | None) -> SecretStr | None:
        if value and not value.get_secret_value().startswith(("postgres://", "postgresql://")):
            raise ValueError("it must start with postgres:// or postgresql://")
        return _whole(value)

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, value: SecretStr | None) -> SecretStr | None:
        if value and not value.get_secret_value().startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("it must start with redis://, rediss:// or unix://")
        return _whole(value)

    @field_validator("autonomy_metrics_token")
    @classmethod
    def _fits_a_header(cls, value: SecretStr | None) -> SecretStr | None:
        if value and not re.fullmatch(r"[!-~]+", value.get_secret_value()):
            raise ValueError("it must be of ASCII letters, digits and signs, without spaces")
        return value


def _whole(address: SecretStr | None) -> SecretStr | None:
    """Raises ValueError where signs in a password end it too early: a part of it would be taken for a port or a path,
    and told in an error.
    """
    try:
        parts = urlsplit(address.get_secret_value() if address else "")
        if parts.fragment or "@" in parts.path or (parts.port or 1) < 1:
            raise ValueError
    except ValueError:
        signs = "/ is %2F, # is %23, ? is %3F, @ is %40"
        raise ValueError(f"it is no address that can be read; in a password {signs}, [ is %5B") from None
    return address


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
    mistakes += search_settings.mistakes(dict(read_in))
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
