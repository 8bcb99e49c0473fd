"""How channel values become bytes. A checkpoint may hold plain data only: it can never name code to import."""

from __future__ import annotations

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

# `None` is LangGraph's strict mode: only its built-in list of safe types is revived, whatever the environment says.
SERDE = JsonPlusSerializer(allowed_msgpack_modules=None)
