"""The stage: vendors as they write on the wire, right and wrong."""

from __future__ import annotations

import json
import re
import threading
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import jsonschema
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from autonomy.demo import bad_day
from autonomy.demo.stage import ScriptError, Stage, faults
from autonomy.demo.stage.script import WORDS, parse
from autonomy.errors import ProviderUnavailable
from autonomy.graph.prompts import plan as plan_prompt
from autonomy.graph.prompts import section as section_prompt
from autonomy.management import calls_table
from autonomy.management.commands import demo
from autonomy.management.processes import Processes
from autonomy.models import ProviderCall
from config.environ import read

KEY = "sk-planted-42"
WALLS = (
    "A sea wall is a wall built along the shore to keep the water out of a town. "
    "Waves that meet the wall are thrown back, and the beach before it wears away over the years. "
    "Engineers therefore place rock at the foot of the wall, which breaks the waves before they reach it."
)
PLAN = {
    "topic": "Sea walls",
    "words": 150,
    "sections": [],
    "sources": [{"key": "walls", "title": "Walls", "headings": [], "excerpt": WALLS, "words": 60}],
}
SECTION = {
    "topic": "Sea walls",
    "heading": "Waves",
    "words": 60,
    "passages": [{"id": "walls#0", "key": "walls", "title": "Walls", "author": "", "text": WALLS}],
}


def openai(stage: Stage, name: str = "first", material: Any = PLAN, timeout: float = 10, **changed: Any):
    messages = [{"role": "system", "content": "Plan."}, {"role": "user", "content": json.dumps(material)}]
    body = {"model": "gpt-sample", "messages": messages, "max_tokens": 2000, **changed}
    headers = {"Authorization": f"Bearer {KEY}"}
    return httpx.post(f"{stage.at(name)}/v1/chat/completions", json=body, headers=headers, timeout=timeout)


def anthropic(stage: Stage, name: str = "second", material: Any = PLAN):
    messages = [{"role": "user", "content": json.dumps(material)}]
    body = {"model": "claude-sample", "system": "Plan.", "messages": messages, "max_tokens": 2000}
    headers = {"x-api-key": KEY, "anthropic-version": "2023-06-01"}
    return httpx.post(f"{stage.at(name)}/v1/messages", json=body, headers=headers)


def gemini(stage: Stage, name: str = "third", material: Any = PLAN):
    body = {
        "systemInstruction": {"parts": [{"text": "Plan."}]},
        "contents": [{"role": "user", "parts": [{"text": json.dumps(material)}]}],
        "generationConfig": {"maxOutputTokens": 2000},
    }
    address = f"{stage.at(name)}/v1beta/models/gemini-sample:generateContent"
    return httpx.post(address, json=body, headers={"x-goog-api-key": KEY})


def text_of(answer: dict[str, Any]) -> str:
    match answer:
        case {"choices": [{"message": {"content": str(text)}}]}:
            return text
        case {"content": [{"type": "text", "text": str(text)}]}:
            return text
        case {"candidates": [{"content": {"parts": [{"text": str(text)}]}}]}:
            return text
    raise AssertionError(answer)


def usage_of(answer: dict[str, Any]) -> tuple[int, int]:
    match answer:
        case {"usage": {"prompt_tokens": a, "completion_tokens": b}}:
            return a, b
        case {"usage": {"input_tokens": a, "output_tokens": b}}:
            return a, b
        case {"usageMetadata": {"promptTokenCount": a, "candidatesTokenCount": b}}:
            return a, b
    raise AssertionError(answer)


ALL = pytest.mark.parametrize("ask", [openai, anthropic, gemini])


@ALL
@pytest.mark.parametrize(("material", "schema"), [(PLAN, plan_prompt.SCHEMA), (SECTION, section_prompt.SCHEMA)])
def test_each_vendor_answers_a_request_as_it_was_asked(vendors_stage, ask, material, schema):
    answer = ask(vendors_stage, material=material).json()
    jsonschema.validate(json.loads(text_of(answer)), schema)


