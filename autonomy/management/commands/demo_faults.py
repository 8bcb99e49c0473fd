"""`manage.py demo_faults`: the demo on a bad day, with language models that are played and fail as they are told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from autonomy.demo import bad_day
from autonomy.demo.stage import ScriptError, Stage
from autonomy.management import own_folder

WORDS = 450
SIMILARITY = 0.09


class Command(BaseCommand):
    help = "Write one document while three played language models fail in turn; show what is retried, and by whom."

    def add_arguments(self, parser: CommandParser) -> None:
        for player in bad_day.PLAYERS:
            told = f"What the {player.name} answers (default: {player.script or 'right answers'})."
            parser.add_argument(f"--{player.name}", default=player.script, metavar="SCRIPT", help=told)
        parser.add_argument("--words", type=int, default=WORDS, help="Length to aim for.")

    def handle(self, *args: Any, words: int, **options: Any) -> None:
        data_dir = settings.DATA_DIR / "demo-faults"
        self.stdout.write("Three language models are played on this machine. What they answer, request by request:")
        with Stage() as stage:
            for player in bad_day.PLAYERS:
                self._cast(stage, player, options[player.name])
            own_folder.clear(data_dir)
            code = self._demo(stage, data_dir, words)
            asked = {player.name: len(stage.provider(player.name).requests) for player in bad_day.PLAYERS}
        told = ", ".join(f"{name} {count}" for name, count in asked.items())
        self.stdout.write(f"requests:  {sum(asked.values())} came to the stage ({told})")
        if code:
            raise CommandError("The run did not survive this day.", returncode=code)

    def _cast(self, stage: Stage, player: bad_day.Player, script: str) -> None:
        try:
            stage.provider(player.name).script(script)
        except ScriptError as error:
            raise CommandError(f"--{player.name}: {error}") from error
        endless = script.rstrip().endswith("*")
        told = script if endless else ", ".join(filter(None, [script, "then rightly" if script else "rightly"]))
        self.stdout.write(f"  {player.name:<8}{player.model:<16}{told}")
        self.stdout.flush()

    def _demo(self, stage: Stage, data_dir: Path, words: int) -> int:
        """The demo in a process of its own, on a database of its own: nobody else's run is answered by the stage."""
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "demo", "--calls", "--words", str(words)]
        process = subprocess.Popen(  # noqa: S603
            [*command, "--similarities", str(SIMILARITY)], env=bad_day.environment(os.environ, stage, data_dir)
        )
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue  # it has heard it too, and stops what it started
