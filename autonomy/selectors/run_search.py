"""Which runs a search means: by words of the title, the beginning of the id, the owner. Each of these has an index."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Concat

from autonomy.models import Run

# Of words that stand in more titles than these, some of the newest runs are found by looking through them.
FEW = 2_000
OWNERS = 50
# So long a beginning is meant as a run's id and as nothing else.
A_NAME = 8
NAMED = 20
_HEX = re.compile(r"[0-9a-f]{1,32}", re.IGNORECASE)


def searched(runs: QuerySet[Run], text: str) -> QuerySet[Run]:
    """Runs whose title has a word that begins so for each of the text, or whose id begins so, or with such an owner."""
    found = Q(user_id__in=[user.pk for user in owners(text)])
    if span := id_span(text):
        found |= Q(pk__range=span)
    few = _few_titled(text)
    if few is not None:
        return runs.filter(found | Q(pk__in=few))
    return runs.alias(title_words=_words("title", of_many=True)).filter(found | Q(title_words=_beginnings(text)))


def of_runs_titled(rows: QuerySet[Any], run: str, text: str) -> tuple[QuerySet[Any], Q]:
    """For rows that belong to runs, `run` being the path to it: the rows, and what is true of those whose run's title
    has a word that begins so for each of the text. The rows given back know a name that the condition needs.
    """
    few = _few_titled(text)
    if few is not None:
        return rows, Q(**{f"{run}_id__in": few})
    return rows.alias(title_words=_words(f"{run}__title", of_many=True)), Q(title_words=_beginnings(text))


def owners(text: str) -> list[User]:
    """The user of that name; if there is none, users whose names hold the text."""
    users = User.objects.only("pk", "username").order_by("username")
    return list(users.filter(username__iexact=text)) or list(users.filter(username__icontains=text)[:OWNERS])


def id_span(text: str) -> tuple[UUID, UUID] | None:
    """The first and the last id that begin so; None if no id does."""
    digits = text.strip().replace("-", "")
    if not _HEX.fullmatch(digits):
        return None
    return UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))


def runs_named(text: str) -> list[UUID]:
    """The ids that begin so, if the text is so much of an id as nobody writes by chance."""
    span = id_span(text) if len(text.strip()) >= A_NAME else None
    return list(Run.objects.filter(pk__range=span).values_list("pk", flat=True)[:NAMED]) if span else []


def _few_titled(text: str) -> list[UUID] | None:
    """The runs with such a title; None if there are more than FEW.

    Postgres is not asked to weigh the index of words against walking through all rows from the newest: it errs, as it
    cannot know how often the beginning of a word occurs.
    """
    titled = Run.objects.alias(title_words=_words("title")).filter(title_words=_beginnings(text))
    few = list(titled.values_list("pk", flat=True)[: FEW + 1])
    return few if len(few) <= FEW else None


def _words(title: str, *, of_many: bool = False) -> SearchVector:
    """As the index run_title_words has them; or of many titles, so that the index is no way to them."""
    return SearchVector(Concat(title, Value("")) if of_many else title, config="simple")


def _beginnings(text: str) -> SearchQuery:
    quoted = (word.replace("\\", "\\\\").replace("'", "''") for word in text.split())
    return SearchQuery(" & ".join(f"'{word}':*" for word in quoted), search_type="raw", config="simple")
