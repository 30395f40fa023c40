"""CloudWatch's query API: metrics come in, statistics go out."""

from __future__ import annotations

from datetime import datetime, timedelta

from harness.aws.clock import Clock
from harness.aws.credentials import AccessKey
from harness.aws.errors import ApiError
from harness.aws.metrics import Datapoint, Metrics, Sample, metric_key
from harness.aws.parameters import Parameters
from harness.aws.query_api import Action, Result, Service

_UNITS = [*(f"{prefix}{kind}{per}" for per in ("", "/Second") for kind in ("Bytes", "Bits")
            for prefix in ("", "Kilo", "Mega", "Giga", "Tera")),
          "Seconds", "Microseconds", "Milliseconds", "Percent", "Count", "Count/Second", "None"]
_STATISTICS = ["SampleCount", "Average", "Sum", "Minimum", "Maximum"]
_MAX_METRICS = 1000
_MAX_VALUES = 150
_MAX_DIMENSIONS = 30


class CloudWatch(Service):
    name = "monitoring"
    version = "2010-08-01"
    namespace = "http://monitoring.amazonaws.com/doc/2010-08-01/"

    def __init__(self, metrics: Metrics, clock: Clock) -> None:
        self._metrics = metrics
        self._clock = clock

    def actions(self) -> dict[str, Action]:
        return {"PutMetricData": self._put, "GetMetricStatistics": self._get_statistics}

    def _put(self, parameters: Parameters, key: AccessKey | None) -> Result:
        namespace = _required(parameters, "Namespace")
        if namespace.startswith(("AWS/", ":")):
            raise ApiError("InvalidParameterValue",
                           "The value AWS/ for parameter Namespace is invalid.")
        data = parameters.structures("MetricData.member")
        if not data:
            raise ApiError("MissingParameter",
                           "The parameter MetricData is required.")
        if len(data) > _MAX_METRICS:
            raise ApiError("LimitExceeded", "The collection MetricData must not have a size greater"
                                            f" than {_MAX_METRICS}.")
        # All or nothing.
        samples = [(metric_key(namespace, _required(one, "MetricName"), _dimensions(one)), sample)
                   for one in data for sample in self._samples(one, key)]
        for metric, sample in samples:
            self._metrics.put(metric, sample)
        return None

    def _samples(self, one: Parameters, key: AccessKey | None) -> list[Sample]:
        unit = one.get("Unit", "None")
        if unit not in _UNITS:
            raise ApiError("InvalidParameterValue", f"The value {unit} for parameter "
                                                    "MetricData.member.N.Unit is invalid.")
        if one.get("StorageResolution", "60") not in ("1", "60"):
            raise ApiError("InvalidParameterValue",
                           "The value for parameter StorageResolution is invalid: 1 or 60")
        at = self._time(one)
        owner = key.owner if key else None
        if "Value" in one:
            value = one.number("Value")
            return [Sample(at, 1, value, value, value, unit, owner)]
        names = [name for name in one if name.startswith("Values.member.")]
        if names:
            if len(names) > _MAX_VALUES:
                raise ApiError("InvalidParameterValue", f"more than {_MAX_VALUES} values")
            samples = []
            for name in names:
                value = one.number(name)
                count = float(one.get(name.replace("Values", "Counts"), "1"))
                samples.append(Sample(at, count, value * count, value, value, unit, owner))
            return samples
        if any(name.startswith("StatisticValues.") for name in one):
            count, total, low, high = (one.number(f"StatisticValues.{name}") for name in
                                       ("SampleCount", "Sum", "Minimum", "Maximum"))
            return [Sample(at, count, total, low, high, unit, owner)]
        raise ApiError("MissingParameter",
                       "At least one of the parameters must be specified: Value, Values,"
                       " StatisticValues")

    def _time(self, one: Parameters) -> float:
        """By the clock."""
        at, now = one.time("Timestamp"), self._clock.utc()
        if at is None:
            return self._clock.now()
        if not now - timedelta(days=14) <= at <= now + timedelta(hours=2):
            raise ApiError("InvalidParameterValue",
                           f"The parameter Timestamp {at.isoformat()} is more than two weeks ago or"
                           " two hours ahead.")
        return self._clock.at(at)

    def _get_statistics(self, parameters: Parameters, _: AccessKey | None) -> Result:
        metric = metric_key(_required(parameters, "Namespace"),
                            _required(parameters, "MetricName"), _dimensions(parameters))
        start, end = parameters.time("StartTime"), parameters.time("EndTime")
        statistics = parameters.texts("Statistics.member")
        if start is None or end is None or not statistics:
            raise ApiError("MissingParameter",
                           "The parameters StartTime, EndTime and Statistics are required.")
        if start >= end:
            raise ApiError("InvalidParameterValue",
                           "The parameter StartTime must be less than the parameter EndTime.")
        if unknown := set(statistics) - set(_STATISTICS):
            raise ApiError("InvalidParameterValue",
                           f"The value {unknown} for parameter Statistics is invalid.")
        period = parameters.integer("Period", 1, 86_400) * self._clock.speed
        found = self._metrics.statistics(metric, self._clock.at(start), self._clock.at(end), period)
        return {"Label": metric[1],
                "Datapoints": [_datapoint(point, self._clock.utc(point.at), statistics)
                               for point in found]}


def _datapoint(point: Datapoint, at: datetime, statistics: list[str]) -> dict[str, object]:
    values = {"SampleCount": point.count, "Average": point.average, "Sum": point.sum,
              "Minimum": point.minimum, "Maximum": point.maximum}
    return {"Timestamp": at, "Unit": point.unit} | {name: values[name] for name in statistics}


def _dimensions(parameters: Parameters) -> dict[str, str]:
    given = parameters.structures("Dimensions.member")
    if len(given) > _MAX_DIMENSIONS:
        raise ApiError("InvalidParameterValue", f"more than {_MAX_DIMENSIONS} dimensions")
    return {_required(one, "Name"): _required(one, "Value") for one in given}


def _required(parameters: Parameters, name: str) -> str:
    if not parameters.get(name):
        raise ApiError("MissingParameter", f"The parameter {name} is required.")
    return parameters[name]
