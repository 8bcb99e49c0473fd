"""How channel values become bytes. A checkpoint may hold plain data only: it can never name code to import."""

from __future__ import annotations

from typing import Any

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

# What the serializer writes. It could also read JSON that names a constructor, and pickle: nothing of ours is either.
WRITTEN = frozenset({"null", "bytes", "bytearray", "msgpack"})


class PlainSerializer(JsonPlusSerializer):
    """LangGraph's serializer in its strict mode, whatever the environment says: of the types that a value may name
    only the library's built-in safe ones are revived, anything else stays the data it was made from.
    """

    def __init__(self) -> None:
        super().__init__(allowed_msgpack_modules=None)

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """Raises ValueError for a value that this serializer cannot have written."""
        if data[0] not in WRITTEN:
            raise ValueError(f"A stored value of the type {data[0]} is not read.")
        return super().loads_typed(data)


SERDE = PlainSerializer()
