"""The run's own sources behind the library port: read once, then searched with Postgres full-text search."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from uuid import UUID

from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db.models import F

from autonomy.errors import UnreadableSource
from autonomy.models import Passage as PassageRow
from autonomy.models import Source
from autonomy.ports import Episodes, Passage, SourceNote
from autonomy.text import passages
from autonomy.tools.extract import extract

EXCERPT_CHARS = 1500
EXCERPT_PASSAGES = 8
_WORD = re.compile(r"\w+", re.UNICODE)


class RunLibrary:
    """Implements ports.Library for one run."""

    def __init__(self, run_id: UUID, *, episodes: Episodes, effect: Callable[[Callable[[], None]], None]) -> None:
        self._run_id = run_id
        self._episodes = episodes
        self._effect = effect

    def read(self) -> list[SourceNote]:
        sources = list(Source.objects.filter(run_id=self._run_id).defer("original").order_by("pk"))
        pending = [source for source in sources if source.status == Source.Status.PENDING]
        excerpts = self._excerpts()
        notes = []
        for source in sources:
            if source.status == Source.Status.PENDING:
                number = pending.index(source) + 1
                told = f"Reading source {number} of {len(pending)}: {source.filename}."
                self._episodes.now("progress", told, done=number - 1, total=len(pending))
                notes.append(self._read_one(source))
            else:
                notes.append(_note(source, excerpts[source.pk]))
        return notes

    def _excerpts(self) -> defaultdict[int, list[str]]:
        """The first passages of each source that was read before."""
        first = PassageRow.objects.filter(run_id=self._run_id, position__lte=EXCERPT_PASSAGES)
        found: defaultdict[int, list[str]] = defaultdict(list)
        for source_id, text in first.order_by("source_id", "position").values_list("source_id", "text"):
            found[source_id].append(text)
        return found

    def search(self, query: str, limit: int) -> list[Passage]:
        terms = _WORD.findall(query)
        if not terms:
            return []
        anything = SearchQuery(" or ".join(terms), config="english", search_type="websearch")
        found = (
            PassageRow.objects.filter(run_id=self._run_id, search=anything)
            .annotate(score=SearchRank(F("search"), anything, normalization=1))
            .select_related("source")
            .only("text", "position", "source__key")
            .order_by("-score", "source_id", "position")[:limit]
        )
        return [Passage(f"{p.source.key}#{p.position}", p.source.key, p.text, float(p.score)) for p in found]

    def _read_one(self, source: Source) -> SourceNote:
        """Extract the text now; the rows are written with the superstep."""
        texts: list[str] = []
        try:
            extracted = extract(source.filename, bytes(source.original))
            texts = passages.split(extracted.text)
            if not texts:
                raise UnreadableSource("The file holds no text.")
        except UnreadableSource as error:
            source.status, source.skipped_reason = Source.Status.SKIPPED, error.message
            self._episodes.note(
                "source_skipped",
                f"{source.filename} is skipped: {error.message}",
                key=source.key,
                filename=source.filename,
            )
        else:
            source.status = Source.Status.READ
            source.title = (extracted.title or source.title)[:500]
            source.media_type, source.headings = extracted.media_type, extracted.headings[:200]
            source.csl = {"type": "document", **extracted.csl, "title": source.title}
            source.words = sum(len(text.split()) for text in texts)
            self._episodes.note(
                "source_read",
                f"{source.filename} is read: {source.words} words.",
                key=source.key,
                filename=source.filename,
                words=source.words,
            )
        self._effect(lambda: _store(source, texts))
        return _note(source, texts)


def _store(source: Source, texts: list[str]) -> None:
    source.save(update_fields=["status", "skipped_reason", "title", "media_type", "headings", "csl", "words"])
    PassageRow.objects.bulk_create(
        [
            PassageRow(run_id=source.run_id, source=source, position=n, text=text)
            for n, text in enumerate(texts, start=1)
        ],
        batch_size=500,
    )


def _note(source: Source, texts: list[str]) -> SourceNote:
    return SourceNote(
        key=source.key,
        title=source.title,
        filename=source.filename,
        words=source.words,
        headings=source.headings,
        excerpt=" ".join(texts[:EXCERPT_PASSAGES])[:EXCERPT_CHARS],
        csl=source.csl,
        skipped=source.skipped_reason,
    )
