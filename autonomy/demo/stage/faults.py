"""What can go wrong at a provider. Each function makes a fault, which is played once, or as often as it is told."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Literal

from autonomy.demo.stage.completion import Completion
from autonomy.demo.stage.reply import Reply
from autonomy.demo.stage.turn import Turn

HALF_A_TICK = 0.05


@dataclass(frozen=True)
class Fault:
    name: str
    play: Callable[[Turn], None]


def right(*, model: str = "") -> Fault:
    """No fault: the right answer. `model` is the name it says has answered; `{key}` in it is the key that was sent."""

    def bend(turn: Turn) -> Callable[[Completion], Completion]:
        name = model.replace("{key}", turn.request.key)
        return lambda completion: dataclasses.replace(completion, model=name or completion.model)

    return Fault("ok", lambda turn: turn.send(turn.answer(bend(turn))))


# --- refusals: a status, in the vendor's own words ---


def status(code: int, *, says: str = "", headers: dict[str, str] | None = None) -> Fault:
    return _sends(str(code), lambda turn: _with(turn.vendor.error(code, says), headers or {}))


def too_many(
    seconds: float | None = None, *, told: Literal["seconds", "date", "ms", "body"] = "seconds", code: int = 429
) -> Fault:
    """`seconds` to wait, told in Retry-After as seconds or as a date, in retry-after-ms, or only in the body, as Gemini
    does. The date has whole seconds, and is a little later rather than earlier."""

    def reply(turn: Turn) -> Reply:
        if seconds is None:
            return turn.vendor.error(code)
        whole = datetime.now(UTC) + timedelta(seconds=seconds + 1)
        headers = {
            "seconds": {"Retry-After": f"{seconds:g}"},
            "date": {"Retry-After": format_datetime(whole.replace(microsecond=0), usegmt=True)},
            "ms": {"retry-after-ms": f"{seconds * 1000:g}"},
            "body": {},
        }[told]
        return _with(turn.vendor.error(code, delay=seconds), headers)

    return _sends(str(code), reply)


def server_error() -> Fault:
    return status(500)


def down() -> Fault:
    return status(503)


def overloaded() -> Fault:
    return status(529)


def quota(code: int | None = None) -> Fault:
    """Used up, as the vendor says it: by 429, 400 or 432; with `code`, its error of that status, as 402."""
    return _sends("quota", lambda turn: turn.vendor.error(code) if code else turn.vendor.quota())


def bad_key() -> Fault:
    """Refused, as the vendor says it: by 401, 400, 403 or 422."""
    return _sends("key", lambda turn: turn.vendor.bad_key(turn.request.key))


def overflow() -> Fault:
    return _sends("overflow", lambda turn: turn.vendor.overflow())


def echo(code: int = 500, planted: str = "") -> Fault:
    """The key that was sent and `planted`, wherever a provider can put them: message, headers, phrase of the status.

    With 200 they stand in the name of the model and in a text that is no JSON.
    """

    def reply(turn: Turn) -> Reply:
        told = f"{turn.request.key} {planted}".strip()
        if code == 200:
            sent = turn.answer(lambda right: dataclasses.replace(right.saying(f"You sent {told}."), model=told))
        else:
            sent = turn.vendor.error(code, f"You sent {told}.")
        headers = {"x-request-id": told, "www-authenticate": f'Bearer error="{told}"', "x-echo": told}
        return dataclasses.replace(_with(sent, headers), reason=f"You sent {told}")

    return _sends("echo", reply)


# --- the connection ---


def timeout(seconds: float | None = None) -> Fault:
    """Nothing until the stage closes; or the right answer after that many seconds."""

    def play(turn: Turn) -> None:
        if not turn.wire.hold(seconds):
            turn.send(turn.answer())

    return Fault("timeout", play)


def drip(part: Literal["headers", "body"] = "body") -> Fault:
    """Something now and then, so that no single read times out, and never an end."""

    def play(turn: Turn) -> None:
        turn.wire.write(b"HTTP/1.1 200 OK\r\n")
        if part == "body":
            turn.wire.write(b"Content-Type: application/json\r\nContent-Length: 99999\r\n\r\n")
        while not turn.wire.hold(HALF_A_TICK):
            turn.wire.write(b" " if part == "body" else b"X-Drop: 1\r\n")

    return Fault("drip", play)


def reset() -> Fault:
    return Fault("reset", lambda turn: turn.wire.reset())


def truncated() -> Fault:
    """The right answer, of which half is sent: Content-Length says more."""

    def play(turn: Turn) -> None:
        reply = turn.answer()
        turn.wire.send(dataclasses.replace(reply, body=reply.body[: len(reply.body) // 2]), length=len(reply.body))

    return Fault("truncated", play)


# --- answers with status 200 that are not right ---


def garbage() -> Fault:
    """An envelope that is no JSON, as from a proxy in between."""
    page = "<html><body><h1>Bad gateway</h1></body></html>"
    return _sends("garbage", lambda turn: Reply(200, page.encode(), {"Content-Type": "application/json"}))


def prose() -> Fault:
    """A text that is no JSON."""
    return _bends("prose", lambda right: right.saying("Certainly! Here is what you asked for: a fine piece of text."))


def misfit() -> Fault:
    """JSON of another form than was asked for."""
    return _bends("misfit", lambda right: right.saying(json.dumps({"sample": True})))


def cut() -> Fault:
    """The maximum of tokens was reached in the middle of the text."""

    def bend(right: Completion) -> Completion:
        half = right.saying(right.text[: len(right.text) // 2])
        return dataclasses.replace(half, cut=True, usage=(half.usage[0] if half.usage else 0, half.most))

    return _bends("cut", bend)


def no_usage() -> Fault:
    return _bends("no-usage", lambda right: dataclasses.replace(right, usage=None))


def false_usage(tokens_in: int = -1, tokens_out: int = 10**12) -> Fault:
    return _bends("false-usage", lambda right: dataclasses.replace(right, usage=(tokens_in, tokens_out)))


def _sends(name: str, reply: Callable[[Turn], Reply]) -> Fault:
    return Fault(name, lambda turn: turn.send(reply(turn)))


def _bends(name: str, bend: Callable[[Completion], Completion]) -> Fault:
    return Fault(name, lambda turn: turn.send(turn.answer(bend)))


def _with(reply: Reply, headers: dict[str, str]) -> Reply:
    return dataclasses.replace(reply, headers=reply.headers | headers)
