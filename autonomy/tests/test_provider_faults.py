"""What a run does when providers fail: two models in order, one of which or both have a bad day on the stage.

Each row of the table is a whole run. The bounds are those of the settings: three attempts at one provider, six in all.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from autonomy.demo.stage import Stage, faults
from autonomy.demo.stage.faults import Fault
from autonomy.models import Episode, Job, ProviderCall, Run
from autonomy.providers import off
from autonomy.providers.breaker import breaker
from autonomy.services.retry_run import retry_run
from config.language_models import LanguageModelSpec

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "sk-stage-0123456789"


@pytest.fixture
def stage(settings, monkeypatch) -> Iterator[Stage]:
    """Two models: `first` speaks like OpenAI, `second` like Anthropic."""
    monkeypatch.setattr("autonomy.providers.retry.BASE_SECONDS", 0.01)
    with Stage() as stage:
        specs = [model(stage, "first"), model(stage, "second", kind="anthropic")]
        settings.ENV = settings.ENV.model_copy(
            update={"autonomy_language_models": specs, "autonomy_provider_timeout": 2.0}
        )
        yield stage


def model(stage: Stage, name: str, kind: str = "openai", **more: Any) -> LanguageModelSpec:
    base_url = stage.at(name) + ("/v1" if kind == "openai" else "")
    return LanguageModelSpec(
        kind=kind, name=name, base_url=base_url, model=f"{name}-1", key=KEY, price_in=2, price_out=8, **more
    )


@dataclass
class Row:
    """What the providers do to the first question (the plan), and what is expected of the run."""

    first: str | Fault
    second: str = ""
    kind: str = "openai"  # how the first one speaks
    status: str = "waiting_human"
    asked: tuple[int, int] = (2, 0)  # requests at first and second; a good run asks twice
    retries: list[tuple[str, int, str]] = field(default_factory=list)
    fallbacks: list[tuple[str, str]] = field(default_factory=list)
    code: str = ""
    says: str = ""


DOWN = "HTTP 503: service unavailable"
BUSY = "HTTP 429: too many requests"
TABLE = {
    "two 429s, then success": Row(
        "429, 429", asked=(4, 0), retries=[("first", 1, BUSY), ("first", 2, BUSY)]
    ),
    "a 500, then success": Row("500", asked=(3, 0), retries=[("first", 1, "HTTP 500: internal server error")]),
    "overloaded, then success": Row("529", asked=(3, 0), retries=[("first", 1, "HTTP 529: overloaded")]),
    "a time-out, then success": Row("timeout", asked=(3, 0), retries=[("first", 1, "timed out")]),
    "a truncated body, then success": Row("truncated", asked=(3, 0), retries=[("first", 1, "the connection broke")]),
    "a reset connection, then success": Row("reset", asked=(3, 0), retries=[("first", 1, "the connection broke")]),
    "an answer that is no JSON is repaired once": Row("prose", asked=(3, 0), retries=[("first", 1, "not a JSON")]),
    "an answer off its schema is repaired once": Row("misfit", asked=(3, 0), retries=[("first", 1, "does not fit")]),
    "never in the asked form: the next": Row(
        "prose*", asked=(4, 2), retries=[("first", 1, ""), ("first", 1, "")], fallbacks=[("first", "JSON")] * 2
    ),
    "a repair counts among the attempts": Row(
        "prose, 503*2",
        asked=(4, 1),
        retries=[("first", 1, "not a JSON"), ("first", 2, DOWN)],
        fallbacks=[("first", f"not a JSON object, and then {DOWN}")],
    ),
    "one repair in all, whoever answers": Row(
        "prose*",
        "prose*",
        status="failed",
        asked=(2, 1),
        retries=[("first", 1, "not a JSON")],
        fallbacks=[("first", "JSON")],
        code="unusable_answer",
    ),
    "a wait of 45 s is not taken either: the next": Row(
        "429:45", asked=(1, 2), fallbacks=[("first", "HTTP 429"), ("first", "rests")]
    ),
    "a wait of 600 s is not taken: the next": Row(
        "429:600", asked=(1, 2), fallbacks=[("first", BUSY), ("first", "rests")]
    ),
    "the first is dead: the second answers": Row(
        "503*",
        asked=(5, 2),
        retries=[("first", 1, DOWN), ("first", 2, DOWN)] * 2,
        fallbacks=[("first", DOWN), ("first", "rests until")],
    ),
    "400 never falls through": Row("400", status="failed", asked=(1, 0), code="provider_refused", says="HTTP 400"),
    "404 never falls through": Row("404", status="failed", asked=(1, 0), code="provider_refused", says="HTTP 404"),
    "422 never falls through": Row("422", status="failed", asked=(1, 0), code="provider_refused", says="HTTP 422"),
    "401 switches the first off": Row("401", asked=(1, 2), fallbacks=[("first", "HTTP 401"), ("first", "HTTP 401")]),
    "403 switches the first off": Row("403", asked=(1, 2), fallbacks=[("first", "HTTP 403"), ("first", "HTTP 403")]),
    "a used-up quota is not a 429": Row("quota", asked=(1, 2), fallbacks=[("first", "quota"), ("first", "rests")]),
    "a wait told as a date is waited for": Row("429-date:1", asked=(3, 0), retries=[("first", 1, "HTTP 429")]),
    "a wait told in milliseconds is waited for": Row("429-ms:40", asked=(3, 0), retries=[("first", 1, "HTTP 429")]),
    "an answer without its usage is taken": Row("no-usage"),
    "an answer with impossible usage is taken": Row("false-usage"),
    "an answer cut at its maximum is repaired once": Row("cut", asked=(3, 0), retries=[("first", 1, "cut off")]),
    "a drip is a time-out": Row("drip", asked=(3, 0), retries=[("first", 1, "timed out")]),
    "a page in place of an answer is repaired once": Row("garbage", asked=(3, 0), retries=[("first", 1, "known form")]),
    "the second breaks off, too, and then answers": Row(
        "503*3",
        "truncated",
        asked=(4, 2),
        retries=[("first", 1, DOWN), ("first", 2, DOWN), ("second", 4, "the connection broke")],
        fallbacks=[("first", DOWN)],
    ),
    "told not to ask again: final": Row(
        faults.status(500, headers={"x-should-retry": "false"}),
        status="failed",
        asked=(1, 0),
        code="provider_refused",
        says="not to ask again",
    ),
    "a limit that no waiting lifts: the next": Row(
        faults.status(429, headers={"x-should-retry": "false"}),
        asked=(1, 2),
        fallbacks=[("first", "quota"), ("first", "rests")],
    ),
    "a 402 is a used-up quota": Row("quota:402", asked=(1, 2), fallbacks=[("first", "quota"), ("first", "rests")]),
    "Anthropic's credit is used up: a 400 that is none": Row(
        "quota", kind="anthropic", asked=(1, 2), fallbacks=[("first", "quota"), ("first", "rests")]
    ),
    "Anthropic's plain 400 is final": Row(
        "400", kind="anthropic", status="failed", asked=(1, 0), code="provider_refused", says="HTTP 400"
    ),
    "Gemini refuses the key with a 400": Row(
        "key", kind="gemini", asked=(1, 2), fallbacks=[("first", "the key was refused")] * 2
    ),
    "Gemini's limit of a minute is waited for": Row(
        "429-body:0.05", kind="gemini", asked=(3, 0), retries=[("first", 1, "HTTP 429")]
    ),
    "Gemini's limit of a day is not": Row(
        "quota", kind="gemini", asked=(1, 2), fallbacks=[("first", "quota"), ("first", "rests")]
    ),
    "too long for the first, of unknown window": Row(
        "overflow",
        status="failed",
        asked=(1, 0),
        fallbacks=[("first", "longer than the model takes")],
        code="context_overflow",
        says="longer than any",
    ),
    "all are down": Row(
        "503*",
        "503*",
        status="failed",
        asked=(3, 3),
        retries=[("first", 1, DOWN), ("first", 2, DOWN), ("second", 4, DOWN), ("second", 5, DOWN)],
        fallbacks=[("first", DOWN)],
        code="provider_unavailable",
        says=f"first: {DOWN}; second: {DOWN}",
    ),
    "both keys are refused": Row(
        "401",
        "401",
        status="failed",
        asked=(1, 1),
        fallbacks=[("first", "401")],
        code="provider_unavailable",
        says="keys",
    ),
}  # fmt: skip


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE.keys())
def test_faults_and_what_a_run_does(stage, settings, start, work, row):
    specs = [model(stage, "first", kind=row.kind), model(stage, "second", kind="anthropic")]
    settings.ENV = settings.ENV.model_copy(update={"autonomy_language_models": specs})
    if isinstance(row.first, Fault):
        stage.provider("first").then(row.first)
    else:
        stage.provider("first").script(row.first)
    stage.provider("second").script(row.second)
    run = start()
    work()
    run.refresh_from_db()
    assert run.status == row.status, run.reason
    told = [e.data for e in Episode.objects.filter(run=run, kind="retry").order_by("seq")]
    expected = row.retries
    assert [(t["provider"], t["attempt"]) for t in told] == [(name, attempt) for name, attempt, _ in expected]
    for episode, (_, _, reason) in zip(told, expected, strict=True):
        assert reason in episode["reason"]
    passed = [e.data for e in Episode.objects.filter(run=run, kind="fallback").order_by("seq")]
    assert [t["provider"] for t in passed] == [name for name, _ in row.fallbacks]
    for episode, (_, reason) in zip(passed, row.fallbacks, strict=True):
        assert reason in episode["reason"]
    assert (len(stage.provider("first").requests), len(stage.provider("second").requests)) == row.asked
    if row.code:
        failed = Episode.objects.get(run=run, kind="run_failed")
        assert failed.data["code"] == row.code
        assert row.says in run.reason
    for operation in {call.operation_id for call in ProviderCall.objects.filter(run=run)}:
        calls = ProviderCall.objects.filter(operation_id=operation)
        assert calls.count() <= 6
        assert all(calls.filter(provider=name).count() <= 3 for name in ("first", "second"))


def test_the_last_of_three_has_an_attempt_whatever_the_others_used_up(stage, settings, start, work):
    specs = [*settings.ENV.autonomy_language_models, model(stage, "third")]
    settings.ENV = settings.ENV.model_copy(update={"autonomy_language_models": specs})
    stage.provider("first").script("503*")
    stage.provider("second").script("503*")
    run = start()
    work()
    run.refresh_from_db()
    assert run.status == "waiting_human", run.reason
    plan = ProviderCall.objects.filter(run=run, node="plan").order_by("pk")
    assert [call.provider for call in plan] == [*["first"] * 3, *["second"] * 2, "third"]


def test_a_run_that_failed_because_all_were_down_goes_on_when_they_are_back(stage, start, work, superuser):
    for name in ("first", "second"):
        stage.provider(name).script("503*")
    run = start()
    work()
    assert Run.objects.get(pk=run.pk).status == "failed"
    for name in ("first", "second"):
        stage.provider(name).behave()
    retry_run(run_id=run.pk, actor=superuser)
    work()
    assert Run.objects.get(pk=run.pk).status == "waiting_human"


def test_a_retry_after_of_two_seconds_is_waited_for(stage, start, work):
    first = stage.provider("first").script("429:2")
    run = start()
    work()
    assert Run.objects.get(pk=run.pk).status == "waiting_human"
    assert first.requests[1].at - first.requests[0].at >= 2
    assert Episode.objects.get(run=run, kind="retry").data["wait_seconds"] == 2


def test_where_everybody_asks_to_wait_long_no_worker_waits_and_the_run_comes_back_then(stage, start, work):
    stage.provider("first").script("429:600")
    stage.provider("second").script("429:900")
    run = start()
    work()
    run.refresh_from_db()
    job = Job.objects.get(run=run)
    assert (run.status, job.state) == ("queued", "queued")
    assert timedelta(seconds=550) < job.scheduled_at - timezone.now() <= timedelta(seconds=600)
    told = Episode.objects.get(run=run, kind="step_failed")
    assert told.data["details"]["reasons"] == {"first": BUSY, "second": BUSY}


@pytest.mark.parametrize("reason", ["it asked to be left alone", "its quota is used up"])
def test_where_all_rest_for_long_only_a_known_end_brings_the_run_back(stage, start, work, reason):
    for name in ("first", "second"):
        breaker().cool(f"llm:{name}", 600, reason)
    run = start()
    work()
    assert Run.objects.get(pk=run.pk).status == ("failed" if "quota" in reason else "queued")
    assert not ProviderCall.objects.exists()


def test_who_has_failed_is_not_asked_again_while_another_is_waited_for(stage, start, work):
    stage.provider("first").script("503*3")
    run = start()
    breaker().cool("llm:second", 4, "it asked to be left alone")
    work()
    assert Run.objects.get(pk=run.pk).status == "waiting_human"
    assert (len(stage.provider("first").requests), len(stage.provider("second").requests)) == (4, 1)
    assert Episode.objects.filter(run=run, kind="fallback").count() == 1


def test_a_longer_request_goes_to_a_larger_window_and_to_no_smaller_one(stage, settings, start, work):
    specs = [
        model(stage, "first", window=60_000),
        model(stage, "second", window=50_000),
        model(stage, "third", window=900_000),
    ]
    settings.ENV = settings.ENV.model_copy(update={"autonomy_language_models": specs})
    stage.provider("first").script("overflow")
    run = start()
    work()
    assert Run.objects.get(pk=run.pk).status == "waiting_human"
    assert [len(stage.provider(name).requests) for name in ("first", "second", "third")] == [2, 0, 1]


def test_a_request_that_cannot_fit_is_not_sent(stage, settings, start, work):
    specs = [model(stage, "first", window=300), model(stage, "second", window=900_000)]
    settings.ENV = settings.ENV.model_copy(update={"autonomy_language_models": specs})
    run = start()
    work()
    assert Run.objects.get(pk=run.pk).status == "waiting_human"
    assert (len(stage.provider("first").requests), len(stage.provider("second").requests)) == (0, 2)
    passed = Episode.objects.filter(run=run, kind="fallback").first()
    assert passed.data["reason"] == "the request is longer than its window"


def test_the_third_is_asked_though_two_before_it_are_down(stage, settings, start, work):
    specs = [model(stage, name) for name in ("first", "second", "third")]
    settings.ENV = settings.ENV.model_copy(update={"autonomy_language_models": specs})
    for name in ("first", "second"):
        stage.provider(name).script("503*")
    run = start()
    work()
    assert Run.objects.get(pk=run.pk).status == "waiting_human"
    plan = list(ProviderCall.objects.filter(run=run, node="plan").order_by("pk").values_list("provider", flat=True))
    assert plan == ["first"] * 3 + ["second"] * 2 + ["third"], "six in all, and one is kept for whoever follows"


def test_a_bound_below_the_number_of_models_holds(stage, settings, start, work):
    settings.ENV = settings.ENV.model_copy(update={"autonomy_operation_attempts": 1})
    for name in ("first", "second"):
        stage.provider(name).script("503*")
    run = start()
    work()
    assert list(ProviderCall.objects.filter(run=run).values_list("provider", flat=True)) == ["first"]
    assert "second: no attempt is left for it" in Run.objects.get(pk=run.pk).reason


@pytest.mark.parametrize("fault", ["no-usage", "false-usage", "timeout", "truncated"])
def test_usage_that_nobody_knows_is_estimated_upwards_and_within_what_was_reserved(stage, start, work, fault):
    stage.provider("first").script(fault)
    run = start()
    work()
    unknown = ProviderCall.objects.filter(run=run).earliest("pk")
    honest = ProviderCall.objects.filter(run=run, node="plan", outcome="ok", estimated=False).first()
    assert unknown.estimated
    assert honest is None or unknown.tokens_in >= honest.tokens_in
    assert not Episode.objects.filter(run=run, kind="usage_above_reserve").exists()


def test_a_model_that_answers_at_a_higher_price_is_told_of(stage, settings, start, work):
    settings.ENV = settings.ENV.model_copy(update={"autonomy_language_models": [model(stage, "first")]})
    stage.provider("first").then(faults.right(model="claude-opus-4-1"))
    run = start()
    work()
    told = Episode.objects.get(run=run, kind="usage_above_reserve").data
    paid = ProviderCall.objects.filter(run=run).earliest("pk")
    assert told["used"]["usd"] == float(paid.usd) > told["reserved"]["usd"]


def test_a_finished_node_tells_what_it_used_and_of_whom(stage, start, work):
    run = start()
    work()
    told = Episode.objects.get(run=run, kind="node_finished", node="plan").data
    paid = ProviderCall.objects.get(run=run, node="plan")
    assert (told["tokens_in"], told["tokens_out"], told["provider"]) == (paid.tokens_in, paid.tokens_out, "first")
    assert paid.tokens_in > 0


def test_the_price_is_that_of_the_provider_that_answered(stage, settings, start, work):
    specs = [model(stage, "first"), model(stage, "second").model_copy(update={"price_in": 20, "price_out": 80})]
    settings.ENV = settings.ENV.model_copy(update={"autonomy_language_models": specs})
    stage.provider("first").script("401")
    run = start()
    work()
    run.refresh_from_db()
    paid = ProviderCall.objects.filter(run=run, outcome="ok")
    assert {call.provider for call in paid} == {"second"}
    cost = sum(20 * call.tokens_in + 80 * call.tokens_out for call in paid) / 1_000_000
    assert float(run.spent_usd) == pytest.approx(cost, abs=1e-5)


def test_a_switched_off_provider_is_told_and_asked_again_once_its_time_is_over(stage, start, work, monkeypatch):
    stage.provider("first").script("401")
    run = start()
    work()
    assert Episode.objects.get(run=run, kind="provider_off").data == {
        "provider": "first",
        "reason": "HTTP 401: the key was refused",
    }
    now = off.monotonic()
    monkeypatch.setattr(off, "monotonic", lambda: now + off.OFF_SECONDS + 60)
    start()
    work()
    assert len(stage.provider("first").requests) == 3


def test_while_all_rest_the_first_that_is_back_is_waited_for(stage, start, work):
    run = start()
    breaker().cool("llm:first", 300, "it asked to be left alone")
    breaker().cool("llm:second", 4, "it asked to be left alone")
    work()
    assert Run.objects.get(pk=run.pk).status == "waiting_human"
    assert (len(stage.provider("first").requests), len(stage.provider("second").requests)) == (0, 2)
    waited = Episode.objects.get(run=run, kind="retry").data
    assert (waited["provider"], waited["wait_seconds"] <= 4) == ("second", True)


def test_who_was_asked_and_names_a_long_wait_is_not_waited_for(stage, settings, start, work):
    settings.ENV = settings.ENV.model_copy(update={"autonomy_language_models": [model(stage, "first")]})
    first = stage.provider("first").script("429:45")
    run = start()
    work()
    assert (Run.objects.get(pk=run.pk).status, len(first.requests)) == ("queued", 1)


def test_an_attempt_that_was_sent_and_never_answered_counts_as_the_most_it_can_have_cost(stage, start, work):
    stage.provider("first").script("timeout")
    run = start()
    work()
    timed_out, answered = ProviderCall.objects.filter(run=run, node="plan").order_by("pk")
    assert (timed_out.outcome, timed_out.estimated) == ("retryable", True)
    assert timed_out.tokens_in >= answered.tokens_in
    assert timed_out.usd >= answered.usd > 0


def test_an_attempt_that_reached_nobody_costs_nothing(stage, settings, start, work):
    nobody = model(stage, "first").model_copy(update={"base_url": "http://127.0.0.1:9/v1"})
    settings.ENV = settings.ENV.model_copy(update={"autonomy_language_models": [nobody]})
    run = start()
    work()
    run.refresh_from_db()
    assert (run.status, run.spent_tokens) == ("failed", 0)
    assert ProviderCall.objects.filter(run=run, tokens_in=0, error="no connection (ConnectError)").count() == 3


def test_a_cancelled_run_is_not_asked_for_any_more(stage, start, work):
    asked = threading.Event()

    def cancel(request: object) -> None:
        Run.objects.update(cancel_requested_at=timezone.now())
        asked.set()

    first = stage.provider("first").script("503*")
    first.before = cancel
    run = start()
    work()
    assert asked.is_set()
    assert (Run.objects.get(pk=run.pk).status, len(first.requests)) == ("cancelled", 1)
