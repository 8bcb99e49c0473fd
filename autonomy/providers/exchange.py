"""One HTTP exchange with a provider, bounded as a whole: in the time it takes and in what is read."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import httpx

from autonomy.providers.attempt import NOTHING, AttemptFailed, Fault, TimedOut

BODY_LIMIT = 8 * 2**20  # bytes that are read, unless the caller says otherwise
CONNECT_SECONDS = 10.0


@dataclass(frozen=True)
class Reply:
    """What came back. `whole` is False where the body was longer than the limit and was cut there."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    whole: bool


def send(
    method: Literal["GET", "POST", "PUT", "DELETE"],
    url: str,
    *,
    headers: Mapping[str, str],
    timeout: float,
    json: object = None,
    content: bytes | None = None,
    params: Mapping[str, str | int] | None = None,
    limit: int | None = None,
) -> Reply:
    """Raises AttemptFailed, also when the last byte has not arrived `timeout` seconds after the start.

    The body is `json` or `content`. Of the answer's no more than `limit` bytes are read, BODY_LIMIT if nothing is said.

    An event loop is used for its clock only: httpx's own timeouts count from read to read, and a server that sends
    a header line now and then would never meet them.
    """
    try:
        return asyncio.run(
            _send(
                timeout,
                limit or BODY_LIMIT,
                method=method,
                url=url,
                headers=headers,
                json=json,
                content=content,
                params=params,
            )
        )
    except httpx.ConnectTimeout as error:
        # Nothing was sent, and so nothing is paid.
        raise TimedOut(f"no connection ({type(error).__name__})", usage=NOTHING) from None
    except httpx.ConnectError as error:
        raise AttemptFailed(f"no connection ({type(error).__name__})", Fault.TRANSIENT) from None
    except (TimeoutError, httpx.TimeoutException):
        raise TimedOut from None
    except (httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.InvalidURL, UnicodeError):
        raise AttemptFailed("no request can be made of the address or the key", Fault.REFUSED) from None
    except httpx.RequestError as error:
        raise AttemptFailed(f"the connection broke ({type(error).__name__})", Fault.TRANSIENT, usage=None) from None


@cache
def _trusted() -> ssl.SSLContext:
    """Whose certificates are trusted: read once a process, for that takes 30 ms."""
    return httpx.create_ssl_context()


async def _send(timeout: float, limit: int, **request: Any) -> Reply:
    async with (
        asyncio.timeout(timeout),
        # The clock around it is the time-out; it may not be told from a connection that never came.
        httpx.AsyncClient(
            verify=_trusted(), timeout=httpx.Timeout(None, connect=min(CONNECT_SECONDS, timeout * 0.8))
        ) as client,
        client.stream(**request) as response,
    ):
        read = bytearray()
        async for chunk in response.aiter_bytes():
            read += chunk
            if len(read) > limit:
                break
        return Reply(response.status_code, response.headers, bytes(read[:limit]), len(read) <= limit)
