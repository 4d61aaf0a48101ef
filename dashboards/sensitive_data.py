"""The row of sensitive data: findings, whether each was followed up, and whether Macie looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.widgets import WIDTH, Row, function_graphs, graph, heading
from infrastructure.constructs.coverage import UNEXAMINED

if TYPE_CHECKING:
    from infrastructure.constructs.cases import CasesFunction
    from infrastructure.constructs.coverage import Coverage
    from infrastructure.constructs.findings import Findings
    from infrastructure.constructs.region import Region

_THIRD = WIDTH // 3


def sensitive_data_rows(
    region: Region,
    *,
    findings: Findings,
    cases: CasesFunction,
    executions: str,
    coverage: Coverage | None,
) -> list[Row]:
    """The heading and the graphs of sensitive data; `executions` is the log of these."""
    return [
        heading(
            region,
            "Sensitive data",
            says="What Macie finds in the archive, and what follows: a case for each object.",
            section="sensitive-data",
            logs={
                "log of cases": cases.function.log_name,
                "executions": executions,
                **({"log of coverage": coverage.function.log_name} if coverage else {}),
            },
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
        *([_coverage_graphs(coverage)] if coverage else []),
        function_graphs("cases", cases.function),
    ]


def _coverage_graphs(coverage: Coverage) -> Row:
    return [
        graph(
            "Macie does not look, or not at all",
            coverage.states,
            unit="looks that found it so",
            above=0,
            width=_THIRD,
        ),
        graph(
            "Archived for so long, and perhaps not examined",
            {"unexamined": coverage.unexamined},
            unit="seconds",
            above=UNEXAMINED.to_seconds(),
            width=_THIRD,
        ),
        graph(
            "Findings that nobody took up",
            {"unseen": coverage.unseen},
            unit="findings",
            above=0,
            width=_THIRD,
        ),
    ]
