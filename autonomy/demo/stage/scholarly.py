"""Catalogues of science: Crossref, OpenAlex, Semantic Scholar, arXiv. Each knows the same works a little differently.

Sources: https://api.crossref.org/swagger-ui, https://developers.openalex.org/api-reference,
https://api.semanticscholar.org/api-docs/graph, https://info.arxiv.org/help/api/user-manual.html
"""

from __future__ import annotations

from hashlib import sha1
from typing import Any
from xml.sax.saxutils import escape

from autonomy.demo.stage.catalogue import WORKS, Work, by_doi, find
from autonomy.demo.stage.reply import Reply
from autonomy.demo.stage.request import Request
from autonomy.demo.stage.search import SearchVendor, most


class Crossref(SearchVendor):
    name = "crossref"

    def serves(self, request: Request) -> bool:
        return request.method == "GET" and (
            request.path.startswith("/works/10.") or (request.path == "/works" and "search" not in request.query)
        )

    def found(self, request: Request) -> Reply:
        headers = {"x-rate-limit-limit": "50", "x-rate-limit-interval": "1s"}
        if request.path != "/works":
            work = by_doi(request.path.removeprefix("/works/"))
            if work is None:
                return Reply.text(404, "Resource not found.")
            told = {"status": "ok", "message-type": "work", "message": self._item(work, 0.0)}
            return Reply.json(200, told, headers)
        query = next((value for name, value in request.query.items() if name.startswith("query")), "")
        found = find(query, WORKS, most(request.query.get("rows"), 20))
        items = [self._item(work, score * 40) for score, work in found]
        message = {"total-results": len(items), "items-per-page": len(items), "items": items}
        return Reply.json(200, {"status": "ok", "message-type": "work-list", "message": message}, headers)

    def error(self, status: int, says: str = "", delay: float | None = None) -> Reply:
        told = [{"type": "error", "value": "query", "message": says or f"HTTP {status}"}]
        return Reply.json(status, {"status": "failed", "message-type": "error", "message": told})

    def _item(self, work: Work, score: float) -> dict[str, Any]:
        return {
            "DOI": work.doi.upper(),
            "title": [work.title],
            "author": [
                {"given": given, "family": family, "sequence": "additional" if place else "first", "affiliation": []}
                for place, (given, family) in enumerate(work.authors)
            ],
            "container-title": [work.venue],
            "issued": {"date-parts": [[work.year, 3, 1]]},
            "publisher": "Sample Press",
            "volume": "12",
            "issue": "3",
            "page": "101-119",
            "type": "journal-article",
            "URL": work.url,
            "abstract": f"<jats:p>{escape(work.abstract)}</jats:p>",
            "score": score,
        }


class OpenAlex(SearchVendor):
    """The only one that knows of retractions. It writes names as one, DOIs as addresses, and is a year late."""

    name = "openalex"

    def serves(self, request: Request) -> bool:
        return request.method == "GET" and request.path == "/works" and "search" in request.query

    def found(self, request: Request) -> Reply:
        size = request.query.get("per_page") or request.query.get("per-page")
        found = find(request.query["search"], WORKS, most(size, 25))
        meta = {"count": len(found), "db_response_time_ms": 9, "page": 1, "per_page": most(size, 25)}
        return Reply.json(200, {"meta": meta, "results": [self._work(work, score) for score, work in found]})

    def error(self, status: int, says: str = "", delay: float | None = None) -> Reply:
        usual = "Rate limit exceeded" if status in (403, 429) else f"HTTP {status}"
        return Reply.json(status, {"error": usual, "message": says or usual})

    def _work(self, work: Work, score: float) -> dict[str, Any]:
        positions: dict[str, list[int]] = {}
        for place, word in enumerate(work.abstract.split()):
            positions.setdefault(word, []).append(place)
        number = work.doi.rsplit(".", 1)[-1]
        pdf = f"https://example.org/sample/{number}.pdf"
        return {
            "id": f"https://openalex.org/W{number}",
            "doi": work.url,
            "display_name": work.title.title(),
            "relevance_score": score * 100,
            "publication_year": work.year + 1,
            "type": "article",
            "authorships": [
                {"author_position": "middle", "author": {"id": None, "display_name": f"{given[0]}. {family}"}}
                for given, family in work.authors
            ],
            "primary_location": {
                "landing_page_url": work.url,
                "pdf_url": pdf,
                "source": {"display_name": work.venue, "type": "journal"},
            },
            "open_access": {"is_oa": True, "oa_status": "green", "oa_url": pdf},
            "cited_by_count": work.cited,
            "is_retracted": work.retracted,
            "abstract_inverted_index": positions,
        }


