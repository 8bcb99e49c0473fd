"""Figures as an operator reads them: grouped digits, minutes and hours, cents, percent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.formats import localize
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince, timeuntil

from autonomy.models import Run


@dataclass(frozen=True)
class Spend:
    """What a run has used of one limit."""

    name: str
    spent: float
    limit: float
    text: str

    @property
    def percent(self) -> int:
        return round(100 * self.spent / self.limit) if self.limit else 0


def spends(run: Run) -> list[Spend]:
    return [
        Spend(
            "tokens",
            run.spent_tokens,
            run.limit_tokens,
            f"{run.spent_tokens:,} of {run.limit_tokens:,} tokens",
        ),
        Spend(
            "seconds",
            run.spent_seconds,
            run.limit_seconds,
            f"{duration(run.spent_seconds)} of {duration(run.limit_seconds)}",
        ),
        Spend(
            "usd",
            float(run.spent_usd),
            float(run.limit_usd),
            f"{usd(run.spent_usd)} of {usd(run.limit_usd)}",
        ),
    ]


def meter(spend: Spend) -> SafeString:
    """A bar with its figure beside it; the bar alone says nothing to a screen reader or in print."""
    if not spend.limit:
        return format_html("<span>{}</span>", spend.text)
    return format_html(
        '<span class="console-meter"><meter min="0" max="{}" high="{}" value="{}" aria-label="{}">{} %</meter>'
        "<span>{} · {} %</span></span>",
        spend.limit,
        spend.limit * 0.8,
        min(spend.spent, spend.limit),
        spend.text,
        spend.percent,
        spend.text,
        spend.percent,
    )


def duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 or not seconds else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min" if minutes else f"{hours:,} h"


def latency(milliseconds: float) -> str:
    told = f"{milliseconds:,.0f} ms" if milliseconds < 1000 else duration(milliseconds / 1000)
    return told.replace(" ", "\u00a0")


def usd(amount: object) -> str:
    value = float(str(amount))
    return f"${value:,.4f}" if 0 < value < 0.01 else f"${value:,.2f}"


def similarity(fraction: float | None) -> str:
    """Both forms at once: the project's fraction, and the percent that Turnitin shows."""
    return "–" if fraction is None else f"{fraction:g}\u00a0({fraction * 100:.3g}\u00a0%)"


def age(moment: datetime | None) -> SafeString | str:
    """How long ago, with the exact time on hover and for machines."""
    if moment is None:
        return "–"
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>',
        moment.isoformat(),
        f"{moment:%Y-%m-%d %H:%M:%S}",
        timesince(moment, depth=1),
    )


def to_come(moment: datetime | None) -> SafeString | str:
    """When, as the admin writes times, and how long until then."""
    if moment is None:
        return "–"
    return format_html(
        '<span><time datetime="{}">{}</time> ({})</span>',
        moment.isoformat(),
        localize(moment),
        f"in {timeuntil(moment, depth=2)}" if moment > timezone.now() + timedelta(minutes=1) else "within a minute",
    )
