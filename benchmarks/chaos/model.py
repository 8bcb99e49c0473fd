"""`python -m benchmarks.chaos.model FOLDER SEED`: a language model as a process, that speaks OpenAI's chat completions.

It answers after 20 to 400 ms with a plan, or with a section that passes the gates; it reports its usage, and it fails
now and then in every way a vendor does. To a few topics it is dead at first: their runs fail, and need people. It
writes its port to FOLDER/model.port; GET /counts tells what it has done.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

FAULTS = {"busy": 0.03, "error": 0.03, "cut": 0.02, "silent": 0.01, "malformed": 0.01, "usage untold": 0.01}
AGAINST_ALL_ODDS, OFTEN = "against all odds", 7  # a question has three attempts: the run fails twice
SILENCE = 6.0  # longer than the storm's provider timeout
LEAST, MOST = 0.02, 0.4

_OWN_WORDS = (
    "This is plainly the point that concerns the people there.",
    "Whoever plans for a town has to weigh it against the cost.",
    "Taken together, such figures ask for patience and for steady repair.",
    "Nothing in them promises that the next winter will be kinder.",
)


class Model:
    """Decides what to answer; one for all requests."""

    def __init__(self, seed: int) -> None:
        self.counts: Counter[str] = Counter()
        self._asked: Counter[str] = Counter()
        self._chance = random.Random(f"{seed}:model")
        self._lock = threading.Lock()

    def decide(self, topic: str) -> tuple[float, str]:
        """How long to wait, and which fault to show, if any."""
        with self._lock:
            pause, dice = self._chance.uniform(LEAST, MOST), self._chance.random()
            self._asked[topic] += 1
            if AGAINST_ALL_ODDS in topic and self._asked[topic] <= OFTEN:
                return pause, "error"
            for fault, share in FAULTS.items():
                if dice < share:
                    return pause, fault
                dice -= share
            return pause, ""

    def count(self, name: str, tokens: int = 0) -> None:
        with self._lock:
            self.counts[name] += 1
            self.counts["tokens"] += tokens


def content_of(material: dict[str, Any]) -> dict[str, Any]:
    if "passages" in material:
        return {"markdown": _section(material)}
    words = max(20, material["words"] // 2)
    return {
        "title": "On the sea wall",
        "sections": [
            {"heading": heading, "question": "What happened?", "words": words, "queries": ["sea wall water town flood"]}
            for heading in material["sections"] or ("Water", "Walls")
        ],
    }


def _section(material: dict[str, Any]) -> str:
    passage = material["passages"][0]
    text = f"One source says: “{passage['text'].split('. ')[0].rstrip('.')}” [@{passage['key']}]."
    while len(text.split()) < material["words"]:
        text += f" {_OWN_WORDS[len(text) % len(_OWN_WORDS)]}"
    # Some first drafts fail a gate, and are written again.
    invents = material["redraft"] == 0 and len(passage["text"]) % 7 == 0
    return f"{text} [@{'nobody' if invents else passage['key']}]"


def handler(model: Model) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send(200, json.dumps(model.counts))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            material = json.loads(body["messages"][1]["content"])
            pause, fault = model.decide(material["topic"])
            time.sleep(pause)
            shown: dict[str, Callable[[], None]] = {
                "busy": lambda: self._send(429, "{}", {"Retry-After": "1"}),
                "error": lambda: self._send(500, "{}"),
                "cut": self._cut,
                "silent": lambda: time.sleep(SILENCE),
            }
            if fault in shown:
                model.count(fault)
                shown[fault]()
            else:
                self._answer(body, material, fault)

        def _answer(self, body: dict[str, Any], material: dict[str, Any], fault: str) -> None:
            text = json.dumps(content_of(material))
            if fault == "malformed":
                text = text[: len(text) // 2]
            usage = {"prompt_tokens": len(json.dumps(body)) // 4, "completion_tokens": len(text) // 4}
            choices = [{"message": {"content": text}, "finish_reason": "stop"}]
            completion: dict[str, Any] = {"model": "storm-1", "choices": choices, "usage": usage}
            if fault == "usage untold":
                del completion["usage"]
            model.count(fault or "answered", sum(usage.values()))
            self._send(200, json.dumps(completion))

        def _cut(self) -> None:
            self.wfile.write(b'HTTP/1.0 200 OK\r\nContent-Length: 9000\r\n\r\n{"choices": [')

        def _send(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
            try:
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text.encode())
            except OSError:  # who asked was killed meanwhile
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def main() -> None:
    folder, seed = Path(sys.argv[1]), int(sys.argv[2])
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(Model(seed)))
    server.daemon_threads = True
    unfinished = folder / "model.port.new"
    unfinished.write_text(str(server.server_port))
    unfinished.rename(folder / "model.port")
    server.serve_forever()


if __name__ == "__main__":
    main()
