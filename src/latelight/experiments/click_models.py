"""Simulated users: whom to try an experiment on before there are any."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from latelight.errors import InputError

Gains = Mapping[str, int]


class ClickModel(Protocol):
    """What a simulated user clicks on."""

    @property
    def name(self) -> str:
        """What reports call it."""
        ...

    def clicks(
        self, ranking: Sequence[str], gains: Gains, generator: random.Random
    ) -> tuple[str, ...]:
        """Return the documents that a user clicks on, from the top."""
        ...


@dataclass(frozen=True)
class Attraction:
    """How likely a document is clicked once it is looked at.

    Between `noise` for a document without gain and `highest` for `max_gain`, by 2 ** gain − 1 as
    in the gains of Chapelle, Metzler, Zhang and Grinspan (2009).
    """

    noise: float = 0.05
    highest: float = 0.9
    max_gain: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.highest <= 1:
            raise InputError(
                f"highest is {self.highest!r}; give the probability of a click on the best "
                "document, from 0 to 1."
            )
        if not 0 <= self.noise <= self.highest:
            raise InputError(
                f"noise is {self.noise!r}; give the probability of a click on a document without "
                f"gain, from 0 to {self.highest:g}, that of a click on the best."
            )
        if self.max_gain < 1:
            raise InputError(f"max_gain is {self.max_gain}; give 1 or more.")

    def of(self, gain: int) -> float:
        """Return the probability for a gain."""
        return self._by_gain[min(max(gain, 0), self.max_gain)]

    @cached_property
    def _by_gain(self) -> tuple[float, ...]:
        """The probabilities of the gains 0 to `max_gain`; a simulation asks millions of times."""
        shares = [(2.0**gain - 1) / (2.0**self.max_gain - 1) for gain in range(self.max_gain + 1)]
        return tuple(self.noise + (self.highest - self.noise) * share for share in shares)


DEFAULT_ATTRACTION = Attraction()


@dataclass(frozen=True)
class PositionBased:
    """Position p is looked at with probability (1 / p) ** eta, whatever lies above it.

    The position-based model (Richardson, Dominowska and Ragno, 2007; Chuklin, Markov and de Rijke,
    2015).
    """

    attraction: Attraction = DEFAULT_ATTRACTION
    eta: float = 1.0

    def __post_init__(self) -> None:
        if self.eta < 0:
            raise InputError(f"eta is {self.eta!r}; give 0 (no bias) or more.")

    @property
    def name(self) -> str:
        """What reports call it."""
        return f"position-based, eta {self.eta:g}"

    def clicks(
        self, ranking: Sequence[str], gains: Gains, generator: random.Random
    ) -> tuple[str, ...]:
        """Return the documents that a user clicks on, from the top."""
        return tuple(
            doc
            for position, doc in enumerate(ranking, start=1)
            if generator.random() < position**-self.eta * self.attraction.of(gains.get(doc, 0))
        )


@dataclass(frozen=True)
class Cascade:
    """Users read from the top, click on what attracts them, and then may be content and stop.

    With `stop` 1 this is the cascade model (Craswell, Zoeter, Taylor and Ramsey, 2008), else the
    dependent click model with one rate of stopping (Guo, Liu and Wang, 2009).
    """

    attraction: Attraction = DEFAULT_ATTRACTION
    stop: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.stop <= 1:
            raise InputError(f"stop is {self.stop!r}; give a probability.")

    @property
    def name(self) -> str:
        """What reports call it."""
        return f"cascade, stop {self.stop:g}"

    def clicks(
        self, ranking: Sequence[str], gains: Gains, generator: random.Random
    ) -> tuple[str, ...]:
        """Return the documents that a user clicks on, from the top."""
        clicked: list[str] = []
        for doc in ranking:
            if generator.random() < self.attraction.of(gains.get(doc, 0)):
                clicked.append(doc)
                if generator.random() < self.stop:
                    break
        return tuple(clicked)


def click_model(name: str, max_gain: int = 1, noise: float = 0.05) -> ClickModel:
    """Return the click model of a name, `position-based` or `cascade`.

    Raises:
        InputError: there is no such model.
    """
    attraction = Attraction(noise=noise, max_gain=max_gain)
    if name == "position-based":
        return PositionBased(attraction)
    if name == "cascade":
        return Cascade(attraction)
    raise InputError(f"Click model {name!r} is unknown; use position-based or cascade.")
