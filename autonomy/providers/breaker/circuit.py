"""The circuit of one provider, by itself: the time is given, and nothing is kept here.

It is closed while the provider answers. It opens when half of its answers, of five at least, were bad, and then nobody
may ask until a time. After that it is half open: a single call, the probe, may go. A good answer closes the circuit, a
bad one opens it for twice as long.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter

WINDOW = 60.0  # seconds for which an answer counts, at most
BUCKET = WINDOW / 2
LEAST_ANSWERS = 5
BAD_SHARE = 0.5
FIRST_WAIT = 15.0
LONGEST_WAIT = 300.0
LONGEST_COOLING = 86_400.0

Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class State(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True)
class Verdict:
    """Whether a call may go. A refused one may ask again at `until` (unix seconds), at the latest."""

    may_go: bool
    is_probe: bool = False
    until: float = 0.0
    reason: str = ""


@dataclass(frozen=True)
class Circuit:
    """Times are unix seconds, and 0 for none. As new it is closed.

    Answers are counted in buckets of half a window, the present one and the one before: an answer counts for 30 to 60
    seconds. Only a closed circuit counts. An open one takes no notice of answers to calls that went before it opened; a
    half-open one takes any answer that comes while its probe is out for the probe's.
    """

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)

    good_answers: Count = 0
    bad_answers: Count = 0
    good_before: Count = 0
    bad_before: Count = 0
    bucket: Count = 0
    wait: Seconds = 0.0  # for how long it was opened last, if it was
    until: Seconds = 0.0  # nobody may go before
    probe_until: Seconds = 0.0  # the probe's place is free again then: its process may have died
    reason: str = ""

    def state(self, now: float) -> State:
        if not self.until:
            return State.CLOSED
        return State.OPEN if now < self.until else State.HALF_OPEN

    def asked(self, now: float, probe_seconds: float) -> tuple[Circuit, Verdict]:
        """May a call go? `probe_seconds`: how long it can take, should it be the probe."""
        state = self.state(now)
        if state is State.CLOSED:
            return self, Verdict(True)
        closed_until = self.until if state is State.OPEN else self.probe_until
        if now < closed_until:
            return self, Verdict(False, until=closed_until, reason=self.reason)
        probing = replace(self, probe_until=now + min(probe_seconds, LONGEST_COOLING))
        return probing, Verdict(True, is_probe=True, reason=self.reason)

    def good(self, now: float) -> Circuit:
        if self._probing(now):
            return Circuit()
        if self.state(now) is not State.CLOSED:
            return self
        counting = self._in_bucket_of(now)
        return replace(counting, good_answers=counting.good_answers + 1)

    def bad(self, now: float) -> Circuit:
        if self._probing(now):
            wait = min(max(2 * self.wait, FIRST_WAIT), LONGEST_WAIT)
            return Circuit(wait=wait, until=now + wait, reason="the call that tried it failed")
        if self.state(now) is not State.CLOSED:
            return self
        counting = self._in_bucket_of(now)
        counting = replace(counting, bad_answers=counting.bad_answers + 1)
        bad = counting.bad_answers + counting.bad_before
        answers = bad + counting.good_answers + counting.good_before
        if answers < LEAST_ANSWERS or bad / answers < BAD_SHARE:
            return counting
        return Circuit(wait=FIRST_WAIT, until=now + FIRST_WAIT, reason=f"{bad} of the last {answers} answers failed")

    def cooled(self, now: float, seconds: float, reason: str) -> Circuit:
        """Closed to everybody for these seconds, a day at most, unless it already is for longer; then one probe."""
        until = now + min(max(0.0, seconds), LONGEST_COOLING)
        if until <= max(now, self.until):
            return self
        return Circuit(wait=self.wait, until=until, reason=reason)

    def unused(self, now: float) -> Circuit:
        """The probe was not sent after all: the next who asks may be it."""
        return replace(self, probe_until=0.0) if self._probing(now) else self

    def settled(self, now: float) -> float:
        """Seconds until time alone changes nothing more."""
        return max(self.until - now, self.probe_until - now, WINDOW)

    def _probing(self, now: float) -> bool:
        return self.state(now) is State.HALF_OPEN and self.probe_until > 0

    def _in_bucket_of(self, now: float) -> Circuit:
        bucket = int(now // BUCKET)
        if bucket in (self.bucket, self.bucket - 1):  # the clock of another machine may be a little ahead
            return self
        if bucket == self.bucket + 1:
            return Circuit(good_before=self.good_answers, bad_before=self.bad_answers, bucket=bucket)
        return Circuit(bucket=bucket)


_FORM = TypeAdapter(Circuit)


def to_json(circuit: Circuit) -> bytes:
    return _FORM.dump_json(circuit)


def from_json(text: bytes | str, now: float) -> Circuit:
    """Raises ValueError, also where a time lies further ahead than any of ours can."""
    circuit = _FORM.validate_json(text)
    if circuit.settled(now) > LONGEST_COOLING + WINDOW:
        raise ValueError("the times are not ours")
    return circuit
