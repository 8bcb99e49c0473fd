"""The language models of a run behind one port: retries, the check of the answer's form, and the ledger."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from functools import partial
from uuid import UUID, uuid4

import jsonschema
import structlog
from django.conf import settings

from autonomy.errors import ProviderError, ProviderRefused, ProviderUnavailable, UnusableAnswer
from autonomy.models import ProviderCall
from autonomy.ports import Episodes, LanguageModel, ModelAnswer, ModelRequest
from autonomy.providers import ledger, retry
from autonomy.providers.attempt import AttemptFailed, Fault, Usage
from autonomy.telemetry import metrics, tracing

LOOK_EVERY = 1.0

log = structlog.get_logger(__name__)


class Gateway:
    """Implements ports.LanguageModel over an ordered list of models.

    `proceed` is asked before every attempt and while one is waited for; it raises when the run must not go on.
    """

    def __init__(
        self,
        models: Sequence[LanguageModel],
        *,
        run_id: UUID,
        node: str,
        episodes: Episodes,
        proceed: Callable[[], None],
    ) -> None:
        self._models = models
        self._run_id = run_id
        self._node = node
        self._episodes = episodes
        self._proceed = proceed
        self._tokens_in = 0
        self._tokens_out = 0

    @property
    def name(self) -> str:
        return self._models[0].name

    def begin(self, node: str) -> None:
        """What follows is asked by this node, and its tokens are counted anew."""
        self._node, self._tokens_in, self._tokens_out = node, 0, 0

    def usage(self) -> dict[str, int]:
        """Tokens used since the node began."""
        return {"tokens_in": self._tokens_in, "tokens_out": self._tokens_out}

    def answer(self, request: ModelRequest) -> ModelAnswer:
        """One validated answer. A malformed answer is asked for once more, and both are paid.

        Raises ProviderUnavailable (retryable), ProviderRefused (final) or UnusableAnswer.
        """
        operation = uuid4()
        model = self._models[0]
        deadline = time.monotonic() + settings.ENV.autonomy_provider_deadline
        first_attempt = 1
        malformed = ""
        for repair in ("", "Your last answer did not fit the asked JSON schema. Answer with that JSON only."):
            if malformed and time.monotonic() >= deadline:
                raise UnusableAnswer(
                    "The model's answer did not fit the asked form, and there was no time to ask again.",
                    provider=model.name,
                    purpose=request.purpose,
                    reason=malformed,
                )
            asked = dataclasses.replace(request, instructions=f"{request.instructions}\n{repair}".strip())
            try:
                return retry.call(
                    partial(self._attempt, model, asked, operation),
                    attempts=settings.ENV.autonomy_provider_attempts,
                    first=first_attempt,
                    deadline=deadline,
                    before_retry=partial(self._before_retry, model),
                )
            except AttemptFailed as error:
                if error.fault is not Fault.MALFORMED:
                    raise _typed(error, model.name) from error
                first_attempt, malformed = error.attempt + 1, error.reason
        raise UnusableAnswer(provider=model.name, purpose=request.purpose, reason=malformed)

    def _attempt(self, model: LanguageModel, request: ModelRequest, operation: UUID, attempt: int) -> ModelAnswer:
        self._proceed()
        configured = getattr(model, "model", "")
        with tracing.provider_span("llm", model.name, configured, attempt) as span:
            return self._asked(model, request, operation, attempt, span, configured)

    def _asked(
        self,
        model: LanguageModel,
        request: ModelRequest,
        operation: UUID,
        attempt: int,
        span: tracing.ProviderSpan,
        configured: str,
    ) -> ModelAnswer:
        began = time.monotonic()
        usage, name, outcome, status, text = Usage(), "", ProviderCall.Outcome.FINAL, None, ""
        try:
            answer = model.answer(request)
            usage = Usage(answer.tokens_in, answer.tokens_out, answer.tokens_cached, answer.usd, answer.estimated)
            name = answer.model
            try:
                jsonschema.validate(answer.content, request.answer_schema)
            except jsonschema.ValidationError as error:
                where = "/".join(map(str, error.absolute_path)) or "the whole"
                raise AttemptFailed(f"the answer does not fit at {where}", Fault.MALFORMED) from None
            outcome = ProviderCall.Outcome.OK
            return answer
        except AttemptFailed as error:
            error.attempt = attempt
            if usage == Usage():
                usage = error.usage
            outcome = ProviderCall.Outcome.RETRYABLE if error.retryable else ProviderCall.Outcome.FINAL
            status, text = error.http_status, error.reason
            raise
        finally:
            self._tokens_in += usage.tokens_in
            self._tokens_out += usage.tokens_out
            latency_ms = round((time.monotonic() - began) * 1000)
            ledger.record(
                run_id=self._run_id,
                operation_id=operation,
                kind=ProviderCall.Kind.LLM,
                node=self._node,
                provider=model.name,
                model=name,
                attempt=attempt,
                outcome=outcome,
                usage=usage,
                latency_ms=latency_ms,
                http_status=status,
                error=text,
            )
            usd = None if usage.usd is None else float(usage.usd)
            tokens = {"tokens_in": usage.tokens_in, "tokens_out": usage.tokens_out}
            metrics.provider_attempt("llm", model.name, str(outcome), latency_ms / 1000)
            metrics.spent(model.name, configured, **tokens, usd=usd)
            span.told(str(outcome), model=name, **tokens, usd=usd, http_status=status, reason=text)
            log.info(
                "provider_call",
                provider=model.name,
                attempt=attempt,
                outcome=str(outcome),
                duration_ms=latency_ms,
                tokens_in=usage.tokens_in,
                tokens_out=usage.tokens_out,
            )

    def _before_retry(self, model: LanguageModel, attempt: int, error: AttemptFailed, wait: float) -> None:
        """Tell of it, and wait: not in one go, for somebody may cancel the run meanwhile."""
        metrics.provider_retry("llm", model.name)
        self._tell_retry(model, attempt, error, wait)
        until = time.monotonic() + wait
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, LOOK_EVERY))
            self._proceed()

    def _tell_retry(self, model: LanguageModel, attempt: int, error: AttemptFailed, wait: float) -> None:
        self._episodes.now(
            "retry",
            f"{model.name} failed ({error.reason}); attempt {attempt + 1} follows in {wait:.1f} s.",
            event="retry",
            provider=model.name,
            attempt=attempt,
            reason=error.reason,
            wait_seconds=round(wait, 3),
        )


def _typed(error: AttemptFailed, provider: str) -> ProviderError:
    details = {"provider": provider, "reason": error.reason, "http_status": error.http_status}
    if error.fault in (Fault.TRANSIENT, Fault.QUOTA):
        text = f"{provider} did not answer: {error.reason}. Try the run again later."
        return ProviderUnavailable(text, **details, retry_after=error.retry_after)
    return ProviderRefused(f"{provider} refused the request: {error.reason}. See its settings.", **details)
