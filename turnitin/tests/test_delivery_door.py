"""What a delivery may be: everything else is refused with a sentence that says how to mend it, nothing is stored."""

from __future__ import annotations

import json

import pytest
from django.http import HttpRequest
from django.test import RequestFactory

from autonomy.api.raw_body import raw_body
from autonomy.errors import TooLarge
from autonomy.models import Episode, Job
from autonomy.tests.factories import RunFactory
from turnitin.api.signed_delivery import LARGEST
from turnitin.models import Cycle, Report
from turnitin.tests.callers import address_of, body_for, deliver, uploading

pytestmark = pytest.mark.django_db


@pytest.fixture
def cycle() -> Cycle:
    run = RunFactory(status="waiting_human", route="turnitin_pause")
    return Cycle.objects.create(run=run, number=1, target_similarity=0.15)


@pytest.fixture
def client():
    return uploading()


@pytest.fixture
def send(client, cycle):
    def send(body: bytes | str, content_type: str = "application/json"):
        return client.post(address_of(cycle), body, content_type=content_type)

    return send


def nothing_is_stored() -> bool:
    return not (Report.objects.exists() or Job.objects.exists() or Episode.objects.exists())


def with_raw(cycle: Cycle, field: str, raw: str) -> str:
    """The body with JSON of our own for one field."""
    return json.dumps(body_for(cycle, **{field: "RAW"})).replace('"RAW"', raw)


FIGURES = {
    "15": "write 0.15 for 15 percent",
    "1.5": "write 0.015 for 1.5 percent",
    "100": "write 1 for 100 percent",
    "101": "a fraction from 0 to 1",
    "-0.1": "a fraction from 0 to 1",
    "1.0000000001": "write 0.01 for 1 percent",
    "1e400": "a fraction from 0 to 1",
    "-1e400": "a fraction from 0 to 1",
    "9" * 4000: "a fraction from 0 to 1",
    '"0.15"': "not as text",
    '"15%"': "not as text",
    "true": "valid number",
    "[0.1]": "valid number",
    '{"percent": 15}': "valid number",
}


@pytest.mark.parametrize(("raw", "hint"), FIGURES.items(), ids=lambda it: it[:20])
def test_a_figure_that_is_no_fraction_is_refused(send, cycle, raw, hint):
    answer = send(with_raw(cycle, "observed_similarity", raw))
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")
    assert hint in answer.json()["details"]["fields"]["observed_similarity"][0]
    assert nothing_is_stored()


TWICE = '0.1, "observed_similarity": 0.9'


@pytest.mark.parametrize("raw", ["NaN", "Infinity", "-Infinity", "9" * 5000, "0.1.5", "0,15", ".5", TWICE])
def test_a_figure_that_is_no_json_is_refused(send, cycle, raw):
    answer = send(with_raw(cycle, "observed_similarity", raw))
    assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")
    assert nothing_is_stored()


@pytest.mark.parametrize(
    ("raw", "figure"), [("0", 0.0), ("1", 1.0), ("-0.0", 0.0), ("0.1500000001", 0.1500000001), ("5e-324", 5e-324)]
)
def test_a_fraction_is_kept_as_it_is(send, cycle, raw, figure):
    answer = send(with_raw(cycle, "observed_similarity", raw))
    assert (answer.status_code, answer.json()["observed_similarity"]) == (200, figure)
    assert repr(answer.json()["observed_similarity"]) == repr(figure), "also a nothing has no minus"
    assert Cycle.objects.get().observed_similarity == figure


def test_nothing_and_minus_nothing_are_one_figure(send, cycle):
    first, second = (send(with_raw(cycle, "observed_similarity", raw)) for raw in ("-0.0", "0"))
    assert first.content == second.content
    assert Report.objects.count() == 1


