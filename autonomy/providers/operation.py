"""One question, put to providers in turn. Here attempts are counted and repeated, and nowhere else."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime
from typing import TypeVar
from uuid import uuid4

from django.conf import settings

from autonomy.errors import ContextOverflow, ProviderError, ProviderRefused, ProviderUnavailable, UnusableAnswer
from autonomy.models import ProviderCall
from autonomy.providers import ledger, off, paid, retry
from autonomy.providers.attempt import AttemptFailed, Fault, Usage
from autonomy.providers.breaker import breaker
from autonomy.providers.caller import Caller
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

    def __init__(self, caller: Caller, kind: ProviderCall.Kind, *, providers: int = 0) -> None:
        """`providers`: how many there are to ask; whatever the others need, each can have an attempt."""
        self.id = uuid4()
        self._providers = providers
        self._bound = max(settings.ENV.autonomy_operation_attempts, providers)
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

    def falls_back(self, provider: str, follower: str, reason: str) -> None:
        """Tell that the next provider has its turn, and why."""
        metrics.provider_fallback(self._kind, provider, follower)
        told = {"event": "fallback", "provider": provider, "next": follower, "reason": reason, "for": str(self._kind)}
        message = f"{provider} is passed over ({reason}); {follower} is asked next."
        self._caller.episodes.now("fallback", message, **told)

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

    def failure(self) -> ProviderError:
        """What to raise when every provider has been passed over."""
        self._caller.refuse_without_time()
        reasons = {provider: passed.reason for provider, passed in self._passed.items()}
        told = "; ".join(f"{provider}: {reason}" for provider, reason in reasons.items())
        faults = {passed.fault for passed in self._passed.values()}
        if faults == {Fault.OVERFLOW}:
            return ContextOverflow(reasons=reasons)
        if Fault.MALFORMED in faults:
            return UnusableAnswer(f"No model answered in the asked form ({told}). Try the run again.", reasons=reasons)
        waits = [passed.retry_after for passed in self._passed.values() if passed.retry_after is not None]
        text = f"No provider answered ({told})."
        if not waits:  # else the run goes on by itself
            text += " See the keys in the settings." if faults == {Fault.KEY} else " Try the run again later."
        return ProviderUnavailable(text, reasons=reasons, retry_after=min(waits, default=None))

    def _attempts_left(self, provider: str) -> int:
        here = settings.ENV.autonomy_provider_attempts - self._attempts[provider]
        to_come = max(0, self._providers - len({*self._attempts, *self._passed, provider}))
        left = min(here, self._bound - self._attempts.total() - to_come)
        if left <= 0:
            raise Passed("no attempt is left for it")
        return int(left)

    def _one(self, provider: str, attempt: paid.Attempt[T], at_most: Usage, model: str) -> T:
        self._caller.proceed()
        self._caller.refuse_without_time()
        timeout = min(settings.ENV.autonomy_provider_timeout, self._deadline - time.monotonic())
        if timeout <= 0:
            raise Passed("the time for the whole call is over")
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
        self._ask_leave(entry.key, timeout)
        try:
            call = paid.reserve(self._caller, entry, self._deadline)
        except BaseException:
            breaker().unused(entry.key)
            raise
        self._attempts[provider] += 1
        return paid.make(self._caller, entry, call, attempt, timeout)

    def _ask_leave(self, key: str, timeout: float) -> None:
        """Raises Passed for a provider that is known to be down, by this process or by all."""
        if reason := off.is_off(key):
            raise Passed(reason, Fault.KEY, resting=True)
        verdict = breaker().ask(key, probe_seconds=timeout + SLACK)
        if breaker().newly_local():
            message = "Redis does not answer: which providers fail, this worker learns only by itself meanwhile."
            self._caller.episodes.now("breaker_local", message)
        if verdict.may_go:
            return
        moment = datetime.fromtimestamp(verdict.until, UTC).strftime("%H:%M:%S")
        # A quota may come back after the rest, but nothing says so: that is for people to know.
        again = None if verdict.reason == QUOTA_REASON else max(0.0, verdict.until - time.time())
        raise Passed(f"it rests until {moment} UTC: {verdict.reason}", retry_after=again, resting=True)

    def _before_retry(self, provider: str, error: AttemptFailed, wait: float) -> None:
        self.tell_retry(provider, error.reason, wait)
        self._caller.wait(wait)

    def _pass_over(self, provider: str, error: AttemptFailed) -> Passed:
        key, retry_after = f"{self._kind}:{provider}", None
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
