"""Work: whether it arrives, moves and ends."""

from __future__ import annotations

from typing import Final

from deploy.watching.panels import Board, Panel, Query, grown, latest, per_second, quantile

SCANS: Final = Board(
    name="kova-scans",
    title="Kova: scans and queues",
    note="Does work arrive, move and end.",
    panels=(
        Panel(
            title="Oldest queued scan",
            unit="s",
            kind="number",
            limit=900,
            queries=(Query(expr=latest("kova_oldest_queued_scan_age_seconds")),),
            note="Above 15 minutes somebody is told.",
        ),
        Panel(
            title="Dead letters",
            unit="short",
            kind="number",
            limit=1,
            queries=(
                Query(
                    expr=latest('kova_queue_messages{state="dead"}', "queue"), legend="{{queue}}"
                ),
            ),
            note="The attribute `reason` of each message says why.",
        ),
        Panel(
            title="Messages",
            unit="short",
            queries=(
                Query(
                    expr=latest("kova_queue_messages", "queue", "state"),
                    legend="{{queue}} {{state}}",
                ),
            ),
            note="In flight are those that a worker has.",
        ),
        Panel(
            title="Messages: 95 % wait less than",
            unit="s",
            queries=(
                Query(
                    expr=quantile(0.95, "kova_message_wait_seconds", "queue"), legend="{{queue}}"
                ),
            ),
            note="From sending to the first receipt.",
        ),
        Panel(
            title="Messages done, again, given up",
            unit="cps",
            queries=(
                Query(
                    expr=per_second("kova_messages_done_total", "queue"), legend="{{queue}} done"
                ),
                Query(
                    expr=per_second("kova_messages_retried_total", "queue"),
                    legend="{{queue}} again",
                ),
                Query(
                    expr=per_second("kova_messages_buried_total", "queue"),
                    legend="{{queue}} given up",
                ),
            ),
            note="Given up is what the dead-letter queue holds.",
        ),
        Panel(
            title="Workers ask",
            unit="cps",
            queries=(
                Query(expr=per_second("kova_worker_polls_total", "queue"), legend="{{queue}}"),
            ),
            note="Of workers in containers; Lambda polls by itself.",
        ),
        Panel(
            title="Scans",
            unit="cps",
            queries=(
                Query(
                    expr=per_second("kova_scans_total", "trigger", "outcome"),
                    legend="{{trigger}} {{outcome}}",
                ),
            ),
            note="By what asked for them and how they ended.",
        ),
        Panel(
            title="Scans: 95 % take less than",
            unit="s",
            queries=(
                Query(
                    expr=quantile(0.95, "kova_scan_duration_seconds", "trigger"),
                    legend="{{trigger}}",
                ),
            ),
            note="One attempt.",
        ),
        Panel(
            title="Open errors",
            unit="short",
            queries=(Query(expr=latest("kova_open_errors", "severity"), legend="{{severity}}"),),
            note="Of all repositories.",
        ),
        Panel(
            title="Fixes in 24 hours",
            unit="short",
            queries=(
                Query(
                    expr=grown("kova_fixes_total", "24h", "strategy", "outcome"),
                    legend="{{strategy}} {{outcome}}",
                ),
            ),
            note="Rejected ones failed their proof and were shown to nobody.",
        ),
    ),
)
