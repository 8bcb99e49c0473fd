"""What two plans, or two drafts, differ in, section by section.

A section is known again by its heading, or else by what it asks or says: ids are given anew with each plan.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from autonomy.selectors.state_fields import row
from autonomy.selectors.state_parts import entries, headed, table, text, texts
from autonomy.text import text_diff
from autonomy.text.rising import longest_rising

ALIKE = 0.5
# Pairs that are looked at for being alike; a state of somebody's own may hold any number of sections.
MOST_PAIRS = 2_500

Section = dict[str, Any]


def plan_diff(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any] | None:
    """`{title, words, sections: [section], unchanged}` or None; `title` and `words` are rows (state_fields.py) or None.

    A section is `{change, moved, heading, from_heading, from_place, to_place, fields: [row], passages}`, `change` one
    of added, removed, changed, moved; places count from 1; `passages` is `{added, removed}` in numbers.
    """
    title, words = (row(name, before.get(name), after.get(name)) for name in ("title", "words"))
    old, new = entries(before.get("sections")), entries(after.get("sections"))
    told, unchanged = _told(old, new, _plans_alike, _planned)
    if not (title or words or told):
        return None
    return {"title": title, "words": words, "sections": told, "unchanged": unchanged}


def draft_diff(
    before: dict[str, Any], after: dict[str, Any], plan_before: dict[str, Any], plan_after: dict[str, Any]
) -> dict[str, Any] | None:
    """`{words: {from, to}, added, removed, writers, sections: [section], unchanged, under_way}` or None.

    A section is as in `plan_diff`, with `added`, `removed` (words) and `pieces` (text_diff.py) in the place of fields
    and passages. `under_way` is None, or `{from, to, sections}`: how many sections of the coming draft were written,
    and what they differ in.
    """
    old, new = headed(before, _sections(before), plan_before), headed(after, _sections(after), plan_after)
    told, unchanged = _drafted(old, new)
    writers = row("writers", before.get("writers"), after.get("writers"))
    coming_before, coming_after = (table(draft.get("under_way")) for draft in (before, after))
    under_way = None
    if coming_before != coming_after:
        coming, _ = _drafted(_coming(before, plan_before), _coming(after, plan_after)) if coming_after else ([], 0)
        numbers = [len(_sections(one)) if one else None for one in (coming_before, coming_after)]
        under_way = {"from": numbers[0], "to": numbers[1], "sections": coming}
    if not (told or writers or under_way):
        return None
    return {
        "words": {"from": before.get("words"), "to": after.get("words")},
        "added": sum(one["added"] for one in told),
        "removed": sum(one["removed"] for one in told),
        "writers": writers,
        "sections": told,
        "unchanged": unchanged,
        "under_way": under_way,
    }


def _sections(draft: dict[str, Any]) -> list[Section]:
    return entries(draft.get("sections"))


def _coming(draft: dict[str, Any], plan: dict[str, Any]) -> list[dict[str, str]]:
    """The sections under way; those of a first draft stand in the draft itself as well, and are told there."""
    under_way = table(draft.get("under_way"))
    sections = _sections(under_way)
    return headed({}, sections, plan) if sections and not under_way.get("first") else []


def _drafted(old: list[dict[str, str]], new: list[dict[str, str]]) -> tuple[list[Section], int]:
    return _told(old, new, _texts_alike, _written)


def _planned(before: Section | None, after: Section | None) -> Section | None:
    old, new = before or {}, after or {}
    names = [] if before is None or after is None else ["heading", "question", "words", "queries"]
    fields = [found for name in names if (found := row(name, old.get(name), new.get(name)))]
    had, has = (Counter(texts(one.get("passages"))) for one in (old, new))
    passages = {"added": (has - had).total(), "removed": (had - has).total()}
    changed = before is None or after is None or fields or any(passages.values())
    return {"fields": fields, "passages": passages} if changed else None


def _written(before: Section | None, after: Section | None) -> Section | None:
    old, new = (text((one or {}).get("markdown")) for one in (before, after))
    reworded = before and after and before["heading"] != after["heading"]
    if before and after and old == new and not reworded:
        return None
    found = text_diff.pieces(old, new)
    added, removed = text_diff.counted(found)
    return {"added": added, "removed": removed, "pieces": text_diff.told(found)}


def _told(
    old: list[Section],
    new: list[Section],
    alike: Callable[[Section, Section], float],
    compared: Callable[[Section | None, Section | None], Section | None],
) -> tuple[list[Section], int]:
    """The sections that differ in the order of the later state, removed ones where they were; and how many do not."""
    partner = _paired(old, new, alike)
    was = {i: j for j, i in partner.items()}
    order = [partner[j] for j in sorted(partner)]
    kept = {order[place] for place in longest_rising(order)}
    found: list[tuple[tuple[int, int], Section]] = []
    unchanged = 0
    for j, after in enumerate(new):
        before = old[partner[j]] if j in partner else None
        moved = j in partner and partner[j] not in kept
        differing = compared(before, after)
        if differing is None and not moved:
            unchanged += 1
            continue
        change = "added" if before is None else "changed" if differing else "moved"
        nothing = compared(None, None) or {}
        place = None if before is None else partner[j] + 1
        found.append(((j, 0), _section(change, before, after, place, j + 1, moved) | (differing or nothing)))
    last = -1
    for i, before in enumerate(old):
        if i in was:
            last = was[i]
        else:
            told = _section("removed", before, None, i + 1, None, moved=False) | (compared(before, None) or {})
            found.append(((last, i + 1), told))
    return [told for _, told in sorted(found, key=lambda one: one[0])], unchanged


def _section(
    change: str,
    before: Section | None,
    after: Section | None,
    from_place: int | None,
    to_place: int | None,
    moved: bool,
) -> Section:
    old, new = (text((one or {}).get("heading")) for one in (before, after))
    return {
        "change": change,
        "moved": moved,
        "heading": new if after else old,
        "from_heading": old if before and after and old != new else None,
        "from_place": from_place,
        "to_place": to_place,
    }


def _paired(old: list[Section], new: list[Section], alike: Callable[[Section, Section], float]) -> dict[int, int]:
    """For places among the new sections, those of the old ones that they come from."""
    names = [[_name(one) for one in side] for side in (old, new)]
    once = [{name: side.index(name) for name, number in Counter(side).items() if number == 1} for side in names]
    paired = {once[1][name]: once[0][name] for name in once[0].keys() & once[1].keys()}
    taken = set(paired.values())
    left_old = [i for i in range(len(old)) if i not in taken]
    left_new = [j for j in range(len(new)) if j not in paired]
    if len(left_old) * len(left_new) > MOST_PAIRS:
        return paired
    scores = sorted(((alike(old[i], new[j]), i, j) for i in left_old for j in left_new), key=lambda one: -one[0])
    for score, i, j in scores:
        if score >= ALIKE and j not in paired and i in left_old:
            paired[j] = i
            left_old.remove(i)
    return paired


def _name(section: Section) -> str:
    return " ".join(text(section.get("heading")).casefold().split()) or text(section.get("id"))


def _plans_alike(before: Section, after: Section) -> float:
    if before.get("question") and before.get("question") == after.get("question"):
        return 1.0
    queries = _share(set(texts(before.get("queries"))), set(texts(after.get("queries"))))
    return max(queries, _share(*({*_name(one).split()} for one in (before, after))))


def _texts_alike(before: Section, after: Section) -> float:
    old, new = (Counter(one["markdown"].split()) for one in (before, after))
    return (old & new).total() / max(old.total(), new.total(), 1)


def _share(one: set[str], other: set[str]) -> float:
    return len(one & other) / len(one | other) if one | other else 0.0
