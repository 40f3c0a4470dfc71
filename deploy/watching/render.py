"""The JSON of a dashboard, by Grafana's own typed library."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import GraphThresholdsStyleMode
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    Threshold,
    ThresholdsMode,
)

from deploy.watching.panels import Board, Panel, Query

FOLDER: Final = Path("deploy/grafana/dashboards")
# The uid in deploy/grafana/provisioning/datasources.
_SOURCE: Final = DataSourceRef(type_val="prometheus", uid="kova-prometheus")
_SPANS: Final = {"number": 8, "lines": 12}
_HEIGHT: Final = 8


def render_board(board: Board) -> str:
    """Return the JSON of a dashboard."""
    builder = (
        dashboard.Dashboard(board.title)
        .uid(board.name)
        .description(board.note)
        .tags(["kova"])
        .timezone("browser")
        .time("now-6h", "now")
        .refresh("30s")
        .readonly()
    )
    for number, panel in enumerate(board.panels, 1):
        builder = builder.with_panel(_picture(panel, number))
    return JSONEncoder(sort_keys=True, indent=2).encode(builder.build()) + "\n"


def _picture(panel: Panel, number: int) -> stat.Panel | timeseries.Panel:
    picture: stat.Panel | timeseries.Panel
    steps = [Threshold(value=None, color="green")]
    if panel.limit is not None:
        steps.append(Threshold(value=panel.limit, color="red"))
    thresholds = dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)
    if panel.kind == "number":
        picture = stat.Panel()
    else:
        picture = timeseries.Panel()
        if panel.limit is not None:
            style = common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.LINE)
            picture = picture.thresholds_style(style)
    picture = (
        picture.id(number)
        .title(panel.title)
        .description(panel.note)
        .unit(panel.unit)
        .datasource(_SOURCE)
        .thresholds(thresholds)
        .span(_SPANS[panel.kind])
        .height(_HEIGHT)
    )
    for letter, query in zip("ABCDEF", panel.queries, strict=False):
        picture = picture.with_target(_target(query, letter))
    return picture


def _target(query: Query, letter: str) -> prometheus.Dataquery:
    target = prometheus.Dataquery().expr(query.expr).ref_id(letter).datasource(_SOURCE)
    return target.legend_format(query.legend) if query.legend else target