@ALL
def test_the_usage_that_is_reported_is_a_token_for_four_characters(vendors_stage, ask):
    answer = ask(vendors_stage).json()
    tokens_in, tokens_out = usage_of(answer)
    assert tokens_in == pytest.approx(len(json.dumps(PLAN)) / 4, abs=4)
    assert tokens_out == pytest.approx(len(text_of(answer)) / 4, abs=1)


def test_an_answer_that_is_too_long_for_its_maximum_is_cut_there(vendors_stage):
    vendors_stage.provider("first").writes = lambda material, most: {"title": "long " * 1000}
    answer = openai(vendors_stage, max_tokens=50).json()
    assert (answer["choices"][0]["finish_reason"], usage_of(answer)[1]) == ("length", 50)
    assert len(text_of(answer)) == 200


def test_material_that_no_right_answer_is_known_to_is_refused_and_not_made_up(vendors_stage):
    answer = openai(vendors_stage, material={"topic": "Sea walls"})
    assert (answer.status_code, "words" in answer.json()["error"]["message"]) == (400, True)


def test_a_test_may_say_what_a_right_answer_is(vendors_stage):
    vendors_stage.provider("second").writes = lambda material, most: {"title": material["topic"]}
    assert json.loads(text_of(anthropic(vendors_stage, material={"topic": "Sand"}).json())) == {"title": "Sand"}


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/second/v1/messages", {"anthropic-version": "2023-06-01"}, 401),
        ("/second/v1/messages", {"x-api-key": KEY}, 400),
        ("/third/v1beta/models/gemini-sample:generateContent", {}, 403),
        ("/first/v1/completions", {}, 404),
    ],
)
def test_what_a_vendor_insists_on_is_insisted_on(vendors_stage, path, headers, status):
    assert httpx.post(vendors_stage.url + path, json={}, headers=headers).status_code == status


# --- scripts ---


def test_faults_are_played_one_a_request_and_then_the_provider_behaves(vendors_stage):
    vendors_stage.provider("first").then(faults.server_error(), faults.down()).then(faults.right(), faults.status(409))
    assert [openai(vendors_stage).status_code for _ in range(6)] == [500, 503, 200, 409, 200, 200]


def test_what_is_for_ever_begins_when_the_rest_was_played_and_ends_when_it_shall_behave(vendors_stage):
    provider = vendors_stage.provider("first").then(faults.right(), times=2).forever(faults.overloaded())
    assert [openai(vendors_stage).status_code for _ in range(5)] == [200, 200, 529, 529, 529]
    provider.behave()
    assert openai(vendors_stage).status_code == 200


def test_each_provider_has_its_own_script_and_its_own_record(vendors_stage):
    vendors_stage.provider("first").forever(faults.down())
    assert (openai(vendors_stage).status_code, openai(vendors_stage, name="other").status_code) == (503, 200)
    asked = vendors_stage.provider("first").requests
    assert [(r.method, r.path, r.key, r.body["model"]) for r in asked] == [
        ("POST", "/v1/chat/completions", KEY, "gpt-sample")
    ]
    assert asked[0].headers["authorization"] == f"Bearer {KEY}"


