"""Where the parts of the graph's picture stand: boxes in a row, or below each other on a narrow screen."""

from __future__ import annotations

from dataclasses import dataclass

# What the critic may send back, the report's way, and what repeats: words beside the arrow.
WORDS = {
    ("draft", "draft"): "next section",
    ("critic", "draft"): "gates",
    ("critic", "plan"): "revision",
    ("turnitin_pause", "critic"): "report",
    ("plan", "plan"): "search",
    ("research", "research"): "search",
}
USUAL = (
    ("plan", "research"), ("research", "draft"), ("draft", "draft"), ("draft", "critic"), ("critic", "draft"),
    ("critic", "plan"), ("critic", "turnitin_pause"), ("turnitin_pause", "critic"), ("critic", "END"),
)  # fmt: skip
PLACES = ("plan", "research", "draft", "critic", "turnitin_pause", "END")


@dataclass(frozen=True)
class Layout:
    """Lengths in units of the picture. `along` is the direction of the row; arcs swing out across it."""

    name: str
    vertical: bool
    width: int
    height: int
    gap: int
    before: int  # room for arcs that go forward and for loops
    after: int  # room for arcs that go back

    @property
    def _along(self) -> int:
        return self.height if self.vertical else self.width

    @property
    def _across(self) -> int:
        return self.width if self.vertical else self.height

    @property
    def size(self) -> tuple[int, int]:
        along = len(PLACES) * (self._along + self.gap) - self.gap + 4
        across = self.before + self._across + self.after
        return (across, along) if self.vertical else (along, across)

    def corner(self, node: str) -> tuple[float, float]:
        along = self._middle(node) - self._along / 2
        return self._point(along, self.before)

    def arrow(self, origin: str, target: str) -> tuple[str, tuple[float, float]]:
        """The path from one box to the other, and where its words stand."""
        start, end = self._middle(origin), self._middle(target)
        steps = PLACES.index(target) - PLACES.index(origin)
        near, far = self.before, self.before + self._across
        if steps == 1:
            middle = self.before + self._across / 2
            points = [(start + self._along / 2, middle), (end - self._along / 2 - 3, middle)]
            words = self._point((start + end) / 2, middle - 6)
            return self._line(points), (words[0] + 14, words[1] + 4) if self.vertical else words
        if steps == 0:
            return self._curve(start - 16, start + 16, near, near - 44), self._words(start, near - 36)
        if steps > 1:
            depth = near - 22 - 14 * steps
            return self._curve(start + 10, end, near, depth), self._words(
                (start + end) / 2, near - 0.75 * (near - depth)
            )
        depth = far + 26 + 15 * -steps
        begin, finish = start - (10 if steps == -1 else 22), end + (14 if steps == -1 else 0)
        middle = (begin + finish) / 2
        if steps == -1 and not self.vertical:
            return self._curve(begin, finish, far, depth), (middle, far + 14)  # within its bend: wider ones pass below
        return self._curve(begin, finish, far, depth), self._words(middle, far + 0.75 * (depth - far))

    def _middle(self, node: str) -> float:
        return PLACES.index(node) * (self._along + self.gap) + self._along / 2 + 2

    def _point(self, along: float, across: float) -> tuple[float, float]:
        return (across, along) if self.vertical else (along, across)

    def _words(self, along: float, across: float) -> tuple[float, float]:
        """Outside of the arc: beyond its bend."""
        outwards = 1 if across > self.before else -1
        if self.vertical:
            return self._point(along + 4, across + 6 * outwards)
        return self._point(along, across + (14 if outwards > 0 else -5))

    def _line(self, points: list[tuple[float, float]]) -> str:
        return "M" + " L".join(f"{x:g} {y:g}" for x, y in (self._point(*one) for one in points))

    def _curve(self, start: float, end: float, edge: float, depth: float) -> str:
        tip = edge + (3 if depth > edge else -3)
        points = [self._point(start, edge), self._point(start, depth), self._point(end, depth), self._point(end, tip)]
        (x1, y1), *rest = points
        return f"M{x1:g} {y1:g} C" + ", ".join(f"{x:g} {y:g}" for x, y in rest)


WIDE = Layout("wide", vertical=False, width=122, height=58, gap=34, before=66, after=86)
NARROW = Layout("narrow", vertical=True, width=136, height=58, gap=34, before=112, after=132)
