"""The page of where an event can be and for how long, from the configuration that is deployed."""

from __future__ import annotations

import json
from pathlib import Path

from infrastructure.retention import APPROVAL_DAYS, Retention

_CDK = Path(__file__).resolve().parents[2] / "cdk.json"

_INTRODUCTION = """# Where an event can be, and for how long

The lives are `retention_days` in `cdk.json`, in days, and a synth refuses numbers that don't fit each
other. The last column is counted from the event's acceptance, in the worst case: every letter waits to the
end of its time, and an event that is stored by a redrive on the last day fails once more on its way to its
topic. No copy outlives `longest` ({longest}).

| place | an event is there when | for how many days | gone after, at the latest |
|---|---|---|---|
"""

_END = """
Subscribers keep what they get for as long as they like, and a [dead-letter queue of a
subscription](../subscribers.md#a-dead-letter-queue-of-your-own) is theirs.

An open letter that nobody has redriven after `open_letters` days is lost for good, and with it the event,
where it was not stored. The alarm on forgotten letters goes off long before.

## What holds no event

| what | where | for how many days |
|---|---|---|
| plans and results of executions: keys, causes, counts | operations bucket, `redrive/` | `runs` ({runs}) |
| plans that wait for an approval, with a task token | operations bucket, `approvals/` | {approvals} |
| reports | operations bucket, `reports/` | `reports` ({reports}) |
| who read the archive | operations bucket, `access-logs/` | `access_logs` ({access_logs}) |
| log lines | CloudWatch Logs | `logs` ({logs}) |
| who decided what, and why (`audit#...`) | ledger | until the table is deleted |

A log line, a report and a mail may have an event's `id`, `source`, `type` and `subject`, never its
`data`."""


def retention() -> str:
    """The page of the deployment that `cdk.json` describes."""
    context = json.loads(_CDK.read_text())["context"]
    lives = Retention(**context["retention_days"])
    rows = [
        f"| {copy.place} | {copy.when} | {copy.life} | {copy.days} |" for copy in lives.copies()
    ]
    numbers = vars(lives) | {"approvals": APPROVAL_DAYS}
    return _INTRODUCTION.format(**numbers) + "\n".join(rows) + "\n" + _END.format(**numbers) + "\n"
