from django.apps import AppConfig
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


class AutonomyConfig(AppConfig):
    name = "autonomy"
    verbose_name = "Autonomy"

    def ready(self) -> None:
        """Raises ImproperlyConfigured where limits are set for a journey that there is not."""
        if named := settings.ENV.v2_budget_defaults.journeys:
            from autonomy.journeys.registry import journeys

            if unknown := sorted(set(named) - set(journeys())):
                known = ", ".join(sorted(journeys()))
                raise ImproperlyConfigured(
                    f"V2_BUDGET_DEFAULTS: there is no journey {', '.join(unknown)}; the journeys are {known}."
                )
