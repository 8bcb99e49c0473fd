"""Through the real web server: from the POST that starts a run to its first server-sent event, and to its last."""

from __future__ import annotations

import socket
import time

import httpx

from benchmarks.autonomy_side.stage import SOURCE, Stage, task_spec, workers
from benchmarks.subject import PATIENCE, answer, asked

NOT_COUNTED = 5


def main() -> None:
    given = asked()
    stage = Stage(given)
    from rest_framework.authtoken.models import Token

    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    headers = {"Authorization": f"Token {Token.objects.create(user=stage.owner).key}"}
    with (
        workers(given, web_port=port),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30) as client,
    ):
        wait_until_ready(client)
        runs = [one_run(client) for _ in range(NOT_COUNTED + given.sequential)][NOT_COUNTED:]
    first, ended = zip(*runs, strict=True)
    answer(first_event=first, ended=ended)


def one_run(client: httpx.Client) -> tuple[float, float]:
    """Milliseconds from before the POST to the first event and to the stream's `end`."""
    body = {
        "journey": "bench",
        "task_spec": task_spec() | {"sources": [{"title": "A source", "text": SOURCE.decode()}]},
    }
    began = time.perf_counter()
    started = client.post("/api/v2/runs", json=body)
    started.raise_for_status()
    first = 0.0
    with client.stream("GET", f"{started.headers['Location']}/events") as events:
        for line in events.iter_lines():
            if line.startswith("id:") and not first:
                first = time.perf_counter() - began
            if line == "event: end":
                return first * 1000, (time.perf_counter() - began) * 1000
    raise RuntimeError("the stream ended before the run")


def wait_until_ready(client: httpx.Client) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            if client.get("/health/ready").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise TimeoutError("the web server does not answer")


if __name__ == "__main__":
    main()