def test_many_requests_at_once_take_each_fault_once(vendors_stage):
    vendors_stage.provider("first").then(faults.down(), times=10)
    got: list[int] = []
    threads = [threading.Thread(target=lambda: got.append(openai(vendors_stage).status_code)) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (got.count(503), got.count(200)) == (10, 20)


def test_a_request_can_be_held_before_it_is_answered(vendors_stage):
    go_on, got = threading.Event(), []
    provider = vendors_stage.provider("first")
    provider.before = lambda request: go_on.wait(10) and None
    thread = threading.Thread(target=lambda: got.append(openai(vendors_stage).status_code))
    thread.start()
    assert provider.wait_for(1)
    assert got == []
    go_on.set()
    thread.join()
    assert got == [200]


def test_a_script_in_words_is_the_same_as_one_in_python(vendors_stage):
    vendors_stage.provider("first").script("429:2, 429\n500*3,ok  503*")
    got = [openai(vendors_stage) for _ in range(8)]
    assert [reply.status_code for reply in got] == [429, 429, 500, 500, 500, 200, 503, 503]
    assert [reply.headers.get("retry-after") for reply in got[:2]] == ["2", None]


def test_every_word_of_a_script_makes_a_fault():
    assert len(parse(" ".join(WORDS)).faults) == len(WORDS)
    assert parse("").faults == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("429:soon", "429:2"),
        ("500*0", "from 1 to 1000"),
        ("500*,429", "put it last"),
        ("timeuot", "Did you mean timeout?"),
        ("999", "statuses from 400 to 599"),
        ("drip:3", "takes no number"),
        ("quota:1", "HTTP status"),
    ],
)
def test_a_script_that_makes_no_sense_is_told_how_to_mend_it(text, told):
    with pytest.raises(ScriptError, match=told.replace("?", r"\?")):
        parse(text)


# --- refusals ---


@ALL
@pytest.mark.parametrize("code", [400, 401, 402, 403, 404, 422, 429, 500, 503, 529])
def test_a_refusal_has_the_vendor_s_envelope(vendors_stage, ask, code):
    for name in ("first", "second", "third"):
        vendors_stage.provider(name).then(faults.status(code))
    reply = ask(vendors_stage)
    assert reply.status_code == code
    assert reply.json()["error"]["message"]


def test_the_wish_to_wait_comes_in_each_of_its_forms(vendors_stage):
    vendors_stage.provider("first").script("429, 429:2, 429-ms:250, 429-date:90, 503:7")
    got = [openai(vendors_stage).headers for _ in range(5)]
    assert [headers.get("retry-after") for headers in got[:3]] == [None, "2", None]
    assert (got[2]["retry-after-ms"], got[4]["retry-after"]) == ("250", "7")
    wait = (parsedate_to_datetime(got[3]["retry-after"]) - datetime.now(UTC)).total_seconds()
    assert 60 < wait < 92


@pytest.mark.parametrize(
    ("ask", "quota", "overflow", "key"),
    [
        (openai, (429, "insufficient_quota"), (400, "context_length_exceeded"), (401, "invalid_api_key")),
        (anthropic, (400, "credit balance is too low"), (400, "prompt is too long"), (401, "authentication_error")),
        (gemini, (429, "PerDay"), (400, "input token count"), (400, "API_KEY_INVALID")),
    ],
)
def test_what_is_final_is_said_as_the_vendor_says_it(vendors_stage, ask, quota, overflow, key):
    for name in ("first", "second", "third"):
        vendors_stage.provider(name).then(faults.quota(), faults.overflow(), faults.bad_key(), faults.quota(402))
    for status, told in (quota, overflow, key, (402, "error")):
        reply = ask(vendors_stage)
        assert (reply.status_code, told in reply.text) == (status, True)


def test_gemini_says_in_the_body_how_long_to_wait_and_in_the_same_words_that_the_day_is_over(vendors_stage):
    vendors_stage.provider("third").script("429-body:21, quota")
    minute, day = (gemini(vendors_stage).json()["error"] for _ in range(2))
    assert minute["details"][-1]["retryDelay"] == "21s"
    assert minute["message"] == day["message"]
    assert minute["details"][0] != day["details"][0]


@pytest.mark.parametrize(("ask", "name"), [(openai, "first"), (anthropic, "second"), (gemini, "third")])
def test_a_provider_can_echo_the_key_wherever_it_may_write(vendors_stage, ask, name):
    vendors_stage.provider(name).then(
        faults.echo(401, "PLANTED"), faults.echo(200, "PLANTED"), faults.right(model="{key}")
    )
    refused, answered, named = (ask(vendors_stage) for _ in range(3))
    assert (refused.status_code, answered.status_code, named.status_code) == (401, 200, 200)
    for reply in (refused, answered):
        for place in (reply.text, str(reply.headers), reply.reason_phrase):
            assert KEY in place
            assert "PLANTED" in place
    told = named.json()
    assert told.get("model", told.get("modelVersion")) == KEY