class SemanticScholar(SearchVendor):
    name = "semantic_scholar"

    def serves(self, request: Request) -> bool:
        return request.method == "GET" and request.path.endswith("/paper/search")

    def found(self, request: Request) -> Reply:
        found = find(request.query.get("query", ""), WORKS, most(request.query.get("limit"), 100))
        told: dict[str, Any] = {"total": len(found), "offset": 0}
        # Without any result the list is left out.
        return Reply.json(200, told | ({"data": [self._paper(work) for _, work in found]} if found else {}))

    def error(self, status: int, says: str = "", delay: float | None = None) -> Reply:
        if status == 429:
            told = {"message": says or "Too Many Requests. Please wait and try again.", "code": "429"}
        else:
            told = {"message": says or "Forbidden"} if status in (401, 403) else {"error": says or f"HTTP {status}"}
        return Reply.json(status, told)

    def bad_key(self, key: str) -> Reply:
        return self.error(403)

    def _paper(self, work: Work) -> dict[str, Any]:
        ids = {"DOI": work.doi} | ({"ArXiv": work.arxiv} if work.arxiv else {})
        identity = sha1(work.doi.encode(), usedforsecurity=False).hexdigest()
        return {
            "paperId": identity,
            "externalIds": ids,
            "title": work.title.removesuffix(" (sample work)") + " (sample)",
            "abstract": work.abstract,
            "year": work.year,
            "venue": "",
            "authors": [{"authorId": None, "name": f"{given} {family}"} for given, family in work.authors],
            "url": f"https://www.semanticscholar.org/paper/{identity}",
            "citationCount": work.cited + 2,
            "openAccessPdf": {"url": f"https://arxiv.org/pdf/{work.arxiv}"} if work.arxiv else None,
        }


class Arxiv(SearchVendor):
    name = "arxiv"

    def serves(self, request: Request) -> bool:
        return request.method == "GET" and request.path.endswith("/api/query")

    def found(self, request: Request) -> Reply:
        query = request.query.get("search_query", "").replace("all:", " ")
        preprints = [work for work in WORKS if work.arxiv]
        found = find(query, preprints, most(request.query.get("max_results"), 10))
        feed = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/" '
            'xmlns:arxiv="http://arxiv.org/schemas/atom">\n'
            f"<title>arXiv Query</title><opensearch:totalResults>{len(found)}</opensearch:totalResults>\n"
            f"{''.join(self._entry(work) for _, work in found)}</feed>\n"
        )
        return Reply.text(200, feed, "application/atom+xml")

    def error(self, status: int, says: str = "", delay: float | None = None) -> Reply:
        return Reply.text(status, says or ("Rate exceeded." if status == 429 else f"HTTP {status}"))

    def _entry(self, work: Work) -> str:
        authors = "".join(f"<author><name>{given} {family}</name></author>" for given, family in work.authors)
        return (
            f"<entry><id>http://arxiv.org/abs/{work.arxiv}v1</id><title>{escape(work.title)}</title>"
            f"<summary>\n  {escape(work.abstract)}\n</summary><published>{work.year}-01-04T09:00:00Z</published>"
            f"{authors}<arxiv:doi>{work.doi}</arxiv:doi>"
            f'<link href="https://arxiv.org/abs/{work.arxiv}v1" rel="alternate" type="text/html"/>'
            f'<link title="pdf" href="https://arxiv.org/pdf/{work.arxiv}v1" rel="related" type="application/pdf"/>'
            "</entry>\n"
        )
