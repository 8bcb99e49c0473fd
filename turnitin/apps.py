from django.apps import AppConfig


class TurnitinConfig(AppConfig):
    name = "turnitin"
    verbose_name = "Turnitin"