# --- the connection ---


def test_a_provider_that_never_answers_is_left(vendors_stage):
    vendors_stage.provider("first").script("timeout, timeout:0.01")
    with pytest.raises(httpx.ReadTimeout):
        openai(vendors_stage, timeout=0.2)
    assert openai(vendors_stage).status_code == 200, "a late answer is one all the same"


@pytest.mark.parametrize("fault", ["timeout", "drip", "drip-headers"])
def test_a_held_request_is_released_when_the_stage_closes(fault):
    stage, broken = Stage().start(), []

    def ask() -> None:
        try:
            openai(stage, timeout=30)
        except httpx.TransportError as error:
            broken.append(error)
        else:
            broken.append(None)

    stage.provider("first").script(fault)
    thread = threading.Thread(target=ask)
    thread.start()
    assert stage.provider("first").wait_for(1)
    stage.close()
    thread.join(10)
    assert not thread.is_alive()
    assert len(broken) == 1


def test_a_drip_meets_every_read_and_never_ends(vendors_stage):
    vendors_stage.provider("first").script("drip")
    url = f"{vendors_stage.at('first')}/v1/chat/completions"
    with httpx.stream("POST", url, json={}, timeout=5) as response:
        parts = response.iter_raw()
        assert [next(parts) for _ in range(3)] == [b" "] * 3


def test_a_connection_can_be_reset(vendors_stage):
    vendors_stage.provider("first").script("reset")
    with pytest.raises(httpx.ReadError):
        openai(vendors_stage)
    assert openai(vendors_stage).status_code == 200


def test_a_truncated_body_is_known_by_its_length(vendors_stage):
    vendors_stage.provider("first").script("truncated")
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        openai(vendors_stage)


# --- answers that are not right ---


@ALL
def test_an_answer_can_be_wrong_in_each_of_the_ways(vendors_stage, ask):
    for name in ("first", "second", "third"):
        vendors_stage.provider(name).script("garbage, prose, misfit, cut, no-usage, false-usage")
    garbage, *others = (ask(vendors_stage) for _ in range(6))
    with pytest.raises(ValueError, match="Expecting value"):
        garbage.json()
    prose, misfit, cut, silent, false = (reply.json() for reply in others)
    for broken in (prose, cut):
        with pytest.raises(ValueError, match=r"Expecting|Unterminated|delimiter"):
            json.loads(text_of(broken))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(json.loads(text_of(misfit)), plan_prompt.SCHEMA)
    assert usage_of(cut)[1] == 2000
    assert "length" in str(cut) or "max_tokens" in str(cut) or "MAX_TOKENS" in str(cut)
    assert not {"usage", "usageMetadata"} & set(silent)
    assert usage_of(false) == (-1, 10**12)


def test_the_documentation_names_every_word_and_no_other():
    page = (Path(__file__).resolve().parents[2] / "docs" / "stage.md").read_text()
    table = page.split("| word |", 1)[1]
    assert re.findall(r"^\| `([a-z0-9-]+)` \|", table, re.MULTILINE) == list(WORDS)


# --- the bad day ---


def test_nothing_but_the_stage_and_its_own_data_is_in_the_settings_of_a_bad_day(vendors_stage, tmp_path):
    own = {"OPENAI_API_KEY": KEY, "DATABASE_URL_FILE": "/run/db", "REDIS_URL": "redis://other", "PATH": "/bin"}
    told = bad_day.environment(own, vendors_stage, tmp_path)
    assert not {"OPENAI_API_KEY", "DATABASE_URL_FILE", "REDIS_URL"} & set(told)
    assert (told["PATH"], told["DATA_DIR"]) == ("/bin", str(tmp_path))
    env = read(told)
    assert [spec.kind for spec in env.autonomy_language_models] == ["openai", "anthropic", "gemini"]
    assert all(spec.key and spec.address.startswith(vendors_stage.url) for spec in env.autonomy_language_models)
    assert env.autonomy_search == [], "nor is the web searched"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["first", "second", "third"])
