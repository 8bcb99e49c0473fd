"""What goes wrong in a browser without anybody seeing it: errors, refusals by the policy, requests that fail."""

from __future__ import annotations

from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, Request, Response

TELL_VIOLATIONS = """addEventListener("securitypolicyviolation", event => toldViolation(
    `${event.violatedDirective} refused ${event.blockedURI} (${event.sourceFile ?? ""}:${event.lineNumber})`
))"""


class Watch:
    """Collects `faults` of all pages of a context. A test that means to provoke one takes it out of the list."""

    def __init__(self, context: BrowserContext) -> None:
        self.faults: list[str] = []
        context.expose_function("toldViolation", lambda told: self._add(f"policy: {told}"))
        context.add_init_script(TELL_VIOLATIONS)
        context.on("console", self._console)
        context.on("weberror", lambda error: self._add(f"error: {error.error}"))
        context.on("dialog", self._dialog)
        context.on("requestfailed", self._failed)
        context.on("response", self._answered)

    def _add(self, fault: str) -> None:
        self.faults.append(fault)

    def _console(self, message: ConsoleMessage) -> None:
        address = message.location.get("url", "")
        # A browser asks for this by itself.
        if message.type == "error" and not address.endswith("/favicon.ico"):
            self._add(f"console: {message.text} ({address})")

    def _dialog(self, dialog: Dialog) -> None:
        self._add(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _failed(self, request: Request) -> None:
        # Aborted: whoever leaves a page, or downloads a file, ends what it was still loading.
        if request.failure != "net::ERR_ABORTED":
            self._add(f"request: {request.url} {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.status >= 500:
            self._add(f"answer: {response.status} {response.url}")


def chromium_arguments() -> list[str]:
    return [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
    ]