ADDRESSES = {
    "http://reports.example.org/1": "must start with https://",
    "ftp://reports.example.org/1": "must start with https://",
    "HTTPS://reports.example.org/1": "must start with https://",
    "javascript:alert(1)": "must start with https://",
    "data:text/html,hello": "must start with https://",
    "//reports.example.org/1": "must start with https://",
    "": "must start with https://",
    "https://": "valid URL",
    "https:///1": "valid URL",
    "https://?q=1": "valid URL",
    "https://reports": "valid URL",
    "https://reports.example.org:99999/": "valid URL",
    "https://[::1": "valid URL",
    "https://reports.example.org\\@evil.example/": "@",
    "https://user:pw@reports.example.org/1": "name or password",
    "https://user@reports.example.org/1": "name or password",
    "https://@reports.example.org/1": "name or password",
    "https://reports.example.org/a b": "spaces",
    " https://reports.example.org/1": "spaces",
    "https://reports.example.org/1\n": "control characters",
    "https://reports.example.org/\r\nX-Else: 1": "control characters",
    "https://reports.example.org/\t": "control characters",
    "https://reports.example.org/\x00": "control characters",
    "https://reports.example.org/\x7f": "control characters",
    "https://reports.example.org/\u5831\u544a": "percent-encoded",
    "https://b\u00fccher.example/1": "xn-- form",
    "https://reports.example.org/\u202e": "percent-encoded",
    "https://reports.example.org/" + "a" * 2000: "2000 characters",
}


@pytest.mark.parametrize(("url", "hint"), ADDRESSES.items(), ids=lambda it: repr(it)[:40])
def test_an_address_that_is_none_is_refused(client, cycle, url, hint):
    answer = deliver(client, cycle, report_url=url)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")
    assert hint in answer.json()["details"]["fields"]["report_url"][0]
    assert nothing_is_stored()


@pytest.mark.parametrize(
    "url",
    [
        "https://xn--bcher-kva.example/1",
        "https://reports.example.org/%E5%A0%B1?a=b&c=%20#2",
        "https://reports.example.org:8443/x@y",
        "https://127.0.0.1/never-asked",
        "https://reports.example.org/" + "a" * 1900,
    ],
)
def test_an_address_is_kept_as_it_is_and_never_asked(client, cycle, url):
    assert deliver(client, cycle, report_url=url).status_code == 200
    assert Report.objects.get().report_url == url


@pytest.mark.parametrize(
    ("changes", "field", "hint"),
    [
        ({"cycle_id": "one"}, "cycle_id", "valid UUID"),
        ({"cycle_id": None}, "cycle_id", "null"),
        ({"cycle_id": 10**50}, "cycle_id", "valid UUID"),
        ({"report_url": None}, "report_url", "null"),
        ({"report_url": 5}, "report_url", "as text"),
        ({"report_url": ["https://reports.example.org"]}, "report_url", "as text"),
        ({"similarity": 0.1}, "similarity", "no such field"),
        ({"human_uploader_id": "mb\nlab 3"}, "human_uploader_id", "one line"),
        ({"human_uploader_id": "mb\x00"}, "human_uploader_id", "one line"),
        ({"human_uploader_id": "mb\n"}, "human_uploader_id", "one line"),
        ({"human_uploader_id": "mb\x1b[31m"}, "human_uploader_id", "one line"),
        ({"human_uploader_id": "mb \u202egnp.exe"}, "human_uploader_id", "one line"),
        ({"human_uploader_id": "m" * 201}, "human_uploader_id", "200"),
        ({"human_uploader_id": 7}, "human_uploader_id", "valid string"),
        ({"human_uploader_id": True}, "human_uploader_id", "valid string"),
    ],
)
def test_a_field_that_does_not_fit_is_named(client, cycle, changes, field, hint):
    answer = deliver(client, cycle, **changes)
    assert answer.status_code == 400
    assert hint in answer.json()["details"]["fields"][field][0]
    assert nothing_is_stored()


MATCH = {"name": "The sea wall, a history", "similarity": 0.04, "source_type": "INTERNET", "words": 31}


def test_the_sources_that_matched_most_are_kept_and_are_no_part_of_what_makes_a_double(client, cycle):
    matches = [MATCH, {"name": "Ñandú", "similarity": 0}]
    first = deliver(client, cycle, top_matches=matches)
    again = deliver(client, cycle, top_matches=[])
    assert (first.status_code, first.content) == (again.status_code, again.content)
    kept = Report.objects.get().top_matches
    assert kept == [MATCH, {"name": "Ñandú", "similarity": 0.0, "source_type": "", "words": None}]


