"""`manage.py stack` and `bootstrap` as a person runs them: processes of their own, stopped and killed for real."""

from __future__ import annotations

import contextlib
import re
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from autonomy.tests.stack import Stack, eventually, left_behind, manage, one


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """One for all tests here: making the tables takes longer than anything else."""
    with tempfile.TemporaryDirectory(prefix="autonomy stack ", ignore_cleanup_errors=True) as folder:
        data = Path(folder, "data")
        yield data
        for process in left_behind(data):
            with contextlib.suppress(psutil.Error):
                process.kill()


def test_the_first_start_prints_the_login_and_the_token_and_the_next_one_only_the_token(data: Path) -> None:
    first = Stack(data)
    code, output, errors = first.stop(signal.SIGINT)
    assert code == 0, errors
    assert left_behind(data) == []
    assert re.search(r"^staff login: staff / \S{16}$", output, re.MULTILINE)
    assert f"http://127.0.0.1:{first.port}/admin/" in output
    [token] = re.findall(r"^api token: ([0-9a-f]{40})$", output, re.MULTILINE)

    code, output, errors = Stack(data).stop(signal.SIGTERM)
    assert code == 0, errors
    assert left_behind(data) == []
    assert "staff login: staff (password was shown at the first start" in output
    assert f"api token: {token}" in output


def test_when_the_stack_is_killed_nothing_lives_on(data: Path) -> None:
    stack = Stack(data)
    stack.process.kill()
    stack.process.communicate(timeout=60)
    assert eventually(lambda: left_behind(data) == [], 40), left_behind(data)


def test_when_the_web_server_dies_the_others_stop_and_the_exit_code_tells(data: Path) -> None:
    stack = Stack(data)
    one(data, "uvicorn").kill()
    _, errors = stack.process.communicate(timeout=60)
    assert stack.process.returncode == 1
    assert "The web process ended unexpectedly (exit code -9); stopping the others." in errors
    assert eventually(lambda: left_behind(data) == [], 10), left_behind(data)


@pytest.mark.parametrize("word", ["worker", "beat"])
def test_a_worker_or_a_beat_that_dies_is_started_again(data: Path, word: str) -> None:
    stack = Stack(data)
    # The web server answers first; the others are given time to come up, to be killed in full flight.
    assert eventually(lambda: one(data, word) is not None, 20)
    before = {process.pid for process in left_behind(data) if word in process.cmdline()}
    one(data, word).kill()
    # Also what is left of a dead worker, its children, must be gone.
    assert eventually(lambda: one(data, word).pid not in before, 20)
    code, _, errors = stack.stop(signal.SIGTERM)
    assert code == 0, errors
    assert f"The {word} process ended unexpectedly (exit code -9); starting it again." in errors
    assert left_behind(data) == []


def test_a_port_in_use_is_told_in_a_sentence_before_anything_starts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, tempfile.TemporaryDirectory() as folder:
        port = server.getsockname()[1]
        command = manage(Path(folder), "stack", "--port", str(port))
        _, errors = command.communicate(timeout=30)
        assert command.returncode == 1
        assert f"127.0.0.1:{port} cannot be used" in errors
        assert not (Path(folder) / "postgres").exists()


def test_bootstrap_run_twice_at_once_makes_one_account(data: Path) -> None:
    migrate = manage(data, "migrate", "--verbosity", "0")
    _, errors = migrate.communicate(timeout=120)
    assert migrate.returncode == 0, errors
    commands = [manage(data, "bootstrap", "--username", "night-shift") for _ in range(3)]
    outputs = [command.communicate(timeout=60) for command in commands]
    assert [command.returncode for command in commands] == [0, 0, 0], outputs
    logins = [output.splitlines()[0] for output, _ in outputs]
    assert sum(login.startswith("staff login: night-shift / ") for login in logins) == 1
    assert len({output.splitlines()[1] for output, _ in outputs}) == 1
