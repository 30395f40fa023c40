"""What was published to CloudWatch, and the statistics of it."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass

# A metric's identity: namespace, name, and its dimensions as sorted pairs.
MetricKey = tuple[str, str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True)
class Sample:
    """Values that came together: mostly one."""

    at: float  # seconds of the clock
    count: float
    sum: float
    minimum: float
    maximum: float
    unit: str = "None"
    owner: str | None = None  # who published it


@dataclass(frozen=True)
class Datapoint:
    """The statistics of one period."""

    at: float  # its begin
    count: float
    sum: float
    minimum: float
    maximum: float
    unit: str

    @property
    def average(self) -> float:
        return self.sum / self.count


def metric_key(namespace: str, name: str, dimensions: dict[str, str]) -> MetricKey:
    return namespace, name, tuple(sorted(dimensions.items()))


class Metrics:
    def __init__(self) -> None:
        self._samples: dict[MetricKey, list[Sample]] = {}
        self._lock = threading.Lock()

    def put(self, key: MetricKey, sample: Sample) -> None:
        with self._lock:
            self._samples.setdefault(key, []).append(sample)

    def samples(self, key: MetricKey) -> list[Sample]:
        with self._lock:
            return list(self._samples.get(key, []))

    def keys(self) -> list[MetricKey]:
        with self._lock:
            return list(self._samples)

    def statistics(self, key: MetricKey, start: float, end: float, period: float,
                   ) -> list[Datapoint]:
        """Of every period from `start` until `end` that has samples, in order."""
        periods: dict[int, list[Sample]] = {}
        for sample in self.samples(key):
            if start <= sample.at < end:
                periods.setdefault(math.floor(sample.at / period), []).append(sample)
        return [Datapoint(number * period, sum(s.count for s in samples),
                          sum(s.sum for s in samples), min(s.minimum for s in samples),
                          max(s.maximum for s in samples), samples[0].unit)
                for number, samples in sorted(periods.items())]
