"""Which search services there are, from the settings."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from pydantic import SecretStr

from autonomy.tools.web_search.arxiv import Arxiv
from autonomy.tools.web_search.brave import Brave
from autonomy.tools.web_search.crossref import Crossref
from autonomy.tools.web_search.openalex import OpenAlex
from autonomy.tools.web_search.provider import SearchProvider
from autonomy.tools.web_search.searxng import Searxng
from autonomy.tools.web_search.semantic_scholar import SemanticScholar
from autonomy.tools.web_search.serper import Serper
from autonomy.tools.web_search.tavily import Tavily


def search_providers() -> list[SearchProvider]:
    """In the order of AUTONOMY_SEARCH; config/search_settings.py has seen to it that each has the key it needs."""
    env = settings.ENV
    contact = env.autonomy_search_contact or ""
    made: dict[str, Callable[..., SearchProvider]] = {
        "crossref": lambda **url: Crossref(contact=contact, **url),
        "openalex": lambda **url: OpenAlex(key=_secret(env.openalex_api_key), contact=contact, **url),
        "semantic_scholar": lambda **url: SemanticScholar(key=_secret(env.semantic_scholar_api_key), **url),
        "arxiv": Arxiv,
        "tavily": lambda **url: Tavily(key=_secret(env.tavily_api_key), **url),
        "brave": lambda **url: Brave(key=_secret(env.brave_api_key), **url),
        "serper": lambda **url: Serper(key=_secret(env.serper_api_key), **url),
        "searxng": Searxng,
    }
    urls = ({"searxng": env.searxng_url} if env.searxng_url else {}) | env.autonomy_search_urls
    return [made[name](**({"url": urls[name]} if name in urls else {})) for name in env.autonomy_search]


def _secret(value: SecretStr | None) -> str:
    return value.get_secret_value() if value else ""
