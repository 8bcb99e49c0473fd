"""`make bench`: Autonomy and its peers by turns, on the same machine and the same Postgres, and one table of them.

Ends with 0 when everything was measured, whether or not a target was met.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections import defaultdict

import psutil

from benchmarks import table
from benchmarks.measured import Measured, Rounds
from benchmarks.runner import Broken, Runner
from benchmarks.subjects import AUTONOMY, CLAIM, FIRST_EVENT, PROFILE, SUBJECTS

BUSY_PERCENT = 10.0


def main() -> None:
    given = asked()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that services and folder go then too
    rounds: Rounds = defaultdict(list)
    busy = psutil.cpu_percent(interval=2)
    if busy > BUSY_PERCENT:
        say(f"Others keep {busy:.0f} percent of this machine busy: the figures will be low and uneven.")
    try:
        runner = Runner(given.processes)
        say(f"{given.rounds} rounds of {given.runs} runs each, {given.processes} processes")
        for number in range(given.rounds):
            # Each round begins with another subject: none always meets the machine as the one before it left it.
            turn = number % len(SUBJECTS)
            for subject in SUBJECTS[turn:] + SUBJECTS[:turn]:
                one = Measured(**runner.measure(subject, runs=given.runs, sequential=given.sequential))
                rounds[subject.name].append(one)
                say(f"round {number + 1}: {subject.name}: {one.runs_per_second:.1f} runs/s")
        say(f"{given.waiting_runs} runs at once, {table.STEPS} nodes of {given.node_seconds} s each …")
        waiting = Measured(
            **runner.measure(
                AUTONOMY,
                runs=given.waiting_runs,
                processes=given.waiting_processes,
                node_seconds=given.node_seconds,
                warmup=2,
                sequential=0,
            )
        )
        say("the first event through the web server …")
        events = runner.measure(FIRST_EVENT, sequential=given.sequential)
        say("claims with an empty and with a full table …")
        claims = runner.measure(CLAIM, runs=given.claims)
        say("where the processor time goes …")
        profile = runner.measure(PROFILE, runs=given.claims)
    except Broken as error:
        sys.exit(str(error))
    ideal = given.waiting_runs * table.STEPS * given.node_seconds / given.waiting_processes
    say("")
    say(table.of(rounds))
    say("")
    say(table.lines(rounds, waiting=(ideal, waiting.seconds), events=events, claims=claims))
    say("")
    say(table.of_profile(rounds, profile))


def asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=300, help="runs of a round (default: 300)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds (default: 5)")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 2, help="for each subject (default: cores)")
    parser.add_argument("--quick", action="store_true", help="a look at whether all works: the figures say little")
    given = parser.parse_args()
    given.sequential, given.claims = 30, 300
    given.waiting_runs, given.waiting_processes, given.node_seconds = 200, 16, 0.5
    if given.quick:
        given.runs, given.rounds, given.sequential, given.claims, given.waiting_runs = 50, 1, 5, 50, 32
    return given


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
