"""The language models of the settings: AUTONOMY_LANGUAGE_MODELS, an ordered list, and AUTONOMY_PRICES.

Whatever does not fit stops the start-up with a sentence that names the item and the field, and never repeats a value.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StrictBool,
    StrictInt,
    ValidationError,
    model_validator,
)

from config.mistakes import sentences, shown, text_of

LIST = "AUTONOMY_LANGUAGE_MODELS"
PRICES = "AUTONOMY_PRICES"
BASE_URLS = {
    "openai": "https://api.openai.com/v1",
    "anthropic": "https://api.anthropic.com",
    "gemini": "https://generativelanguage.googleapis.com",
}

Usd = Annotated[Decimal, Field(ge=0, le=1_000_000)]


def http_address(value: str) -> str:
    """Raises ValueError unless it is an http(s) address that holds nothing secret."""
    try:
        parts = urlsplit(value)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        whole = False
    if not whole:
        raise ValueError("it must be an address that starts with http:// or https://")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("it must hold no user, password, question mark or hash")
    return value.rstrip("/")


Address = Annotated[str, AfterValidator(http_address)]


class Prices(BaseModel):
    """USD per million tokens. `cached` is for input that the provider had in its cache; None: the full price."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    usd_in: Usd = Field(alias="in")
    usd_out: Usd = Field(alias="out")
    usd_cached: Usd | None = Field(default=None, alias="cached")

    @model_validator(mode="after")
    def _cached_is_cheaper(self) -> Self:
        if self.usd_cached is not None and self.usd_cached > self.usd_in:
            raise ValueError("cached must not be more than in")
        return self


class LanguageModelSpec(BaseModel):
    """One item of the list. `key` is what was found under `key_env` or `key_file`; it cannot be given."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["openai", "anthropic", "gemini", "offline"]
    name: str = Field(default="", pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")
    base_url: Address | None = None
    model: str = ""
    key_env: str | None = Field(default=None, min_length=1)
    key_file: Path | None = None
    window: StrictInt | None = Field(default=None, gt=0)
    price_in: Usd | None = None
    price_out: Usd | None = None
    price_cached: Usd | None = None
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    thinking: StrictInt = Field(default=0, ge=0, le=1_000_000)  # tokens for thoughts, besides the answer's
    json_mode: StrictBool = True
    key: SecretStr | None = None

    @model_validator(mode="before")
    @classmethod
    def _named_after_its_kind(cls, given: Any) -> Any:
        return {"name": given.get("kind"), **given} if isinstance(given, dict) else given

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        # A document says by this name who wrote it: it must neither hide the offline model nor look like it.
        if self.kind == "offline":
            if given := sorted(self.model_fields_set - {"kind", "name"}):
                raise ValueError(f"the offline model has no {' or '.join(given)}")
            if self.name != "offline":
                raise ValueError("name: the offline model's is offline")
            return self
        if self.name.startswith("offline"):
            raise ValueError("name: only the offline model's begins with offline")
        if not self.model:
            raise ValueError("model: it is needed")
        if self.key_env and self.key_file:
            raise ValueError("key_env and key_file: give one of them")
        if self.kind != "openai" and not (self.base_url or self.key_env or self.key_file or self.key):
            raise ValueError("key_env or key_file: one is needed, unless base_url names a server that wants no key")
        if self.kind != "openai" and self.max_tokens_field:
            raise ValueError("max_tokens_field: it is for the kind openai only")
        if (self.price_in is None) != (self.price_out is None):
            raise ValueError("price_in and price_out: give both or neither")
        if self.price_cached is not None and (self.price_in is None or self.price_cached > self.price_in):
            raise ValueError("price_cached: it needs a price_in that is not less")
        return self

    @property
    def address(self) -> str:
        """The vendor's own address unless another is given; without a slash at its end."""
        return self.base_url or BASE_URLS[self.kind]


def read(text: str, environ: Mapping[str, str]) -> list[LanguageModelSpec]:
    """The specs of the list, with their keys. Raises ImproperlyConfigured with a sentence for each mistake."""
    items = _json(LIST, text)
    if not isinstance(items, list) or not items:
        raise ImproperlyConfigured(f"{LIST}: it must be a JSON list with at least one language model.")
    specs: list[LanguageModelSpec] = []
    mistakes: list[str] = []
    for number, item in enumerate(items, start=1):
        label = f"{LIST}, item {number}"  # not its name: a key may have been put there by mistake
        if isinstance(item, dict) and "key" in item:
            mistakes.append(f"{label}: key: a key does not belong here; say where it is with key_env or key_file.")
            continue
        try:
            spec = LanguageModelSpec.model_validate(item)
            if key := _key(spec, environ):
                spec = spec.model_copy(update={"key": key})
        except ValidationError as error:
            mistakes += [f"{label}: {sentence}" for sentence in sentences(error)]
        except ValueError as error:
            mistakes.append(f"{label}: {error}.")
        else:
            if any(spec.name == other.name for other in specs):
                mistakes.append(f"{label}: name: it is taken; each item needs a name of its own.")
            specs.append(spec)
    if mistakes:
        raise ImproperlyConfigured(" ".join(mistakes))
    return specs


def read_prices(text: str) -> dict[str, Prices]:
    """AUTONOMY_PRICES: prices by the model's name. Raises ImproperlyConfigured with a sentence for each mistake."""
    items = _json(PRICES, text)
    if not isinstance(items, dict):
        raise ImproperlyConfigured(f"{PRICES}: it must be a JSON object of models.")
    found: dict[str, Prices] = {}
    mistakes: list[str] = []
    for number, (model, item) in enumerate(items.items(), start=1):
        try:
            found[model] = Prices.model_validate(item)
        except ValidationError as error:
            label = model if shown(model) == model else f"item {number}"
            mistakes += [f"{PRICES}: {label}: {sentence}" for sentence in sentences(error)]
    if mistakes:
        raise ImproperlyConfigured(" ".join(mistakes))
    return found


def _json(name: str, text: str) -> Any:
    try:
        return json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError):
        raise ImproperlyConfigured(f"{name}: it is not JSON.") from None


def _key(spec: LanguageModelSpec, environ: Mapping[str, str]) -> SecretStr | None:
    """Raises ValueError with a sentence that does not hold the key."""
    if spec.key_env:
        where, key = "key_env", environ.get(spec.key_env, "").strip()
        if not key:
            raise ValueError("key_env: no such environment variable is set, or it is empty")
    elif spec.key_file:
        where = "key_file"
        try:
            key = text_of(spec.key_file)
        except ValueError as error:
            raise ValueError(f"key_file: {error}") from None
        if not key:
            raise ValueError("key_file: the file is empty")
    else:
        return None
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ValueError(f"{where}: what is there cannot be a key; it must be one line of ASCII without spaces")
    return SecretStr(key)
