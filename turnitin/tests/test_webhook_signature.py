"""Whose webhook it is, is decided over its bytes as they came."""

from __future__ import annotations

import json

import pytest

from turnitin.core_api.signature import is_right, sign

# openssl dgst -sha256 -mac HMAC -macopt hexkey:$(printf '%s' "$SECRET" | base64 -d | xxd -p -c 99) body.json
SECRET = "c2FtcGxlIHNlY3JldCBvZiAzMiBieXRlcywgeWVzISE="  # of: sample secret of 32 bytes, yes!!
BODY = b'{"id":"a1b2c3d4-0000-4000-8000-000000000001","status":"COMPLETE" ,"title":"Caf\\u00e9 \\/ walls"}'
SIGNATURE = "4b1d3391e535b33d4a1593f0f99e11dacb7c90095b8fe9272bdedbc514fc009d"
# With the base64 text itself as the key: openssl dgst -sha256 -hmac "$SECRET" body.json
OF_THE_TEXT = "b9204ef6a2556a2a31acd218a4a747a480ad3c5772ee93997a78f93dc6de15fc"


def test_the_key_is_the_secret_decoded_from_base64():
    assert sign(SECRET, BODY) == SIGNATURE
    assert is_right(SECRET, BODY, SIGNATURE)


def test_the_base64_text_is_not_the_key():
    assert not is_right(SECRET, BODY, OF_THE_TEXT)


def test_a_known_vector_of_rfc_4231_is_met():
    key = "SmVmZQ=="  # Jefe
    known = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert sign(key, b"what do ya want for nothing?") == known


def test_json_that_was_parsed_and_written_again_is_not_what_was_signed():
    again = json.dumps(json.loads(BODY)).encode()
    assert json.loads(again) == json.loads(BODY)
    assert not is_right(SECRET, again, SIGNATURE)


def test_one_byte_more_or_another_one_is_not_what_was_signed():
    assert not is_right(SECRET, BODY + b"\n", SIGNATURE)
    assert not is_right(SECRET, BODY.replace(b"1", b"2", 1), SIGNATURE)


@pytest.mark.parametrize(
    "given",
    [
        "",
        SIGNATURE.upper(),
        SIGNATURE[:-1],
        SIGNATURE + "0",
        f" {SIGNATURE}",
        f"sha256={SIGNATURE}",
        "é" * 64,
        "\udc80" * 64,
        "\x00",
        "0" * 100_000,
    ],
)
def test_anything_else_that_is_given_is_simply_wrong(given):
    assert not is_right(SECRET, BODY, given)


def test_another_secret_signs_otherwise():
    assert not is_right("b3RoZXIgc2VjcmV0IG9mIDMyIGJ5dGVzLCBubyEhISE=", BODY, SIGNATURE)


def test_an_empty_body_has_a_signature_too():
    assert is_right(SECRET, b"", sign(SECRET, b""))
