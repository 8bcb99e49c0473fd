"""Autonomy's own settings, with an ear on the statements of a request that asks for it."""

from config.settings import *  # noqa: F403
from config.settings import MIDDLEWARE

MIDDLEWARE = ["benchmarks.console.statements.Statements", *MIDDLEWARE]
