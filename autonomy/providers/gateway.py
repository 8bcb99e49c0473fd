"""The language models of a run behind one port: their order, and the form of their answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from itertools import zip_longest

import jsonschema

from autonomy.errors import ContextOverflow, ProviderError, UnusableAnswer
from autonomy.models import ProviderCall
from autonomy.ports import ModelAnswer, ModelRequest
from autonomy.providers import prompt
from autonomy.providers.attempt import AttemptFailed, Fault, Usage
from autonomy.providers.caller import Caller
from autonomy.providers.operation import Operation, Passed
from autonomy.providers.provider import ModelProvider

REPAIR = "Your last answer did not fit the asked JSON schema. Answer with that JSON only."


class Gateway:
    """Implements ports.LanguageModel over an ordered list of models: each is visited once for a question."""

    def __init__(self, models: Sequence[ModelProvider], caller: Caller) -> None:
        self._models = models
        self._caller = caller

    def answer(self, request: ModelRequest) -> ModelAnswer:
        """One validated answer, of the first model that gives it.

        Raises ProviderRefused where a model finds the request wrong, ContextOverflow where it is too long for all,
        UnusableAnswer, ProviderUnavailable and BudgetExceeded.
        """
        models = self._models
        question = _Question(Operation(self._caller, ProviderCall.Kind.LLM, providers=len(models)), request)
        while models:
            resting: dict[str, float] = {}
            for model, follower in zip_longest(models, models[1:]):
                try:
                    return question.put_to(model)
                except Passed as passed:
                    if passed.resting and passed.retry_after is not None:
                        resting[model.name] = passed.retry_after
                    if follower:
                        question.operation.falls_back(model.name, follower.name, passed.reason)
            waited = question.operation.waits_for(resting)
            models = [model for model in models if waited and model.name in resting]
        self._caller.refuse_without_time()
        raise question.failure()


class _Question:
    """What is learnt of a request while models are asked it: its length, and whether it was repaired already."""

    def __init__(self, operation: Operation, request: ModelRequest) -> None:
        self.operation = operation
        self._request = request
        self._repaired = False
        # A model has to hold at least this many tokens, and more than any that it was too long for.
        self._needs = prompt.of(request).tokens_about() + request.max_output_tokens
        self._overflowed = 0

    def put_to(self, model: ModelProvider) -> ModelAnswer:
        """Raises Passed, ProviderRefused and BudgetExceeded."""
        self._measure(model)
        try:
            return self._attempts(model)
        except Passed as passed:
            if passed.fault is Fault.OVERFLOW:
                self._overflowed = max(self._overflowed, model.window or self._needs)
            raise

    def failure(self) -> ProviderError:
        """What to raise when every model has been passed over."""
        faults, reasons = self.operation.faults, self.operation.reasons
        if faults == {Fault.OVERFLOW}:
            return ContextOverflow(reasons=reasons)
        if Fault.MALFORMED in faults:
            told = self.operation.in_words("No model answered in the asked form")
            return UnusableAnswer(f"{told} Try the run again.", reasons=reasons)
        return self.operation.unavailable("No provider answered")

    def _measure(self, model: ModelProvider) -> None:
        if model.window is None:
            fits = not self._overflowed
        else:
            fits = model.window >= self._needs and model.window > self._overflowed
        if not fits:
            raise self.operation.pass_over(model.name, "the request is longer than its window", Fault.OVERFLOW)

    def _attempts(self, model: ModelProvider) -> ModelAnswer:
        """A malformed answer is asked for once more in the whole operation, and both are paid."""
        try:
            return self._ask(model)
        except AttemptFailed as error:
            reason = error.reason
        if not self._repaired:
            self._repaired = True
            self.operation.tell_retry(model.name, reason, 0)
            asked = f"{self._request.instructions}\n{REPAIR}".strip()
            self._request = dataclasses.replace(self._request, instructions=asked)
            try:
                return self._ask(model)
            except AttemptFailed as error:
                reason = error.reason
            except Passed as passed:
                reason = f"{reason}, and then {passed.reason}"
        raise self.operation.pass_over(model.name, reason, Fault.MALFORMED)

    def _ask(self, model: ModelProvider) -> ModelAnswer:
        def attempt(timeout: float) -> tuple[ModelAnswer, Usage, str]:
            answer = model.answer(self._request, timeout=timeout)
            usage = Usage(answer.tokens_in, answer.tokens_out, answer.tokens_cached, answer.usd, answer.estimated)
            _check_form(answer, usage, self._request)
            return answer, usage, answer.model

        return self.operation.put_to(model.name, attempt, at_most=model.at_most(self._request), model=model.model)


def _check_form(answer: ModelAnswer, usage: Usage, request: ModelRequest) -> None:
    try:
        jsonschema.validate(answer.content, request.answer_schema)
    except jsonschema.ValidationError as error:
        where = "/".join(map(str, error.absolute_path)) or "the whole"
        raise AttemptFailed(f"the answer does not fit at {where}", Fault.MALFORMED, usage=usage) from None
