"""Turnitin's Core API, played by a local HTTP server: it takes documents, reports, sends events, fails when told to.

    with TurnitinStage(key="tca-key", similarities=[0.31, 0.09]) as stage:
        stage.fail("POST /submissions", 429, "drop")
        …  # the client's base URL is stage.base_url
        stage.webhooks.flush()
        assert stage.scans == 1

See docs/stage.md.
"""

from autonomy.demo.stage.reply import Reply
from turnitin.stage.faults import WORDS, Fault
from turnitin.stage.request import Request
from turnitin.stage.server import TurnitinStage
from turnitin.stage.submission import Pdf, Submission
from turnitin.stage.webhook import Delivery, Webhook, signature
from turnitin.stage.webhooks import Webhooks

__all__ = [
    "WORDS",
    "Delivery",
    "Fault",
    "Pdf",
    "Reply",
    "Request",
    "Submission",
    "TurnitinStage",
    "Webhook",
    "Webhooks",
    "signature",
]
