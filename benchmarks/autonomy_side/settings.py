"""Autonomy's own settings, with the bench's journey."""

from config.settings import *  # noqa: F403
from config.settings import AUTONOMY_JOURNEYS

AUTONOMY_JOURNEYS = [*AUTONOMY_JOURNEYS, "benchmarks.autonomy_side.journeys"]