@pytest.mark.parametrize(
    ("matches", "hint"),
    [
        ([MATCH] * 11, "10"),
        ([MATCH | {"name": ""}], "blank"),
        ([MATCH | {"name": "n" * 201}], "200"),
        ([MATCH | {"name": "two\nlines"}], "one line"),
        ([MATCH | {"similarity": 4}], "write 0.04 for 4 percent"),
        ([MATCH | {"similarity": None}], "null"),
        ([MATCH | {"source_type": "s" * 41}], "40"),
        ([MATCH | {"words": -1}], "greater than or equal to 0"),
        ([MATCH | {"words": 3.5}], "valid integer"),
        ([MATCH | {"words": "31"}], "valid integer"),
        ([MATCH | {"words": True}], "valid integer"),
        ([MATCH | {"words": 10**100}], "less than or equal"),
        ([MATCH | {"percentage": 4}], "no such field"),
        ([{"similarity": 0.1}], "required"),
        (["The sea wall"], "dictionary"),
        ({"name": "The sea wall"}, "list"),
        (None, "null"),
    ],
)
def test_matches_that_do_not_fit_are_refused(client, cycle, matches, hint):
    answer = deliver(client, cycle, top_matches=matches)
    assert answer.status_code == 400
    assert hint in json.dumps(answer.json()["details"]["fields"]["top_matches"])
    assert nothing_is_stored()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"\xff\xfe",
        b"[" * 30_000,
        b'{"a":' * 10_000,
        b'{"cycle_id": "\\ud800"}',
        b"{} trailing",
        b'"text"',
        b"[]",
        b"null",
    ],
    ids=lambda it: repr(it[:12]),
)
def test_a_body_that_is_no_json_object_is_refused(send, body):
    answer = send(body)
    assert answer.status_code == 400
    assert answer.json()["code"] in ("parse_error", "invalid_input")
    assert nothing_is_stored()


@pytest.mark.parametrize(
    "content_type", ["multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "text/plain", "text/json"]
)
def test_only_json_is_taken(send, cycle, content_type):
    answer = send(json.dumps(body_for(cycle)), content_type)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert nothing_is_stored()


def test_a_charset_beside_json_is_no_matter(send, cycle):
    assert send(json.dumps(body_for(cycle)), "Application/JSON; charset=utf-8").status_code == 200


def test_a_body_of_64_kib_is_taken_and_one_byte_more_is_not(send, cycle):
    body = json.dumps(body_for(cycle)).encode()
    assert send(body.ljust(LARGEST + 1)).status_code == 413
    assert nothing_is_stored()
    assert send(body.ljust(LARGEST)).status_code == 200


def test_a_body_that_is_too_large_is_told_in_a_sentence(send):
    answer = send(b" " * (LARGEST + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert answer.json()["message"] == "The body may have 65,536 bytes at most."


class Untouched:
    """A stream that nobody may read."""

    def read(self, size: int = -1) -> bytes:
        raise AssertionError("it was read")


def request_with(stream, length: str | None) -> HttpRequest:
    request = RequestFactory().post("/", b"", content_type="application/json")
    request._stream = stream
    request.META["CONTENT_LENGTH"] = length
    return request


@pytest.mark.parametrize("length", [str(LARGEST + 1), "9" * 5000, "-1", "many"])
def test_nothing_is_read_of_a_body_that_says_it_is_too_large(length):
    with pytest.raises(TooLarge):
        raw_body(request_with(Untouched(), length), LARGEST)


def test_a_body_that_does_not_say_how_large_it_is_is_read_no_further_than_the_bound():
    class Endless:
        given = 0

        def read(self, size: int = -1) -> bytes:
            assert size >= 0
            self.given += size
            return b" " * size

    stream = Endless()
    with pytest.raises(TooLarge):
        raw_body(request_with(stream, None), LARGEST)
    assert stream.given == LARGEST + 1
