from __future__ import annotations

from django.contrib import admin

from autonomy.console.run_list import RunList
from autonomy.console.run_page.page import RunPages
from autonomy.console.start_page import StartPage
from autonomy.console.verb_page import VerbPages
from autonomy.models import Run


@admin.register(Run)
class RunAdmin(RunPages, StartPage, VerbPages, RunList):
    heavy = ("task_spec",)
