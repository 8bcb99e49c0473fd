"""The environment of Autonomy: every variable it reads, with its type, default and meaning.

It is read by config/environ.py.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from config import turnitin_settings
from config.held_secrets import secrets_in
from config.language_models import Address, LanguageModelSpec, Prices


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
    turnitin_delivery_secret: SecretStr | None = Field(
        default=None,
        min_length=32,
        description="Signs deliveries of reports without an account; empty: none are taken.",
    )
    turnitin_mode: Literal["manual", "core_api"] = Field(
        default="manual", description="Who hands documents in: people, or Autonomy through Turnitin's Core API."
    )
    turnitin_base_url: Address | None = Field(default=None, description="https://{tenant}.turnitin.com/api/v1")
    turnitin_api_key: SecretStr | None = Field(default=None, description="Key of the Core API.")
    turnitin_integration_name: str = Field(
        default="Autonomy",
        min_length=1,
        max_length=100,
        pattern=r"^[ -~]+$",
        description="What the integration is called at Turnitin.",
    )
    turnitin_webhook_url: Address | None = Field(
        default=None,
        description="Where Turnitin reaches this site: https://…/api/v2/turnitin/webhook; empty: polls only.",
    )
    turnitin_webhook_secret: SecretStr | None = Field(
        default=None, description="Signs its webhooks: base64 of 32 random bytes."
    )
    turnitin_poll_seconds: float = Field(default=600, ge=1, description="How often Turnitin is asked for what is due.")
    turnitin_overdue_seconds: float = Field(
        default=7200, ge=1, description="The operator is told of a report that takes longer."
    )
    turnitin_repositories: list[str] = Field(
        default=list(turnitin_settings.REPOSITORIES),
        description="What documents are compared with, separated by commas.",
    )
    turnitin_exclude: list[str] = Field(
        default=["bibliography"], description="What does not count: quotes, bibliography, citations; none: all counts."
    )

    @field_validator(
        "django_allowed_hosts",
        "django_csrf_trusted_origins",
        "autonomy_search",
        "turnitin_repositories",
        "turnitin_exclude",
        mode="before",
    )
    @classmethod
    def _split_commas(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("autonomy_search", "turnitin_exclude")
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
