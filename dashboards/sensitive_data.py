"""The row of sensitive data: findings, and whether each was followed up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.widgets import WIDTH, Row, function_graphs, graph, heading

if TYPE_CHECKING:
    from infrastructure.constructs.cases import CasesFunction
    from infrastructure.constructs.findings import Findings
    from infrastructure.constructs.region import Region

_THIRD = WIDTH // 3


def sensitive_data_rows(
    region: Region, *, findings: Findings, cases: CasesFunction, executions: str
) -> list[Row]:
    """The heading and the graphs of sensitive data; `executions` is the log of these."""
    return [
        heading(
            region,
            "Sensitive data",
            says="What Macie finds in the archive, and what follows: a case for each object.",
            section="sensitive-data",
            logs={"log of cases": cases.function.log_name, "executions": executions},
        ),
        [
            graph(
                "Findings",
                {"findings": findings.matched},
                unit="findings",
                above=0,
                width=_THIRD,
            ),
            graph(
                "Executions for findings that failed",
                dict(findings.failures),
                unit="executions",
                above=0,
                width=_THIRD,
            ),
            graph(
                "Findings for which nothing was started",
                {"waiting": findings.waiting},
                unit="findings",
                above=0,
                width=_THIRD,
            ),
        ],
        function_graphs("cases", cases.function),
    ]