def test_a_whole_run_on_the_stage_passes_the_gates(vendors_stage, settings, tmp_path, start, work, name):
    models = read(bad_day.environment({}, vendors_stage, tmp_path)).autonomy_language_models
    alone = [spec for spec in models if spec.name == name]
    settings.ENV = settings.ENV.model_copy(update={"autonomy_language_models": alone})
    run = start()
    work()
    run.refresh_from_db()
    assert (run.status, run.reason) == ("waiting_human", "")
    calls = list(ProviderCall.objects.filter(run=run))
    assert len(calls) == len(vendors_stage.provider(name).requests) >= 2
    assert all(call.outcome == "ok" and call.usd and not call.estimated for call in calls)


@pytest.mark.parametrize(("first", "told"), [("42", "is no fault"), ("500*,429", "put it last")])
def test_a_day_that_makes_no_sense_is_not_begun(first, told):
    with pytest.raises(CommandError, match=f"--first: .*{told}"):
        call_command("demo_faults", first=first, stdout=StringIO())


def test_the_table_of_calls_is_aligned_and_sums_up():
    operation = uuid4()
    failed = ProviderCall(operation_id=operation, node="plan", provider="first", attempt=1, outcome="retryable")
    failed.http_status, failed.error, failed.latency_ms = 429, "HTTP 429", 12
    answered = ProviderCall(operation_id=operation, node="plan", provider="second", model="claude-played", attempt=2)
    answered.outcome, answered.tokens_in, answered.tokens_out, answered.usd = "ok", 1000, 50, Decimal("0.00375")
    answered.estimated, answered.latency_ms = True, 1500
    headings, *rows, note = calls_table.lines([failed, answered])
    assert [row.split() for row in rows] == [
        ["1.1", "plan", "first", "–", "–", "–", "–", "0.01", "HTTP", "429"],
        ["1.2", "plan", "second", "claude-played", "~1000", "~50", "0.003750", "1.50", "ok"],
        ["2", "all", "1000", "50", "0.003750", "1.51", "1", "of", "1", "questions", "answered"],
    ]
    assert note.startswith("~ is reckoned")
    end = headings.index("seconds") + len("seconds")
    assert [row[:end][-4:] for row in rows] == ["0.01", "1.50", "1.51"]


def test_the_table_of_calls_numbers_its_questions_and_keeps_to_the_width_of_a_terminal():
    first, second = uuid4(), uuid4()
    calls = [
        ProviderCall(operation_id=operation, node="draft", provider="first", attempt=attempt, outcome="retryable")
        for operation, attempt in ((first, 1), (second, 1), (first, 2))
    ]
    calls[1].error = "the connection broke in the middle of a long answer (RemoteProtocolError)"
    told = calls_table.lines(calls, 80)
    assert [line.split()[0] for line in told if "draft" in line] == ["1.1", "2.1", "1.2"]
    assert max(map(len, told)) <= 80
    assert "0 of 2 questions answered" in " ".join(" ".join(told).split())


@pytest.mark.django_db(transaction=True)
def test_a_demo_does_not_wait_for_an_attempt_that_is_minutes_away(model, start, work):
    def ask_for_a_long_rest(request):
        raise ProviderUnavailable("The provider is busy.", retry_after=900)

    model.before = ask_for_a_long_rest
    run = start()
    work()
    told = StringIO()
    command = demo.Command(stdout=told)
    processes = Processes(1.0)
    try:
        command._watch(run, processes, [0.1])
    finally:
        processes.stop()
    assert "The next attempt follows in 900 s." in " ".join(told.getvalue().split())
    with pytest.raises(CommandError, match="too far away"):
        command._tell(run)
