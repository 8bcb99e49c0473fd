"""Django's autodiscovery looks here; the console itself is a package, a file a noun."""

from django.contrib import admin

from autonomy.console import checkpoint, episode, job, people, provider_call, run, source

__all__ = ["checkpoint", "episode", "job", "people", "provider_call", "run", "source"]

admin.site.index_title = "Operator console"
