"""The circuit of one provider, without Redis: tables of what happens when, and random walks."""

from __future__ import annotations

import random

import pytest

from autonomy.providers.breaker import circuit
from autonomy.providers.breaker.circuit import Circuit

START = 1_800_000_000.0  # the beginning of a bucket


def after(answers, at=START):
    """The circuit after these answers, one a second from `at`: + for a good one, - for a bad one."""
    known = Circuit()
    for second, answer in enumerate(answers):
        known = known.good(at + second) if answer == "+" else known.bad(at + second)
    return known


def opened():
    return after("-----", at=START - 4)


@pytest.mark.parametrize(
    ("answers", "state"),
    [
        ("", "closed"),
        ("----", "closed"),
        ("-----", "open"),
        ("+----", "open"),
        ("++++-", "closed"),
        ("+++--", "closed"),
        ("+++---", "open"),
        ("++++++++++---------", "closed"),
        ("++++++++++----------", "open"),
    ],
)
def test_it_opens_when_half_of_at_least_five_answers_were_bad(answers, state):
    assert after(answers).state(START + len(answers)) == state


def test_an_open_circuit_refuses_with_the_time_and_the_reason():
    verdict = opened().asked(START + 14.9, 60)[1]
    assert (verdict.may_go, verdict.until, verdict.reason) == (False, START + 15, "5 of the last 5 answers failed")


def test_good_answers_alone_never_open_it():
    assert after("+" * 29) == Circuit(good_answers=29, bucket=int(START // 30))


@pytest.mark.parametrize(
    ("seconds", "state"),
    [(0, "open"), (29, "open"), (30, "open"), (59, "open"), (60, "closed"), (3600, "closed"), (-3600, "closed")],
)
def test_an_answer_counts_for_a_window_and_is_then_forgotten(seconds, state):
    four_bad = Circuit(bad_answers=4, bucket=int(START // 30))
    assert four_bad.bad(START + seconds).state(START + seconds) == state


def test_a_clock_a_little_behind_forgets_nothing():
    assert after("----").bad(START - 1).state(START - 1) == "open"


def test_one_probe_goes_and_the_others_wait_for_it():
    probing, first = opened().asked(START + 15, 65)
    same, second = probing.asked(START + 16, 65)
    assert (first.may_go, first.is_probe) == (True, True)
    assert (second.may_go, second.until, same) == (False, START + 80, probing)


def test_a_good_probe_closes_it_and_forgets():
    probing = opened().asked(START + 15, 65)[0]
    assert probing.good(START + 17) == Circuit()


def test_each_failed_probe_doubles_the_wait_up_to_five_minutes():
    known, now, waits = opened(), START, []
    for _ in range(7):
        waits.append(known.until - now)
        now = known.until
        known, verdict = known.asked(now, 65)
        assert verdict.is_probe
        now += 1
        known = known.bad(now)
    assert waits == [15, 30, 60, 120, 240, 300, 300]
    assert known.asked(now, 65)[1].reason == "the call that tried it failed"


def test_a_probe_of_which_nothing_was_heard_gives_way():
    probing = opened().asked(START + 15, 65)[0]
    assert not probing.asked(START + 79.9, 65)[1].may_go
    assert probing.asked(START + 80, 65)[1].is_probe


def test_a_probe_that_was_not_sent_gives_way_at_once():
    probing = opened().asked(START + 15, 65)[0]
    assert probing.unused(START + 16).asked(START + 16, 65)[1].is_probe
    assert after("---").unused(START) == after("---")


def test_answers_to_calls_from_before_it_opened_change_nothing():
    known = opened()
    assert known.good(START + 5) == known.bad(START + 5) == known
    half_open = START + 20  # nobody has asked yet
    assert known.good(half_open) == known.bad(half_open) == known


def test_cooled_it_refuses_everybody_until_then_and_lets_one_probe_through():
    known = after("++").cooled(START, 600, "the provider asks to wait")
    refused = known.asked(START + 599, 65)[1]
    assert (refused.may_go, refused.until, refused.reason) == (False, START + 600, "the provider asks to wait")
    probing, verdict = known.asked(START + 600, 65)
    assert verdict.is_probe
    assert not probing.asked(START + 601, 65)[1].may_go
    assert probing.good(START + 602) == Circuit()
    assert probing.bad(START + 602).until == START + 602 + 15


def test_cooling_never_shortens_a_wait():
    known = Circuit().cooled(START, 600, "long")
    assert known.cooled(START, 5, "short") == known
    assert opened().cooled(START + 1, 5, "short") == opened()
    assert Circuit().cooled(START, 0, "none") == Circuit().cooled(START, float("nan"), "none") == Circuit()


def test_cooling_lasts_a_day_at_most():
    assert Circuit().cooled(START, float("inf"), "for ever").until == START + 86_400


def test_a_probe_that_is_told_to_wait_cools_the_circuit_and_keeps_the_doubling():
    known = opened().asked(START + 15, 65)[0].cooled(START + 16, 600, "the provider asks to wait")
    known = known.asked(START + 616, 65)[0].bad(START + 617)
    assert known.until == START + 617 + 30


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"closed",
        b"[]",
        b'"open"',
        b"\xff\xfe",
        b'{"until": -1}',
        b'{"until": NaN}',
        b'{"until": Infinity}',
        b'{"until": "2"}',
        b'{"until": 9e99}',
        b'{"probe_until": 9e99}',
        b'{"good_answers": true}',
        b'{"good_answers": 1.5}',
        b'{"reason": null}',
        b'{"colour": "red"}',
    ],
)
def test_what_is_no_circuit_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        circuit.from_json(text, START)


@pytest.mark.parametrize("seed", range(100))
def test_a_random_walk_keeps_what_is_promised(seed):
    chance = random.Random(seed)
    known, now = Circuit(), START
    probe_until = 0.0  # of the probe that is out
    heard: list[tuple[float, bool]] = []  # answers since it was closed as new
    for _ in range(400):
        now += chance.choice((0, 0.01, 1, 5, 20, 70, 700))
        before, was = known, known.state(now)
        event = chance.choice(("ask", "ask", "ask", "good", "bad", "bad", "cool", "unused"))
        match event:
            case "ask":
                known, verdict = known.asked(now, chance.choice((1, 65)))
                assert verdict.may_go or now < verdict.until <= now + circuit.LONGEST_COOLING
                assert verdict.may_go or before.asked(verdict.until, 65)[1].is_probe, "it lets one through in the end"
                assert verdict.is_probe == (verdict.may_go and was != "closed")
                if verdict.is_probe:
                    assert probe_until <= now, "two probes at once"
                    probe_until = known.probe_until
            case "good":
                known = known.good(now)
                heard.append((now, True))
            case "bad":
                known = known.bad(now)
                heard.append((now, False))
            case "cool":
                known = known.cooled(now, chance.choice((-1, 0, 3, 400, 1e9)), "cooled")
            case "unused":
                known = known.unused(now)
        if event in ("good", "bad", "unused") or (event == "cool" and known.state(now) == "open"):
            probe_until = 0.0
        if was == "closed" and known.wait:
            recent = [good for at, good in heard if now - at <= circuit.WINDOW]
            assert recent.count(False) * 2 >= 5
            assert len(recent) >= 5
            assert known.until == now + circuit.FIRST_WAIT
        if known.wait != before.wait:
            assert known.wait in (0, 15, 30, 60, 120, 240, 300)
            assert known.wait in (0, 15, min(before.wait * 2, 300))
        if known.state(now) != "closed" or known == Circuit():
            heard.clear()
        assert circuit.from_json(circuit.to_json(known), now) == known
