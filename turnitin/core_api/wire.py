"""One request to the Core API, and what the status of its answer means."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn, TypeVar

from autonomy.providers import exchange, refusal
from autonomy.providers.attempt import AttemptFailed, Fault
from autonomy.providers.exchange import BODY_LIMIT, Reply
from turnitin.core_api.answers import WrongForm

T = TypeVar("T")

# What the Core API means by a status, in our own words. Others mean what they mean with any provider.
REFUSALS = {
    400: "Turnitin takes the request for wrong",
    404: "Turnitin knows of no such thing; it was deleted there, or TURNITIN_BASE_URL is wrong",
    409: "it does not fit what Turnitin has already",
    411: "Turnitin takes the request for wrong",
    413: "the document is larger than Turnitin takes",
    415: "Turnitin does not take this kind of document",
    422: "Turnitin takes the request for wrong",
    451: "the licence is not accepted",
}


class LicenceNotAccepted(AttemptFailed):
    """The owner has not accepted the newest version of the licence."""

    def __init__(self) -> None:
        reason = "HTTP 451: Turnitin's licence is not accepted for this author yet"
        super().__init__(reason, Fault.REFUSED, http_status=451)


@dataclass(frozen=True)
class Wire:
    base_url: str
    key: str = field(repr=False)
    integration_name: str
    integration_version: str

    def send(
        self,
        method: Literal["GET", "POST", "PUT", "DELETE"],
        path: str,
        *,
        timeout: float,
        json: object = None,
        content: bytes | None = None,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        limit: int = BODY_LIMIT,
        fine: frozenset[int] = frozenset(),
    ) -> Reply:
        """One attempt. The answer has a status of success, or one of `fine`. Raises AttemptFailed."""
        own = {
            "Authorization": f"Bearer {self.key}",
            "X-Turnitin-Integration-Name": self.integration_name,
            "X-Turnitin-Integration-Version": self.integration_version,
        }
        reply = exchange.send(
            method,
            self.base_url + path,
            headers={**(headers or {}), **own},
            timeout=timeout,
            json=json,
            content=content,
            params=params,
            limit=limit,
        )
        if 200 <= reply.status < 300 or reply.status in fine:
            return reply
        raise failure(reply)


def read(reply: Reply, reader: Callable[[Any], T]) -> T:
    """What `reader` makes of the answer's JSON. Raises AttemptFailed."""
    try:
        if not reply.whole:
            raise WrongForm("it is too large")
        return reader(json.loads(reply.body, parse_constant=_refuse))
    except WrongForm as error:
        raise malformed(str(error), reply) from None
    except (ValueError, RecursionError):
        raise malformed("it is no JSON", reply) from None


def malformed(what: str, reply: Reply) -> AttemptFailed:
    return AttemptFailed(f"Turnitin's answer cannot be used: {what}", Fault.MALFORMED, http_status=reply.status)


def failure(reply: Reply) -> AttemptFailed:
    """The failure that a status means. The body has no part in it: its text may echo the key."""
    if reply.status == 451:
        return LicenceNotAccepted()
    if meaning := REFUSALS.get(reply.status):
        return AttemptFailed(f"HTTP {reply.status}: {meaning}", Fault.REFUSED, http_status=reply.status)
    return refusal.of(Reply(reply.status, reply.headers, b"", whole=True))


def _refuse(constant: str) -> NoReturn:
    raise WrongForm(f"{constant} is no number of JSON")
