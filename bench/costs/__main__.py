"""`python -m bench.costs`: what a month costs on AWS, idle, at 1,000 and at 1,000,000 pushes.

`make build` first. `--times FILE` writes the durations there, or uses those of an earlier run.
"""

from __future__ import annotations

import argparse
import io
import platform
import sys
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from bench.costs.estimate import Estimate, describe_times
from bench.costs.measure import Measurement, measure
from bench.costs.price_table import Form, PriceTable, load_prices
from bench.costs.stack_counts import count_stack

WIDTH: Final = 110
VOLUMES: Final = (0, 1_000, 1_000_000)
_BUILD: Final = Path(".aws-sam/build")


def main() -> int:
    """Measure, calculate and print; 2 where nothing was built."""
    parser = argparse.ArgumentParser(prog="python -m bench.costs")
    parser.add_argument("--pushes", type=int, default=20, help="to measure")
    parser.add_argument("--starts", type=int, default=5, help="cold starts to measure")
    parser.add_argument("--times", type=Path, help="a file with durations, written or used again")
    parser.add_argument("--form", help="show every line of this form")
    options = parser.parse_args()
    if options.times and options.times.exists():
        measured = Measurement.load(options.times.read_text())
    elif not (_BUILD / "template.yaml").exists():
        sys.stderr.write("Run `make build` first.\n")
        return 2
    else:
        measured = measure(_BUILD.absolute(), options.pushes, options.starts)
        if options.times:
            options.times.write_text(measured.dump())
    table = load_prices()
    if options.form:
        form = next(form for form in table.forms if form.name == options.form)
        _print_lines(Console(width=WIDTH, highlight=False), form, measured, table)
    else:
        sys.stdout.write(render(measured, table))
    return 0


def render(measured: Measurement, table: PriceTable) -> str:
    """Return what the command prints: durations, a table for each form, and its variants."""
    output = io.StringIO()
    console = Console(file=output, width=WIDTH, highlight=False)
    _print_times(console, measured, table)
    _print_groups(console, measured, table)
    _print_variants(console, measured, table)
    return "".join(f"{line.rstrip()}\n" for line in output.getvalue().splitlines())


def _estimates(form: Form, measured: Measurement, table: PriceTable) -> list[Estimate]:
    counts = count_stack(form.parameters)
    return [Estimate(form, pushes, measured, counts, table) for pushes in VOLUMES]


def _print_times(console: Console, measured: Measurement, table: PriceTable) -> None:
    console.print(
        f"Measured here ({platform.machine()}): {measured.pushes} pushes of one changed file to a "
        f"repository of {measured.files} files; {measured.github_calls:.0f} calls of GitHub's API "
        f"for each; {measured.metrics} metrics."
    )
    baseline = table.assumptions["micro_baseline"]
    month = table.assumptions["hours"] * 3_600
    console.print(
        f"The database works {measured.database_cpu * 1e3:.0f} ms for a push: what a db.t4g.micro "
        f"may use for good is {baseline * month / measured.database_cpu:,.0f} pushes a month."
    )
    default = _estimates(table.forms[0], measured, table)[0]
    for name, times in measured.functions.items():
        console.print(f"  {describe_times(name, times, default.billed_seconds(name))}")


def _print_groups(console: Console, measured: Measurement, table: PriceTable) -> None:
    for form in table.forms:
        if form.saves_on:
            continue
        estimates = _estimates(form, measured, table)
        output = Table(
            "USD a month", "idle", "1,000", "1,000,000", title=f"{form.name}: {form.what}"
        )
        groups = list(dict.fromkeys(line.group for part in estimates for line in part.lines()))
        for group in groups:
            sums = [
                sum(line.usd for line in part.lines() if line.group == group) for part in estimates
            ]
            output.add_row(group, *(f"{amount:.2f}" for amount in sums))
        output.add_row("together", *(f"{part.total():.2f}" for part in estimates))
        _print_table(console, output)


def _print_variants(console: Console, measured: Measurement, table: PriceTable) -> None:
    totals = {
        form.name: [part.total() for part in _estimates(form, measured, table)]
        for form in table.forms
    }
    output = Table(
        "USD a month more (+) or less (-)", "idle", "1,000", "1,000,000", title="variants"
    )
    for form in table.forms:
        if form.saves_on:
            pairs = zip(totals[form.name], totals[form.saves_on], strict=True)
            output.add_row(
                f"{form.name}: {form.what}", *(f"{own - other:+.2f}" for own, other in pairs)
            )
    _print_table(console, output)


def _print_lines(console: Console, form: Form, measured: Measurement, table: PriceTable) -> None:
    for pushes, estimate in zip(VOLUMES, _estimates(form, measured, table), strict=True):
        output = Table("", "", "quantity", "price", "USD", title=f"{form.name}, {pushes:,} pushes")
        for line in estimate.lines():
            output.add_row(
                line.group, line.what, f"{line.quantity:,.1f}", f"{line.price:.10g}",
                f"{line.usd:.2f}",
            )  # fmt: skip
        output.add_row("together", "", "", "", f"{estimate.total():.2f}")
        _print_table(console, output)


def _print_table(console: Console, table: Table) -> None:
    """Print a table with its title on a line of its own, however narrow the table is."""
    console.print(f"\n{table.title}")
    table.title, table.box = None, None
    for column in table.columns[1:]:
        column.justify = "right"
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
