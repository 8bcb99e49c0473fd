"""The offline provider: honest, extractive and always at hand."""

from autonomy.providers.offline.model import OfflineModel

__all__ = ["OfflineModel"]
