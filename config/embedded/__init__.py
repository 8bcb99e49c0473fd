"""A real PostgreSQL and a real Redis, started on demand when no URL is given, and stopped with their last user."""

from config.embedded.plan import Plan
from config.embedded.secret import secret_key

__all__ = ["Plan", "secret_key"]
