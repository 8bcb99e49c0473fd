"""What was spent today and this month, by provider and by day: the provider calls since the month began, in UTC."""

from __future__ import annotations

import threading
import time
from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from decimal import Decimal
from typing import Any, cast

from django.core.cache import cache
from django.db.models import Count, F, Q, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from autonomy.models import ProviderCall

# The answer is kept for so many seconds, and for so many times as long as it took: however many people look, and
# however many calls there are, a process adds them up for a twentieth of its time at most.
KEPT = 60.0
SPARE = 20.0
# The days before yesterday hardly change: what a call used that began on them is known by now, but for one that was
# lost and is put right, and for runs that are deleted.
PAST_KEPT = 3600.0
_KEY = "autonomy:daily-spend:"
_lock = threading.Lock()


def daily_spend() -> dict[str, Any]:
    """`{counted_at, today, days: [{day, usd, unknown_price}], providers: [{kind, name, today, month}], total: {today,
    month}}`, the dearest provider of the month first, and every day of the month; up to a minute old, the days before
    yesterday up to an hour.

    `today`, `month`: `{attempts, tokens, usd, unknown_price}`. Settled attempts only, as in selectors/spend.py: a lost
    one counts with the most it could use. `usd` is of what has a known price, and None where nothing has;
    `unknown_price` counts the attempts that were answered or used tokens, and have none. JSON-able but for dates.
    """
    now = timezone.now().astimezone(UTC)
    key = f"{_KEY}{now:%Y-%m-%d}"
    # Those who come together wait for one answer.
    with _lock:
        told: dict[str, Any] | None = cache.get(key)
        if told is None:
            began = time.monotonic()
            told = _added_up(now)
            cache.set(key, told, max(KEPT, SPARE * (time.monotonic() - began)))
    return told


def _added_up(now: datetime) -> dict[str, Any]:
    rows, today = _rows(now), now.date()
    by_provider: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    by_day: dict[date, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_provider[row["kind"], row["provider"]].append(row)
        by_day[row["day"]].append(row)
    providers = [
        {"kind": kind, "name": name, "today": _sum(_of(today, of_it)), "month": _sum(of_it)}
        for (kind, name), of_it in by_provider.items()
    ]
    days = [now.date().replace(day=number) for number in range(1, monthrange(now.year, now.month)[1] + 1)]
    return {
        "counted_at": now,
        "today": today,
        "days": [{"day": day, **_money(_sum(by_day[day]))} for day in days],
        "providers": sorted(providers, key=_dearest_first),
        "total": {"today": _sum(by_day[today]), "month": _sum(rows)},
    }


def _rows(now: datetime) -> list[dict[str, Any]]:
    """Those of the month, in one query."""
    month = now.date().replace(day=1)
    recent = max(month, now.date() - timedelta(days=1))
    key = f"{_KEY}before:{recent}"
    past: list[dict[str, Any]] | None = cache.get(key)
    rows = _since(month if past is None else recent)
    if past is None:
        past, rows = [row for row in rows if row["day"] < recent], [row for row in rows if row["day"] >= recent]
        cache.set(key, past, PAST_KEPT)
    return [*past, *rows]


def _since(day: date) -> list[dict[str, Any]]:
    """The index provider_call_by_time leads to the rows."""
    outcome = ProviderCall.Outcome
    used = Q(outcome=outcome.OK) | Q(tokens_in__gt=0) | Q(tokens_out__gt=0)
    began = datetime.combine(day, time_of_day(), UTC)
    calls = ProviderCall.objects.filter(created_at__gte=began).exclude(outcome=outcome.PENDING)
    added_up = (
        calls.annotate(day=TruncDate("created_at", tzinfo=UTC))
        .values("day", "kind", "provider")
        .annotate(
            attempts=Count("pk"),
            tokens=Sum(F("tokens_in") + F("tokens_out"), default=0),
            sum_usd=Sum("usd"),
            unknown_price=Count("pk", filter=Q(usd__isnull=True) & used),
        )
        .order_by()
    )
    return cast(list[dict[str, Any]], list(added_up))


def _of(day: date, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["day"] == day]


def _sum(rows: list[dict[str, Any]]) -> dict[str, Any]:
    known = [row["sum_usd"] for row in rows if row["sum_usd"] is not None]
    return {
        **{name: sum(row[name] for row in rows) for name in ("attempts", "tokens", "unknown_price")},
        "usd": float(sum(known, Decimal(0))) if known else None,
    }


def _money(figures: dict[str, Any]) -> dict[str, Any]:
    return {"usd": figures["usd"], "unknown_price": figures["unknown_price"]}


def _dearest_first(provider: dict[str, Any]) -> tuple[float, int, str]:
    month = provider["month"]
    return -(month["usd"] or 0.0), -month["tokens"], provider["name"]
