"""Whatever is wrong with a setting, the sentence that stops the start-up repeats none of what was given."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.env import Environment
from config.environ import read

ROOT = Path(__file__).resolve().parents[2]
SECRET = "sk-Planted0123456789abcdef"
ITEM = {
    "kind": "openai",
    "name": "one",
    "base_url": "http://127.0.0.1:1/v1",
    "model": "m",
    "price_in": 1,
    "price_out": 2,
}
FIELDS = (
    "kind", "name", "base_url", "model", "key_env", "key_file", "window", "price_in", "price_out", "price_cached",
    "max_tokens_field", "temperature", "thinking", "json_mode", "key", SECRET,
)  # fmt: skip
PLACES: list[Any] = [
    SECRET, f" {SECRET}\n", f"http://{SECRET}", f"http://u:{SECRET}@h", f"http://h:{SECRET}", f"http://[{SECRET}]",
    [SECRET], {SECRET: SECRET}, f"{SECRET}\u0000", f"/{SECRET}", SECRET * 400, [[SECRET]],
    {"in": SECRET, "out": SECRET},
]  # fmt: skip


def told(environ: dict[str, str]) -> str:
    """What is said of these settings; empty if nothing is wrong with them. Anything but a sentence is a failure."""
    try:
        read(environ)
    except ImproperlyConfigured as error:
        return str(error)
    return ""


def assert_silent(environ: dict[str, str]) -> None:
    said = told(environ)
    assert "planted0123" not in said.lower(), environ


@pytest.mark.parametrize("name", [name.upper() for name in Environment.model_fields])
def test_a_secret_in_the_wrong_setting_is_not_repeated(name, tmp_path):
    for place in PLACES:
        value = place if isinstance(place, str) else json.dumps(place)
        if "\0" in value:
            continue
        assert_silent({name: value})
        (tmp_path / "value").write_text(value)
        assert_silent({f"{name}_FILE": str(tmp_path / "value")})


@pytest.mark.parametrize("field", FIELDS)
def test_a_secret_in_the_wrong_field_of_a_language_model_is_not_repeated(field):
    for place in PLACES:
        for kind in ("openai", "anthropic", "gemini", "offline", "none"):
            assert_silent({"AUTONOMY_LANGUAGE_MODELS": json.dumps([{**ITEM, "kind": kind, field: place}, place])})


def test_a_secret_among_prices_addresses_and_limits_is_not_repeated():
    for place in PLACES:
        for prices in ({"m": place}, {"m": {"in": place, "out": 1}}, {SECRET: place}, {"m": {SECRET: 1}}, place):
            assert_silent({"AUTONOMY_PRICES": json.dumps(prices)})
            assert_silent({"AUTONOMY_SEARCH_URLS": json.dumps(prices)})
            assert_silent({"V2_BUDGET_DEFAULTS": json.dumps(prices)})


def test_broken_json_of_any_kind_is_not_repeated():
    chance = random.Random(7)
    whole = json.dumps([{**ITEM, "model": SECRET, "window": 8000}])
    for name in ("AUTONOMY_LANGUAGE_MODELS", "AUTONOMY_PRICES", "AUTONOMY_SEARCH_URLS", "V2_BUDGET_DEFAULTS"):
        for _ in range(200):
            at = chance.randrange(len(whole))
            assert_silent({name: whole[:at] + chance.choice(["", '"', "{", "]", ",", SECRET, "\\u00", "1e999", "NaN"])})
        assert_silent({name: "[" * 100_000})
        assert_silent({name: "9" * 10_000})


@pytest.mark.parametrize(
    "url",
    [
        "postgres://me:sk-/Planted0123@db/books",
        "postgres://me:sk-#Planted0123@db/books",
        "postgres://me:sk-?Planted0123@db/books",
        "postgres://me:sk-[Planted0123@db/books",
        "postgres://me@db:Planted0123/books",
        "postgres://me@db:99999/Planted0123",
    ],
)
def test_a_password_that_breaks_its_address_stops_the_start_with_a_sentence(url):
    environ = {"DATABASE_URL": url, "DJANGO_SECRET_KEY": "k" * 50}
    assert "DATABASE_URL: it is no address" in told(environ)
    assert_silent(environ)
    environ = {"REDIS_URL": url.replace("postgres", "redis")}
    assert "REDIS_URL: it is no address" in told(environ)
    assert_silent(environ)


def test_a_password_whose_signs_are_quoted_is_taken():
    assert told({"DATABASE_URL": "postgres://me:a%2Fb%23c@:5432/x?host=/tmp", "DJANGO_SECRET_KEY": "k" * 50}) == ""
    assert told({"REDIS_URL": "unix://:a%2Fb@/tmp/redis.sock?db=2"}) == ""
    assert told({"REDIS_URL": "rediss://[::1]:6379/0"}) == ""


def test_a_key_file_that_is_none_is_told_without_its_contents(tmp_path):
    (tmp_path / "binary").write_bytes(b"\xff\x00" + SECRET.encode())
    (tmp_path / "huge").write_text(SECRET * 100_000)
    (tmp_path / "lines").write_text(f"{SECRET}\n{SECRET}\n")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name in (".", "binary", "huge", "lines", "loop", "\0"):
        path = str(tmp_path / name)
        environ = {"AUTONOMY_LANGUAGE_MODELS": json.dumps([{**ITEM, "key_file": path}])}
        assert "item 1: key_file: " in told(environ) or name == "\0"
        assert told(environ)
        assert_silent(environ)
        if name not in ("\0", "lines"):
            assert "OPENAI_API_KEY_FILE: " in told({"OPENAI_API_KEY_FILE": path})
            assert_silent({"OPENAI_API_KEY_FILE": path})


def test_a_file_without_end_does_not_hold_up_the_start():
    environ = {"AUTONOMY_LANGUAGE_MODELS": json.dumps([{**ITEM, "key_file": "/dev/zero"}])}
    assert "item 1: key_file: " in told(environ)


def test_the_whole_start_up_tells_no_value():
    environ = os.environ | {"AUTONOMY_SEARCH": SECRET, "OTEL_EXPORTER_OTLP_HEADERS": SECRET, "AUTONOMY_PRICES": SECRET}
    done = subprocess.run([sys.executable, "manage.py", "check"], cwd=ROOT, env=environ, capture_output=True, text=True)
    assert done.returncode != 0
    assert "Planted0123" not in done.stdout + done.stderr
