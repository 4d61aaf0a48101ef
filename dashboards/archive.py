"""The archive: copies on their way through Firehose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.widgets import WIDTH, Row, graph, heading
from infrastructure.constructs.delivery_stream import LATE_SECONDS

if TYPE_CHECKING:
    from infrastructure.constructs.delivery_stream import DeliveryStream
    from infrastructure.constructs.region import Region

_FIFTH = WIDTH // 5


def archive_rows(region: Region, stream: DeliveryStream) -> list[Row]:
    """The rows of the archive's delivery stream."""
    return [
        heading(
            region,
            "Archive",
            says="Copies of small requests' events, on their way through Firehose; large ones need none.",
            section="archive-impaired",
            logs={"log of Firehose": stream.log_name},
        ),
        [
            graph(
                "How long the oldest copy has waited",
                {"oldest": stream.age},
                unit="seconds",
                above=LATE_SECONDS,
                width=_FIFTH,
            ),
            graph(
                "Copies that Firehose takes",
                {"taken": stream.incoming},
                unit="events",
                width=_FIFTH,
            ),
            graph(
                "Copies that Firehose turns away",
                {"turned away": stream.throttled},
                unit="events",
                above=0,
                width=_FIFTH,
            ),
            graph(
                "Too many publishers at once",
                {"too many": stream.partitions},
                unit="times",
                above=0,
                width=_FIFTH,
            ),
            graph(
                "Undelivered copies",
                {"undelivered": stream.undelivered},
                unit="objects",
                above=0,
                width=WIDTH - 4 * _FIFTH,
            ),
        ],
    ]
