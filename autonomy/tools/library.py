"""The run's sources behind the library port: read once, then searched with Postgres full-text search."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from uuid import UUID

from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db.models import F

from autonomy.errors import UnreadableSource
from autonomy.models import Passage as PassageRow
from autonomy.models import Source
from autonomy.ports import Added, Episodes, Found, Passage, SourceNote
from autonomy.text import passages
from autonomy.text.citation_key import citation_key
from autonomy.tools.extract import extract
from autonomy.tools.web_search import reading
from autonomy.tools.web_search.merge import identities

EXCERPT_CHARS = 1500
EXCERPT_PASSAGES = 8
_WORD = re.compile(r"\w+", re.UNICODE)


class RunLibrary:
    """Implements ports.Library for one run."""

    def __init__(self, run_id: UUID, *, episodes: Episodes, effect: Callable[[Callable[[], None]], None]) -> None:
        self._run_id = run_id
        self._episodes = episodes
        self._effect = effect
        # By this worker, some perhaps not yet committed; with their passages.
        self._added: list[tuple[Source, list[str]]] = []

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

    def texts(self) -> Iterator[Passage]:
        """One source at a time is in memory. What a search found just now is among them; a file that was read just
        now is there in the next superstep."""
        committed: set[str] = set()
        for pk, key in Source.objects.filter(run_id=self._run_id).order_by("pk").values_list("pk", "key"):
            committed.add(key)
            read = PassageRow.objects.filter(source_id=pk).order_by("position").values_list("position", "text")
            yield from (Passage(f"{key}#{position}", key, text) for position, text in read)
        for source, texts in self._added:
            if source.key not in committed:
                for position, text in enumerate(texts, start=1):
                    yield Passage(f"{source.key}#{position}", source.key, text)

    def add(self, works: Sequence[Found]) -> Added:
        """Each is read at once, from the text that came with it; the rows are written with the superstep."""
        columns = ("key", "title", "csl", "sha256")
        sources = [*Source.objects.filter(run_id=self._run_id).only(*columns), *(source for source, _ in self._added)]
        keys, digests = {source.key for source in sources}, {source.sha256 for source in sources}
        known = {one for source in sources for one in identities(_as_found(source))}
        new, too_short = [], []
        for work in works:
            data = work.text.encode()
            digest = hashlib.sha256(data).hexdigest()
            if digest in digests or identities(work) & known:
                continue
            if not (texts := _quotable(work, data)):
                too_short.append(work.title)
                continue
            digests.add(digest)
            known |= identities(work)
            source = self._source(work, citation_key(work.title, keys), data, digest, texts)
            self._added.append((source, texts))
            new.append(source.key)
        return Added(tuple(new), tuple(too_short))

    def _source(self, work: Found, key: str, data: bytes, digest: str, texts: list[str]) -> Source:
        source = Source(
            run_id=self._run_id,
            key=key,
            title=work.title[:500],
            filename=f"{key}.txt",
            origin="search",
            original=data,
            sha256=digest,
            status=Source.Status.READ,
            media_type="text/plain",
            csl={"type": "document", **work.csl, "title": work.title},
            words=sum(len(text.split()) for text in texts),
        )
        self._episodes.note(
            "source_found",
            f"{work.title} is found by {', '.join(work.found_by)}: {source.words} words.",
            key=key,
            title=work.title,
            doi=work.doi,
            url=work.url,
            found_by=list(work.found_by),
            words=source.words,
        )
        self._effect(partial(_store_new, source, texts))
        return source

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


def _as_found(source: Source) -> Found:
    doi, url = reading.doi(source.csl.get("DOI")), reading.url(source.csl.get("URL"))
    return Found(source.title, url=url, doi=doi, csl=source.csl)


def _quotable(work: Found, data: bytes) -> list[str]:
    """The passages of a found work; none where its text is too short, or no text at all."""
    try:
        return passages.split(extract("found.txt", data).text) if work.is_quotable else []
    except UnreadableSource:
        return []


def _store_new(source: Source, texts: list[str]) -> None:
    source.save(force_insert=True)
    _store_passages(source, texts)


def _store(source: Source, texts: list[str]) -> None:
    source.save(update_fields=["status", "skipped_reason", "title", "media_type", "headings", "csl", "words"])
    _store_passages(source, texts)


def _store_passages(source: Source, texts: list[str]) -> None:
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
