"""A finding on the laptop, which has no Macie: of an object that the system itself archived."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from secrets import token_hex
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.commands.command import command
from console.shell.failure import ExitCode, Failure, Misuse
from eventing.archive_line import InvalidLine, read_line
from eventing.foreign_text import plain
from eventing.timestamps import timestamp
from functions.contract import Objects

if TYPE_CHECKING:
    from datetime import datetime

    from console.deployed.deployment import Deployment
    from console.shell.screen import Screen
    from console.shell.surroundings import Surroundings

# AWS lets nobody else send as `aws.macie`; the laptop's rule takes both.
SOURCE = "local.macie"
_LOOKS = 30
_KIND = "CREDIT_CARD_NUMBER"

Found = tuple[str, int, Mapping[str, Any]]
"""The key of an object, a line of it, and the event there."""


def add_to(group: typer.Typer) -> None:
    """Add the command."""
    command(group, "simulate")(simulate)


def simulate(
    screen: Screen,
    deployment: Deployment,
    surroundings: Surroundings,
    event: Annotated[
        tuple[str, str] | None,
        typer.Option("--event", metavar="SOURCE ID", help="An event that was archived."),
    ] = None,
    key: Annotated[
        str | None, typer.Option("--object", help="The key of an archived object.")
    ] = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="Name no line: the whole object is meant.")
    ] = False,
    severity: Annotated[str, typer.Option(help="Low, Medium or High.")] = "High",
) -> ExitCode:
    """Put a finding of Macie's form on the bus, on the laptop alone: of the latest object by default."""
    if deployment.laptop is None:
        raise Misuse(f"findings are simulated on the laptop alone: {deployment} has Macie.")
    if event and key:
        raise Misuse("--event and --object exclude each other.")
    found = _find(deployment, event, key)
    id = token_hex(16)
    detail = recorded_finding(
        id=id,
        bucket=deployment.output("ArchiveBucket"),
        account=deployment.output("OpsTopicArn").split(":")[4],
        region=deployment.region,
        found=found,
        version=_version(deployment, found[0]),
        whole=whole,
        severity=severity,
        at=surroundings.now(),
    )
    answer = deployment.aws.client("events").put_events(
        Entries=[{"Source": SOURCE, "DetailType": "Macie Finding", "Detail": json.dumps(detail)}]
    )
    if answer["FailedEntryCount"]:
        raise Failure("the bus has not taken the finding; start it again.")
    screen.note(f"finding {id} on line {found[1]} of {found[0]}")
    for _ in range(_LOOKS):
        if case := deployment.cases.of_finding(id):
            following = [deployment.command("findings", "show", case)]
            screen.say(f"The finding {id} is in the case {case}.")
            screen.document(
                {
                    "finding": id,
                    "case": case,
                    "object": found[0],
                    "line": found[1],
                    "next": following,
                }
            )
            screen.next(following)
            return ExitCode.DONE
        surroundings.sleep(0.5)
    raise Failure(f"The finding {id} has no case: the log of the cases function says why.")


def recorded_finding(
    *,
    id: str,
    bucket: str,
    account: str,
    region: str,
    found: Found,
    version: str | None,
    whole: bool,
    severity: str,
    at: datetime,
) -> dict[str, Any]:
    """A finding on a JSON Lines object ("Findings" in Macie's API reference): no value is in it."""
    key, line, event = found
    record = {"recordIndex": line, "jsonPath": _path("$.event", event)}
    occurrences = {} if whole else {"occurrences": {"records": [record]}}
    scores = {"low": 1, "medium": 2, "high": 3}
    return {
        "schemaVersion": "1.0",
        "id": id,
        "accountId": account,
        "partition": "aws",
        "region": region,
        "type": "SensitiveData:S3Object/Financial",
        "title": "The S3 object contains financial information",
        "severity": {"score": scores.get(severity.casefold(), 3), "description": severity},
        "createdAt": timestamp(at),
        "updatedAt": timestamp(at),
        "category": "CLASSIFICATION",
        "count": 1,
        "sample": False,
        "archived": False,
        "policyDetails": None,
        "resourcesAffected": {
            "s3Bucket": {"arn": f"arn:aws:s3:::{bucket}", "name": bucket},
            "s3Object": {
                "bucketArn": f"arn:aws:s3:::{bucket}",
                "key": key,
                "path": f"{bucket}/{key}",
                "extension": "jsonl",
                **({"versionId": version} if version else {}),
            },
        },
        "classificationDetails": {
            "jobId": "simulated",
            "originType": "SENSITIVE_DATA_DISCOVERY_JOB",
            "result": {
                "status": {"code": "COMPLETE"},
                "mimeType": "application/jsonl",
                "additionalOccurrences": False,
                "sensitiveData": [
                    {
                        "category": "FINANCIAL_INFORMATION",
                        "totalCount": 1,
                        "detections": [{"type": _KIND, "count": 1, **occurrences}],
                    }
                ],
            },
        },
    }


def _find(deployment: Deployment, event: tuple[str, str] | None, key: str | None) -> Found:
    """The event that is meant, or the last one of the object; raises `Misuse`."""
    keys = [key] if key else _keys(deployment)
    for one in keys:
        lines = list(_events(deployment, one))
        for line, value in reversed(lines):
            if event is None or (value.get("source"), value.get("id")) == event:
                return one, line, value
    what = f"the event {plain(event[1])}" if event else plain(key) if key else "an object"
    raise Misuse(f"The archive does not have {what}.")


def _keys(deployment: Deployment) -> Iterator[str]:
    """The keys of archived objects, the latest first; the canary's are nobody's."""
    pages = deployment.aws.client("s3").get_paginator("list_objects_v2")
    found = [
        (entry["LastModified"], entry["Key"])
        for page in pages.paginate(Bucket=deployment.output("ArchiveBucket"), Prefix=Objects.EVENTS)
        for entry in page.get("Contents", ())
        if not entry["Key"].startswith(f"{Objects.EVENTS}canary/")
    ]
    return (key for _, key in sorted(found, reverse=True))


def _events(deployment: Deployment, key: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    client = deployment.aws.client("s3")
    try:
        body = client.get_object(Bucket=deployment.output("ArchiveBucket"), Key=key)["Body"]
    except client.exceptions.NoSuchKey:
        return
    for number, line in enumerate(body.read().decode().splitlines()):
        try:
            value = json.loads(read_line(line).event_text)
        except InvalidLine:
            continue
        yield number, value


def _version(deployment: Deployment, key: str) -> str | None:
    found = deployment.aws.client("s3").head_object(
        Bucket=deployment.output("ArchiveBucket"), Key=key
    )
    version: str | None = found.get("VersionId")
    return version


def _path(path: str, event: Mapping[str, Any]) -> str:
    """The path of the first text in the event's data, as Macie writes it; of its id where there is none."""
    for name, value in _leaves(f"{path}.data", event.get("data")):
        if isinstance(value, str):
            return name
    return f"{path}.id"


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, member in value.items():
            simple = name.isidentifier()
            yield from _leaves(f"{path}.{name}" if simple else f"{path}['{name}']", member)
    elif isinstance(value, list):
        for number, member in enumerate(value):
            yield from _leaves(f"{path}[{number}]", member)
    else:
        yield path, value
