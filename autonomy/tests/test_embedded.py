"""The embedded services: real servers, real kills. No test here needs Django's database."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import psycopg
import pytest
from redis import Redis

from config import embedded
from config.embedded.folders import Folders

ROOT = Path(__file__).resolve().parents[2]
MEMBER = """
import sys
from pathlib import Path
from django.core.exceptions import ImproperlyConfigured
from config import embedded
try:
    embedded.Plan.of(data_dir=Path(sys.argv[1]), postgres=True, redis=True).ensure()
except ImproperlyConfigured as error:
    sys.exit(str(error))
print("joined", flush=True)
sys.stdin.readline()
"""


class Member:
    """A process that uses the services of one data folder until it is told to leave."""

    def __init__(self, data: Path, **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", MEMBER, str(data)],
            cwd=ROOT,
            env=os.environ | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def joined(self) -> Member:
        assert self.process.stdout
        said = self.process.stdout.readline()
        assert said == "joined\n", self.process.communicate()[1]
        return self

    def leave(self) -> None:
        _, errors = self.process.communicate("leave\n", timeout=30)
        assert self.process.returncode == 0, errors

    def refusal(self) -> str:
        _, errors = self.process.communicate(timeout=30)
        assert self.process.returncode == 1
        return errors

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def data() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="autonomy test ", ignore_cleanup_errors=True) as folder:
        data = Path(folder, "data")
        yield data
        for process in services(data):
            with contextlib.suppress(psutil.Error):
                process.kill()
        shutil.rmtree(Folders.of(data).sockets, ignore_errors=True)


def services(data: Path) -> list[psutil.Process]:
    """The guardian and the servers of a data folder, found without asking them."""
    folders = Folders.of(data)
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            words = " ".join(process.cmdline())
            marks = (f"-D {folders.data}/", f"config.embedded {folders.data} ", f"{folders.sockets}/redis.sock")
            inside = Path(process.cwd()).is_relative_to(folders.data)
            if process.status() != psutil.STATUS_ZOMBIE and (inside or any(mark in words for mark in marks)):
                found.append(process)
    return found


def guardian(data: Path) -> psutil.Process:
    for process in services(data):
        with contextlib.suppress(psutil.Error):
            if "config.embedded" in process.cmdline():
                return process
    raise ValueError("no guardian")


def server_pid(data: Path, service: str) -> int:
    return int((data / service / {"postgres": "postmaster.pid", "redis": "redis.pid"}[service]).read_text().split()[0])


def plan(data: Path) -> embedded.Plan:
    return embedded.Plan.of(data_dir=data, postgres=True, redis=True)


def ask(data: Path, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(plan(data).database_url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def eventually(condition: Callable[[], object], seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(psycopg.OperationalError, OSError, ValueError):
            if condition():
                return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("name", ["plain", "with 'a' \"few\" $signs", "long" * 40])
def test_both_services_answer_in_any_folder_and_end_with_the_command(data: Path, name: str) -> None:
    data = data / name
    member = Member(data, PGPORT="9999").joined()
    ask(data, "CREATE EXTENSION vector")
    assert ask(data, "SELECT '[1,2]'::vector <-> '[1,3]'::vector") == [(1.0,)]
    assert ask(data, "SELECT setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit')") == [("on",)] * 2
    with Redis.from_url(plan(data).redis_url) as redis:
        assert redis.ping()
    sockets = Folders.of(data).sockets
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    member.leave()
    assert services(data) == []
    assert not sockets.exists()


def test_making_a_plan_starts_nothing_and_writes_nothing(data: Path) -> None:
    first, second = plan(data), plan(data)
    assert (first.database_url, first.redis_url) == (second.database_url, second.redis_url)
    embedded.Plan.of(data_dir=data, postgres=False, redis=False).ensure()
    assert not data.exists()


def test_many_processes_that_start_at_once_share_one_of_each(data: Path) -> None:
    members = [Member(data) for _ in range(8)]
    for member in members:
        member.joined()
    assert len(guardian(data).children()) == 2
    assert ask(data, "SELECT count(*) FROM pg_database WHERE datname = 'autonomy'") == [(1,)]
    with ThreadPoolExecutor() as pool:
        list(pool.map(Member.leave, members))
    assert eventually(lambda: services(data) == [], 5)


def test_the_services_stay_until_the_last_process_leaves(data: Path) -> None:
    first, second = Member(data).joined(), Member(data).joined()
    first.leave()
    assert ask(data, "SELECT 1") == [(1,)]
    second.leave()
    assert services(data) == []


def test_the_services_end_when_their_only_process_is_killed(data: Path) -> None:
    Member(data).joined().kill()
    assert eventually(lambda: services(data) == [], 10)
    assert not Folders.of(data).sockets.exists()


def test_a_second_start_finds_what_was_committed(data: Path) -> None:
    member = Member(data).joined()
    ask(data, "CREATE TABLE kept AS SELECT 42 AS answer")
    member.leave()
    member = Member(data).joined()
    assert ask(data, "SELECT answer FROM kept") == [(42,)]
    member.leave()


def test_one_that_starts_while_the_last_one_leaves_gets_services_that_last(data: Path) -> None:
    member = Member(data).joined()
    for _ in range(4):
        following = Member(data)
        member.leave()
        member = following.joined()
        assert ask(data, "SELECT 1") == [(1,)]
    member.leave()
    assert services(data) == []


def test_a_killed_guardian_is_replaced_and_the_running_servers_are_kept(data: Path) -> None:
    first = Member(data).joined()
    postgres, redis = server_pid(data, "postgres"), server_pid(data, "redis")
    guardian(data).kill()
    second = Member(data).joined()
    assert (server_pid(data, "postgres"), server_pid(data, "redis")) == (postgres, redis)
    first.leave()
    assert ask(data, "SELECT 1") == [(1,)]
    second.leave()
    assert services(data) == []


def test_nothing_is_left_when_the_guardian_was_killed_before_the_last_process_leaves(data: Path) -> None:
    member = Member(data).joined()
    guardian(data).kill()
    member.leave()
    assert services(data) == []


def test_an_interrupt_in_the_terminal_does_not_stop_the_guardian_and_a_termination_does(data: Path) -> None:
    member = Member(data).joined()
    guardian(data).send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert ask(data, "SELECT 1") == [(1,)]
    guardian(data).terminate()
    assert eventually(lambda: services(data) == [], 10)
    member.leave()


def test_killed_servers_are_started_again_while_somebody_uses_them(data: Path) -> None:
    member = Member(data).joined()
    ask(data, "CREATE TABLE kept AS SELECT 42 AS answer")
    for service in ("postgres", "redis"):
        os.kill(server_pid(data, service), signal.SIGKILL)
    assert eventually(lambda: ask(data, "SELECT answer FROM kept") == [(42,)])
    with Redis.from_url(plan(data).redis_url) as redis:
        assert eventually(redis.ping)
    member.leave()
    assert services(data) == []


def test_after_all_was_killed_at_once_the_next_start_works(data: Path) -> None:
    member = Member(data).joined()
    ask(data, "CREATE TABLE kept AS SELECT 42 AS answer")
    kill_all(data, member)
    member = Member(data).joined()
    assert ask(data, "SELECT answer FROM kept") == [(42,)]
    member.leave()


def test_a_pid_file_that_names_a_stranger_does_not_stop_the_next_start(data: Path) -> None:
    member = Member(data).joined()
    kill_all(data, member)
    owner = (data / "postgres").stat().st_uid
    stranger = subprocess.Popen(["sleep", "60"], user=owner if owner != os.getuid() else None)
    try:
        pid_file = data / "postgres" / "postmaster.pid"
        lines = pid_file.read_text().splitlines(keepends=True)
        pid_file.write_text("".join([f"{stranger.pid}\n", *lines[1:]]))
        Member(data).joined().leave()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_kill_while_the_database_is_being_made_leaves_nothing_that_stops_the_next_start(data: Path) -> None:
    member = Member(data)
    assert eventually(lambda: list(data.glob("postgres.new-*/base")))
    kill_all(data, member)
    assert not (data / "postgres").exists()
    member = Member(data).joined()
    assert ask(data, "SELECT 1") == [(1,)]
    assert list(data.glob("postgres.new-*")) == []
    member.leave()


def test_a_folder_that_holds_something_else_is_refused_with_a_sentence(data: Path) -> None:
    (data / "postgres").mkdir(parents=True)
    (data / "postgres" / "novel.txt").write_text("It was a dark and stormy night.")
    assert "is not a data folder of PostgreSQL 18" in Member(data).refusal()
    assert services(data) == []


def test_a_server_that_cannot_start_is_reported_with_the_end_of_its_log(data: Path) -> None:
    Member(data).joined().leave()
    with (data / "postgres" / "postgresql.conf").open("a") as configuration:
        configuration.write("no_such_setting = 1\n")
    assert 'unrecognized configuration parameter "no_such_setting"' in Member(data).refusal()
    assert services(data) == []


def test_a_socket_folder_that_others_can_enter_is_refused(data: Path) -> None:
    sockets = Folders.of(data).sockets
    sockets.mkdir(mode=0o755)
    sockets.chmod(0o755)
    assert "is not a private folder of this user" in Member(data).refusal()


def test_a_data_folder_that_cannot_be_made_is_refused_with_a_sentence(data: Path) -> None:
    data.write_text("a file")
    assert "Choose another with DATA_DIR" in Member(data / "below").refusal()


def test_the_secret_key_is_made_once_however_many_ask_and_is_private(data: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: embedded.secret_key(data), range(32)))
    assert len(keys) == 1
    assert len(keys.pop()) >= 50
    assert stat.S_IMODE((data / "secret_key").stat().st_mode) == 0o600


def test_without_a_writable_folder_there_is_a_key_for_the_moment(data: Path) -> None:
    data.write_text("a file")
    assert len(embedded.secret_key(data)) >= 50


def kill_all(data: Path, member: Member) -> None:
    """As a power cut would: nobody gets to tidy up."""
    found = services(data)
    for process in found:
        with contextlib.suppress(psutil.Error):
            process.suspend()
    for process in [*found, *services(data)]:
        with contextlib.suppress(psutil.Error), contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    member.kill()
    assert eventually(lambda: services(data) == [])
