"""Secrets, taken out of whatever is told: by the name of the key they stand under, and by their own value."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

REDACTED = "[redacted]"
# A shorter one would be found in ordinary words, and take them away with it.
SHORTEST = 6
# An ordinary word or number as a password: every other text may hold it, and none because it was told.
ORDINARY = re.compile(r"[^\W\d_]{1,15}|\d{1,15}")
# Of base64 so many characters are left of a short secret that they can only be its own.
SHORTEST_BASE64 = 8
DEEPEST = 32
ANY = "surrogatepass"  # bytes of the environment that are not UTF-8 come as lone surrogates

# What a name says at its end: `x-api-key`, `lease_token`, `clientSecret`; but not `tokens_in` and not `key_env`.
_SECRET_NAME = re.compile(
    r"(?:passwords?|(?:^|_)(?:authorization|(?:api|access|private|secret)_?keys?|token|passwd|passphrase|secrets?"
    r"|cookies?|signature|credentials?))$"
)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NOT_A_LETTER = re.compile(r"[^a-z0-9]+")

_values: re.Pattern[str] | None = None
_values_in_content: re.Pattern[str] | None = None


def configure(secrets: Iterable[str]) -> None:
    """The values to take out from now on, in this process. Those under six characters are left alone."""
    global _values, _values_in_content
    long_enough = {secret for secret in secrets if len(secret) >= SHORTEST}
    _values = _any_of(long_enough)
    _values_in_content = _any_of(secret for secret in long_enough if not ORDINARY.fullmatch(secret))


def _any_of(secrets: Iterable[str]) -> re.Pattern[str] | None:
    told = {form for secret in secrets for form in _forms(secret)}
    # The longest first: a secret may begin with another one.
    longest_first = sorted(told, key=lambda form: (-len(form), form))
    return re.compile("|".join(map(re.escape, longest_first))) if told else None


def redact(text: str) -> str:
    """The text without any configured secret, in whichever of the usual encodings it stands there."""
    return _values.sub(REDACTED, text) if _values else text


def redact_content(text: str) -> str:
    """As `redact`, for what a provider wrote and a run works with: a password that is an ordinary word or number stays,
    for such a text is full of them.
    """
    return _values_in_content.sub(REDACTED, text) if _values_in_content else text


def says_secret(name: str) -> bool:
    """Whether what stands under a key of this name is a secret, whatever its value."""
    plain = _NOT_A_LETTER.sub("_", _HUMP.sub("_", name[:200]).lower()).strip("_")
    return bool(_SECRET_NAME.search(plain))


def redacted(value: Any) -> Any:
    """A copy without secrets, at any depth and in keys as well; what is neither text, number nor container is told
    as its `repr`. Raises nothing: a structure that holds itself is cut there."""
    return _copy(value, ())


def _copy(value: Any, above: tuple[int, ...]) -> Any:
    if isinstance(value, str):
        return redact(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if id(value) in above or len(above) >= DEEPEST:
        return "…"
    above = (*above, id(value))
    try:
        if isinstance(value, Mapping):
            return {_key(key): _under(key, item, above) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [_copy(item, above) for item in value]
        return redact(value.decode("utf-8", "replace") if isinstance(value, bytes) else repr(value))
    except Exception:  # noqa: BLE001 - an object that cannot be shown must not cost the line it stands in
        return f"<{type(value).__name__}>"


def _key(key: Any) -> str:
    return redact(key if isinstance(key, str) else repr(key))


def _under(key: Any, value: Any, above: tuple[int, ...]) -> Any:
    # Whether there is one may be told, and nothing is hidden by hiding nothing.
    if isinstance(key, str) and says_secret(key) and not isinstance(value, bool) and value not in (None, ""):
        return REDACTED
    return _copy(value, above)


def _forms(secret: str) -> Iterator[str]:
    """The secret as it may stand in a text: plain, in a URL, in JSON, in Python's repr, in HTML, in base64."""
    in_a_url = (quote(secret, errors=ANY), quote(secret, safe="", errors=ANY), quote_plus(secret, errors=ANY))
    yield from (secret, *in_a_url, html.escape(secret))
    for escaped in (json.dumps(secret), json.dumps(secret, ensure_ascii=False), repr(secret)):
        yield escaped[1:-1]
    yield json.dumps(secret)[1:-1].replace("/", "\\/")
    raw = secret.encode(errors=ANY)
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        # It may follow other bytes, as in `user:secret`: of each of the three places it can have in a group the
        # characters that are all its own.
        for before, first in ((0, 0), (1, 2), (2, 3)):
            whole = (len(raw) + before) * 8 // 6
            if whole - first >= SHORTEST_BASE64:
                yield encode(b"\0" * before + raw).decode()[first:whole]
