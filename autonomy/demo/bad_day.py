"""Three language models on one stage, the script of their bad day, and the settings that lead to them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autonomy.demo.stage import Stage

# What would lead somewhere else than to the stage.
ELSEWHERE = ("OPENAI_", "AUTONOMY_LANGUAGE_MODELS", "AUTONOMY_SEARCH", "OTEL_", "DATABASE_URL", "REDIS_URL")
TIMEOUT = 2  # seconds for an attempt: somebody is looking on


@dataclass(frozen=True)
class Player:
    """A language model that is played. `script` is what it answers; see demo/stage/script.py. Prices: USD a million."""

    name: str
    kind: str
    model: str
    window: int
    price_in: float
    price_out: float
    script: str

    def spec(self, stage: Stage) -> dict[str, Any]:
        """An item of AUTONOMY_LANGUAGE_MODELS."""
        return {
            "name": self.name,
            "kind": self.kind,
            "base_url": f"{stage.at(self.name)}/v1" if self.kind == "openai" else stage.at(self.name),
            "model": self.model,
            "key_env": self.key_name,
            "window": self.window,
            "price_in": self.price_in,
            "price_out": self.price_out,
        }

    @property
    def key_name(self) -> str:
        return f"STAGE_{self.name.upper()}_KEY"


# No question meets more than two faults at the first and three at the second: so each finds its answer.
PLAYERS = (
    Player("first", "openai", "gpt-played", 128_000, 2, 8, "429:1, 429, ok, 500, quota*"),
    Player("second", "anthropic", "claude-played", 200_000, 3, 15, "prose, ok, timeout, truncated, ok, key*"),
    Player("third", "gemini", "gemini-played", 1_000_000, 1, 4, ""),
)


def environment(base: Mapping[str, str], stage: Stage, data_dir: Path) -> dict[str, str]:
    """`base`, changed so that nothing but the stage is asked and nothing but this data folder is used."""
    kept = {name: value for name, value in base.items() if not name.startswith(ELSEWHERE)}
    return (
        kept
        | {player.key_name: f"no-key-of-{player.name}" for player in PLAYERS}
        | {
            "AUTONOMY_LANGUAGE_MODELS": json.dumps([player.spec(stage) for player in PLAYERS]),
            "AUTONOMY_PROVIDER_TIMEOUT": str(TIMEOUT),
            "AUTONOMY_SEARCH": "none",
            "DATA_DIR": str(data_dir),
        }
    )
