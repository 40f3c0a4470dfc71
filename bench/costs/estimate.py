"""From durations, counts and prices to the lines of a month's bill."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bench.costs.measure import API, PERIODIC, SCAN, WEBHOOK, FunctionTimes, Measurement
from bench.costs.price_table import Form, PriceTable
from bench.costs.stack_counts import StackCounts

_MIB: Final = 1_024
# Those that run without a chat, too.
_SCHEDULED: Final = (PERIODIC, "RedeliveryFunction")
_KB_OF_A_GB: Final = 1e6
_BYTES_OF_A_GB: Final = 1e9
_SECONDS_OF_AN_HOUR: Final = 3_600
_LOG_MONTH_DAYS: Final = 30
_REQUESTS_OF_A_BALANCER_UNIT: Final = 25  # A second.
_PROXY_VCPU: Final = 2


@dataclass(frozen=True, kw_only=True)
class CostLine:
    """One line of the bill, in US dollars a month."""

    group: str
    what: str
    quantity: float
    price: float

    @property
    def usd(self) -> float:
        """What the line costs."""
        return self.quantity * self.price


@dataclass(frozen=True, kw_only=True)
class _Calls:
    """Calls of a function in a month and the seconds that are billed for each."""

    number: float
    cold: float
    seconds: float

    @property
    def busy_seconds(self) -> float:
        return self.number * self.seconds


class Estimate:
    """What a form costs at a number of pushes a month."""

    def __init__(
        self, form: Form, pushes: int, measured: Measurement, counts: StackCounts, table: PriceTable
    ) -> None:
        self._form = form
        self._pushes = pushes
        self._measured = measured
        self._counts = counts
        self._table = table
        self._is_fast = pushes >= table.assumptions["fast_from_pushes"]

    def lines(self) -> list[CostLine]:
        """Return every line, those that cost nothing left out."""
        parts = self._tasks if self._form.kind == "tasks" else self._functions
        lines = [*parts(), *self._network(), *self._database(), *self._cache(), *self._fixed()]
        return [line for line in lines if line.quantity]

    def total(self) -> float:
        """Return US dollars a month."""
        return sum(line.usd for line in self.lines())

    def billed_seconds(self, name: str) -> float:
        """Return what Lambda bills for a warm call, in seconds.

        Below a whole processor's memory a function gets a share of one: what it calculates takes
        that much longer than here. What it waits for takes as long, and GitHub is slower.
        """
        times = self._measured.functions[name]
        share = min(self._counts.functions[name].memory / self._assume("vcpu_memory"), 1.0)
        return max(times.wall - times.cpu, 0.0) + times.cpu / share + self._github_wait(name)

    def _github_wait(self, name: str) -> float:
        if name != SCAN:
            return 0.0
        return self._measured.github_calls * self._assume("github_seconds")

    def _assume(self, name: str) -> float:
        return self._table.assumptions[name]

    def _line(self, group: str, what: str, quantity: float, price: str) -> CostLine:
        return CostLine(
            group=group, what=what, quantity=quantity, price=self._table.prices[price].usd
        )

    def _requests(self) -> float:
        """Return the requests from outside: deliveries and pages."""
        return self._pushes * (self._assume("deliveries_per_push") + self._assume("reads_per_push"))

    def _calls(self) -> dict[str, _Calls]:
        cold_share = self._assume("cold_share_fast" if self._is_fast else "cold_share_slow")
        numbers = {
            WEBHOOK: self._pushes * self._assume("deliveries_per_push"),
            SCAN: self._pushes * self._assume("scans_per_push"),
            API: self._pushes * self._assume("reads_per_push"),
        }
        calls = {
            name: _Calls(
                number=number,
                cold=number * cold_share,
                seconds=self.billed_seconds(name)
                + self._measured.functions[name].init * cold_share,
            )
            for name, number in numbers.items()
        }
        for name, runs in self._scheduled().items():
            times = self._times(name)
            calls[name] = _Calls(number=runs, cold=runs, seconds=times.wall + times.init)
        return calls

    def _times(self, name: str) -> FunctionTimes:
        """Return what was measured of a function.

        The sweep of deliveries starts as the other scheduled one does, and mostly finds nothing.
        """
        return self._measured.functions[PERIODIC if name in _SCHEDULED else name]

    def _scheduled(self) -> dict[str, float]:
        """Return how often schedules call in a month, by function."""
        runs = self._counts.schedule_runs
        return {name: runs[name] for name in _SCHEDULED if name in runs}

    def _functions(self) -> Iterator[CostLine]:
        calls = self._calls()
        yield self._line(
            "Lambda", "requests", sum(call.number for call in calls.values()), "lambda.request"
        )
        for name, call in calls.items():
            function = self._counts.functions[name]
            short = name.removesuffix("Function")
            yield self._line(
                "Lambda",
                f"{short}: GB-seconds",
                call.busy_seconds * function.memory / _MIB,
                f"lambda.{self._counts.architecture}",
            )
            yield self._line(
                "Lambda",
                f"{short}: storage, GB-seconds",
                call.busy_seconds * function.extra_storage / _MIB,
                "lambda.storage",
            )
        yield self._line("API Gateway", "requests", self._requests(), "gateway.request")
        yield self._line("Lambda", "scheduler", sum(self._scheduled().values()), "scheduler.call")
        polls = self._polls(self._counts.queue_mappings * self._assume("pollers"))
        yield self._line("SQS", "requests", polls + 3 * self._pushes, "queue.request")
        yield from self._logs(calls, self._assume("report_bytes"), self._assume("access_bytes"))
        yield self._line("CloudWatch", "custom metrics", self._custom_metrics(), "metric.month")
        yield self._line("CloudWatch", "alarms", self._counts.alarm_metrics, "alarm.month")
        yield self._line("Secrets", "calls", self._secret_calls(calls), "secret.call")

    def _tasks(self) -> Iterator[CostLine]:
        tasks, architecture = self._table.tasks, self._counts.architecture
        workers = self._workers()
        for name, count in {"api": tasks["api"].count, "worker": workers}.items():
            hours = count * self._assume("hours")
            yield self._line(
                "Fargate", f"{count} {name}: vCPU-hours", hours * tasks[name].vcpu,
                f"fargate.cpu.{architecture}",
            )  # fmt: skip
            yield self._line(
                "Fargate", f"{count} {name}: GB-hours", hours * tasks[name].gb,
                f"fargate.gb.{architecture}",
            )  # fmt: skip
        hours = self._assume("hours")
        each_second = self._requests() / hours / _SECONDS_OF_AN_HOUR
        yield self._line("Load balancer", "hours", hours, "balancer.hour")
        yield self._line(
            "Load balancer",
            "units",
            hours * each_second / _REQUESTS_OF_A_BALANCER_UNIT,
            "balancer.unit",
        )
        yield self._line(
            "Load balancer", "addresses", hours * self._assume("balancer_zones"), "address.hour"
        )
        polls = self._polls(self._counts.queue_mappings * workers)
        yield self._line("SQS", "requests", polls + 3 * self._pushes, "queue.request")
        calls = self._calls()
        for name in self._scheduled():
            del calls[name]  # A worker does its work, and logs nothing for it.
        yield from self._logs(calls, 0, self._assume("access_bytes"))
        alarms = self._counts.alarm_metrics - self._counts.function_alarm_metrics
        yield self._line("CloudWatch", "alarms", alarms, "alarm.month")

    def _workers(self) -> int:
        """Return how many workers keep up with the pushes, each with one scan at a time."""
        times = self._measured.functions[SCAN]
        vcpu = self._table.tasks["worker"].vcpu
        seconds = (times.wall - times.cpu) + times.cpu / min(vcpu, 1.0) + self._github_wait(SCAN)
        month = self._assume("hours") * _SECONDS_OF_AN_HOUR * self._assume("task_utilisation")
        needed = math.ceil(self._pushes * self._assume("scans_per_push") * seconds / month)
        return max(self._table.tasks["worker"].count, needed)

    def _polls(self, pollers: float) -> float:
        seconds = self._assume("hours") * _SECONDS_OF_AN_HOUR
        return pollers * seconds / self._assume("poll_seconds")

    def _logs(
        self, calls: dict[str, _Calls], extra_bytes: float, access_bytes: float
    ) -> Iterator[CostLine]:
        size = sum(
            call.number * (self._times(name).log_bytes + extra_bytes)
            for name, call in calls.items()
        )
        gb = (size + self._requests() * access_bytes) / _BYTES_OF_A_GB
        yield self._line("CloudWatch", "logs, GB", gb, "logs.gb")
        months = self._counts.log_days / _LOG_MONTH_DAYS
        yield self._line("CloudWatch", "kept logs, GB", gb * months, "logs.kept")

    def _custom_metrics(self) -> float:
        """Return metrics that have values all month: one is billed by the hour in which it has."""
        routes = self._assume("routes_in_use") * self._assume("route_metrics")
        share = min(self._pushes / self._assume("hours"), 1.0)
        return share * (self._measured.metrics + routes)

    def _secret_calls(self, calls: dict[str, _Calls]) -> float:
        each = self._assume("secrets_per_start")
        month = self._assume("hours") * _SECONDS_OF_AN_HOUR
        periods = self._assume("hours") * 60 / self._assume("secret_minutes")
        number = 0.0
        for call in calls.values():
            environments = math.ceil(call.busy_seconds / month)
            number += call.cold + min(call.number, periods * environments)
        return each * number

    def _network(self) -> Iterator[CostLine]:
        counts, hours = self._counts, self._assume("hours")
        yield self._line("Network", "NAT gateway, hours", counts.nat_gateways * hours, "nat.hour")
        through = self._pushes * (
            self._assume("github_kb_per_push") + self._assume("out_kb_per_push")
        )
        if counts.nat_gateways:
            yield self._line("Network", "NAT gateway, GB", through / _KB_OF_A_GB, "nat.gb")
        for kind, number in counts.nat_instances.items():
            yield self._line("Network", f"NAT instance {kind}", number * hours, f"ec2.{kind}")
        yield self._line("Network", "its disk, GB", counts.disk_gib, "ebs.gb")
        yield self._line(
            "Network", "public addresses", counts.public_addresses * hours, "address.hour"
        )
        yield self._line("Network", "endpoints", counts.endpoint_zones * hours, "endpoint.hour")
        out = self._pushes * self._assume("out_kb_per_push") / _KB_OF_A_GB
        yield self._line("Network", "to the internet, GB", out, "out.gb")

    def _database(self) -> Iterator[CostLine]:
        counts, hours = self._counts, self._assume("hours")
        for kind, number in counts.databases.items():
            yield self._line("Database", f"{number} of {kind}", number * hours, f"rds.{kind}")
        yield self._line("Database", "storage, GB", counts.database_gib, "rds.gb")
        yield self._line("Database", "proxy", counts.proxies * _PROXY_VCPU * hours, "rds.proxy")
        if counts.aurora_units:
            units = sum(map(self._aurora_units, counts.aurora_units))
            yield self._line("Database", "Aurora, units", units * hours, "aurora.unit")
            yield self._line("Database", "storage, GB", self._assume("aurora_gib"), "aurora.gb")
            io = self._pushes * self._assume("aurora_io_per_push")
            yield self._line("Database", "reads and writes", io, "aurora.io")

    def _aurora_units(self, least: float) -> float:
        """Return the mean capacity; one that may pause stays awake for minutes after a call."""
        if self._is_fast:
            return max(least, self._assume("aurora_busy_units"))
        if least > 0:
            return max(least, self._assume("aurora_awake_units"))
        wakes = self._pushes + sum(self._scheduled().values())
        minutes = wakes / self._assume("hours") * self._assume("pause_minutes")
        return self._assume("aurora_awake_units") * min(minutes / 60, 1.0)

    def _cache(self) -> Iterator[CostLine]:
        for kind, number in self._counts.caches.items():
            hours = number * self._assume("hours")
            yield self._line("Cache", f"{number} of {kind}", hours, f"cache.{kind}")

    def _fixed(self) -> Iterator[CostLine]:
        yield self._line("Secrets", "secrets", self._counts.secrets, "secret.month")
        yield self._line("CloudWatch", "dashboards", self._counts.dashboards, "dashboard.month")


def describe_times(name: str, times: FunctionTimes, billed: float) -> str:
    """Return a line about a function's times, in milliseconds."""
    return (
        f"{name.removesuffix('Function')}: {times.wall * 1e3:.0f} ms warm, of which "
        f"{times.cpu * 1e3:.1f} of the processor; a cold start {times.init * 1e3:.0f} more; "
        f"billed {billed * 1e3:.0f}; {times.log_bytes:.0f} bytes of logs"
    )
