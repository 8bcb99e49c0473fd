"""Django's autodiscovery looks here; the console itself is a package, a file a noun."""

from autonomy.console.concern import CONCERNS
from autonomy.console.panel import PANELS
from turnitin.console import cycle, report, submission
from turnitin.console.hand_offs import HAND_OFFS
from turnitin.console.waiting import WAITING

__all__ = ["cycle", "report", "submission"]

PANELS.append(HAND_OFFS)
CONCERNS.append(WAITING)
