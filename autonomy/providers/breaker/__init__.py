"""The circuit breaker: a provider that fails is left alone for a while, by all workers."""

from autonomy.providers.breaker.circuit import Circuit, State, Verdict
from autonomy.providers.breaker.shared import Breaker, breaker

__all__ = ["Breaker", "Circuit", "State", "Verdict", "breaker"]
