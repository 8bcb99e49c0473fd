"""One question, put to providers in turn. Here attempts are counted and repeated, and nowhere else."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime
from typing import TypeVar
from uuid import uuid4

from django.conf import settings

from autonomy.errors import ProviderRefused, ProviderUnavailable
from autonomy.models import ProviderCall
from autonomy.providers import ledger, off, paid, retry
from autonomy.providers.attempt import AttemptFailed, Fault, Usage
from autonomy.providers.breaker import breaker
from autonomy.providers.caller import Caller
from autonomy.providers.provider import key_of
from autonomy.telemetry import metrics

T = TypeVar("T")

QUOTA_REST = 3600.0  # seconds that a provider is left alone whose quota is used up
QUOTA_REASON = "its quota is used up"
SLACK = 30.0  # seconds beyond its time-out after which an attempt has certainly ended
SHORTEST_REST = 0.5


class Passed(Exception):
    """This provider does not help now; another one may.

    `retry_after`: in so many seconds it can be asked again, where that is known. `resting`: it was not asked at all,
    because it is known to be down.
    """

    def __init__(
        self, reason: str, fault: Fault = Fault.TRANSIENT, *, retry_after: float | None = None, resting: bool = False
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.fault = fault
        self.retry_after = retry_after
        self.resting = resting


class Operation:
    """Bounded in attempts, at each provider and over all, and in time. Whoever is passed over is told of."""

    def __init__(
        self, caller: Caller, kind: ProviderCall.Kind, *, providers: int = 1, one_is_enough: bool = True
    ) -> None:
        """`providers`: how many may be asked in turn; those before leave an attempt for each that follows.

        Where one answer is not enough, there are at least as many attempts as providers.
        """
        self.id = uuid4()
        self._providers = providers
        self._bound = max(settings.ENV.autonomy_operation_attempts, 0 if one_is_enough else providers)
        self._caller = caller
        self._kind = kind
        self._attempts: Counter[str] = Counter()
        self._passed: dict[str, Passed] = {}
        # What would end behind the run's own limit on time is not waited for either.
        self._deadline = time.monotonic() + min(settings.ENV.autonomy_provider_deadline, caller.seconds_left)

    def put_to(self, provider: str, attempt: paid.Attempt[T], *, at_most: Usage, model: str = "") -> T:
        """The provider's answer, after as many attempts as are left to it; `at_most` is the worst case of one.

        Raises Passed when another provider should be asked, ProviderRefused when none should, AttemptFailed where the
        answer is malformed, and BudgetExceeded, with nothing sent, when the attempt could cross a limit of the run.
        """
        try:
            answer = retry.call(
                lambda: self._one(provider, attempt, at_most, model),
                attempts=self._attempts_left(provider),
                deadline=self._deadline,
                before_retry=lambda error, wait: self._before_retry(provider, error, wait),
            )
        except Passed as passed:
            self._passed[provider] = passed
            raise
        except AttemptFailed as error:
            if error.fault is Fault.REFUSED:
                raise _refused(provider, error) from error
            self._passed[provider] = self._pass_over(provider, error)
            if error.fault is Fault.MALFORMED:
                raise
            raise self._passed[provider] from error
        self._passed.pop(provider, None)
        return answer

    def pass_over(self, provider: str, reason: str, fault: Fault) -> Passed:
        """The provider is not asked at all, for a reason the caller knows."""
        self._passed[provider] = passed = Passed(reason, fault)
        return passed

    def falls_back(self, provider: str, follower: str | None, reason: str) -> None:
        """Tell that the next provider has its turn, and why; without a follower, that others' answers are enough."""
        metrics.provider_fallback(self._kind, provider, follower or "")
        told = {"event": "fallback", "provider": provider, "next": follower, "reason": reason, "for": str(self._kind)}
        then = f"{follower} is asked next" if follower else "what others found is used"
        self._caller.episodes.now("fallback", f"{provider} is passed over ({reason}); {then}.", **told)

    def tell_retry(self, provider: str, reason: str, wait: float) -> None:
        """Tell that the provider is asked once more, and why the attempt before was of no use."""
        metrics.provider_retry(self._kind, provider)
        again = f"in {wait:.1f} s" if wait >= 0.05 else "at once"
        self._caller.episodes.now(
            "retry",
            f"{provider} did not help ({reason}); it is asked again {again}.",
            event="retry",
            provider=provider,
            attempt=self._attempts.total(),
            reason=reason,
            wait_seconds=round(wait, 3),
        )

    def waits_for(self, resting: dict[str, float]) -> bool:
        """Wait for the first of those that rest (`{provider: seconds}`), if that is within the deadline."""
        if not resting:
            return False
        provider, seconds = min(resting.items(), key=lambda one: one[1])
        seconds = max(seconds, SHORTEST_REST)
        if time.monotonic() + seconds >= self._deadline:
            return False
        self.tell_retry(provider, self._passed[provider].reason, seconds)
        self._caller.wait(seconds)
        return True

    @property
    def faults(self) -> set[Fault]:
        """Of those who were passed over."""
        return {passed.fault for passed in self._passed.values()}

    @property
    def reasons(self) -> dict[str, str]:
        """Why who was passed over, `{provider: reason}`."""
        return {provider: passed.reason for provider, passed in self._passed.items()}

    def in_words(self, what: str) -> str:
        """`what` came of it, and why."""
        return f"{what} ({'; '.join(f'{provider}: {reason}' for provider, reason in self.reasons.items())})."

    def unavailable(self, what: str) -> ProviderUnavailable:
        """The error of a question that nobody who is left can answer: `what` came of it."""
        waits = [passed.retry_after for passed in self._passed.values() if passed.retry_after is not None]
        text = self.in_words(what)
        if not waits:  # else the run goes on by itself
            text += " See the keys in the settings." if self.faults == {Fault.KEY} else " Try the run again later."
        return ProviderUnavailable(text, reasons=self.reasons, retry_after=min(waits, default=None))

    def _attempts_left(self, provider: str) -> int:
        here = settings.ENV.autonomy_provider_attempts - self._attempts[provider]
        left = self._bound - self._attempts.total()
        if min(here, left) <= 0:
            raise Passed("no attempt is left for it")
        to_follow = self._providers - len({*self._attempts, *self._passed, provider})
        return int(min(here, max(1, left - to_follow)))

    def _one(self, provider: str, attempt: paid.Attempt[T], at_most: Usage, model: str) -> T:
        self._caller.proceed()
        self._caller.refuse_without_time()
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise Passed(paid.NO_TIME)
        entry = ledger.Entry(
            run_id=self._caller.run_id,
            operation_id=self.id,
            kind=self._kind,
            node=self._caller.node,
            provider=provider,
            model=model,
            attempt=self._attempts.total() + 1,
            at_most=at_most,
        )
        self._ask_leave(entry.key, min(settings.ENV.autonomy_provider_timeout, left))
        try:
            self._tell_of_silent_redis()
            call = paid.reserve(self._caller, entry, self._deadline)
        except BaseException:
            breaker().unused(entry.key)
            raise
        self._attempts[provider] += 1
        return paid.make(self._caller, entry, call, attempt, self._deadline)

    def _ask_leave(self, key: str, timeout: float) -> None:
        """Raises Passed for a provider that is known to be down, by this process or by all."""
        if reason := off.is_off(key):
            raise Passed(reason, Fault.KEY, resting=True)
        verdict = breaker().ask(key, probe_seconds=timeout + SLACK)
        if verdict.may_go:
            return
        self._tell_of_silent_redis()
        moment = datetime.fromtimestamp(verdict.until, UTC).strftime("%H:%M:%S")
        # A quota may come back after the rest, but nothing says so: that is for people to know.
        again = None if verdict.reason == QUOTA_REASON else max(0.0, verdict.until - time.time())
        raise Passed(f"it rests until {moment} UTC: {verdict.reason}", retry_after=again, resting=True)

    def _tell_of_silent_redis(self) -> None:
        if breaker().newly_local():
            message = "Redis does not answer: which providers fail, this worker learns only by itself meanwhile."
            self._caller.episodes.now("breaker_local", message)

    def _before_retry(self, provider: str, error: AttemptFailed, wait: float) -> None:
        self.tell_retry(provider, error.reason, wait)
        self._caller.wait(wait)

    def _pass_over(self, provider: str, error: AttemptFailed) -> Passed:
        key, retry_after = key_of(self._kind, provider), None
        if error.fault is Fault.KEY:
            off.switch_off(key, error.reason)
            message = f"{provider} does not let us in ({error.reason}): this worker leaves it out for a while."
            self._caller.episodes.now("provider_off", message, provider=provider, reason=error.reason)
        elif error.fault is Fault.QUOTA:
            breaker().cool(key, QUOTA_REST, QUOTA_REASON)
        elif error.retry_after is not None and retry.is_too_long(error.retry_after, self._deadline):
            # Nobody else needs to ask before that either.
            retry_after = error.retry_after
            breaker().cool(key, retry_after, "it asked to be left alone")
        return Passed(error.reason, error.fault, retry_after=retry_after)


def _refused(provider: str, error: AttemptFailed) -> ProviderRefused:
    return ProviderRefused(
        f"{provider} refused the request: {error.reason}. See its settings.",
        provider=provider,
        reason=error.reason,
        http_status=error.http_status,
    )
