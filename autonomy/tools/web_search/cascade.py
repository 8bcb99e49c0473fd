"""The configured search services behind one port: asked in turn, merged, and never empty in place of an error."""

from __future__ import annotations

import time
from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from itertools import zip_longest

from autonomy.errors import ProviderUnavailable
from autonomy.models import ProviderCall
from autonomy.ports import Found
from autonomy.providers.attempt import AttemptFailed, Fault, Usage
from autonomy.providers.caller import Caller
from autonomy.providers.operation import Operation, Passed
from autonomy.tools.web_search.merge import merge
from autonomy.tools.web_search.provider import SearchProvider
from autonomy.tools.web_search.spacing import take_turn


class WebSearch:
    """Implements ports.Search over an ordered list of services: each is asked once for a query at most."""

    def __init__(self, providers: Sequence[SearchProvider], caller: Caller) -> None:
        self._providers = providers
        self._caller = caller
        self._told: set[str] = set()

    def search(self, query: str, limit: int) -> list[Found]:
        """Ask until `limit` different works with enough text are found. Errors as in ports.Search."""
        if not self._providers:
            raise ProviderUnavailable("No search service is configured; name some in AUTONOMY_SEARCH.", reasons={})
        operation = Operation(self._caller, ProviderCall.Kind.SEARCH, providers=len(self._providers))
        answers: list[list[Found]] = []
        failed: dict[str, Passed | AttemptFailed] = {}
        merged = merge(answers)
        for provider, follower in zip_longest(self._providers, self._providers[1:]):
            attempt = partial(self._attempt, provider, query, limit)
            try:
                answers.append(operation.put_to(provider.name, attempt, at_most=Usage(usd=provider.price)))
            except (Passed, AttemptFailed) as failure:
                failed[provider.name] = failure
                if follower:
                    operation.falls_back(provider.name, follower.name, failure.reason)
                continue
            merged = merge(answers)
            if sum(work.is_quotable for work in merged.works) >= limit:
                break
        self._tell_retracted(merged.retracted)
        if failed and not merged.works:
            self._caller.refuse_without_time()
            raise _unavailable(failed)
        if self._providers[-1].name in failed:
            self._tell_last(self._providers[-1].name, failed[self._providers[-1].name])
        return sorted(merged.works, key=lambda work: not work.is_quotable)[:limit]

    def _attempt(
        self, provider: SearchProvider, query: str, limit: int, timeout: float
    ) -> tuple[list[Found], Usage, str]:
        began = time.monotonic()
        take_turn(provider.name, provider.spacing, within=timeout / 2, wait=self._caller.wait)
        try:
            works = provider.find(query, limit, timeout=timeout - (time.monotonic() - began))
        except AttemptFailed as failure:
            # A query is paid when it was answered, whatever the answer looks like.
            failure.usage = Usage(usd=provider.price if failure.http_status == 200 else Decimal(0))
            raise
        return works, Usage(usd=provider.price), ""

    def _tell_retracted(self, works: list[Found]) -> None:
        for work in works:
            if (known := work.doi or work.title) in self._told:
                continue
            self._told.add(known)
            self._caller.episodes.note(
                "source_retracted",
                f"“{work.title}” is retracted, says {', '.join(work.found_by)}: it is left out.",
                title=work.title,
                doi=work.doi,
                says=list(work.found_by),
            )

    def _tell_last(self, provider: str, failure: Passed | AttemptFailed) -> None:
        self._caller.episodes.now(
            "fallback",
            f"{provider} is passed over ({failure.reason}); what others found is used.",
            event="fallback",
            provider=provider,
            next=None,
            reason=failure.reason,
            **{"for": str(ProviderCall.Kind.SEARCH)},
        )


def _unavailable(failed: dict[str, Passed | AttemptFailed]) -> ProviderUnavailable:
    reasons = {provider: failure.reason for provider, failure in failed.items()}
    told = "; ".join(f"{provider}: {reason}" for provider, reason in reasons.items())
    waits = [failure.retry_after for failure in failed.values() if failure.retry_after is not None]
    text = f"Nothing was found, and not every search service answered ({told})."
    if not waits:  # else the run goes on by itself
        keys_only = all(failure.fault is Fault.KEY for failure in failed.values())
        text += " See their keys in the settings." if keys_only else " Try the run again later."
    return ProviderUnavailable(text, reasons=reasons, retry_after=min(waits, default=None))
