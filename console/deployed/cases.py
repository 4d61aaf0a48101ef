"""The cases of sensitive data, as the operations bucket has them."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from console.deployed.aws import error_code
from console.shell.failure import Misuse
from eventing.foreign_text import plain
from eventing.sensitive_data.case import asking_name, is_case_id
from functions.contract import Objects as Names

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_THREADS = 8
_ROUND = re.compile(r"round-(\d+)\.json")


@dataclass(frozen=True)
class Case:
    """A case in its last round; what is None is not there yet."""

    id: str
    round: int
    examined: Mapping[str, Any] | None
    closed: Mapping[str, Any] | None
    findings: Sequence[Mapping[str, Any]] = field(default=())

    @property
    def state(self) -> str:
        """How far it is: its outcome, once it has one."""
        if self.closed:
            return str(self.closed["outcome"])
        if self.examined is None:
            return "is examined"
        return "waits for an answer" if self.examined["why_not_asked"] is None else "is told"

    @property
    def question(self) -> str | None:
        """The name of the execution that asks about it, while it waits for an answer."""
        waits = self.examined and self.examined["why_not_asked"] is None and not self.closed
        return asking_name(self.id, self.round) if waits else None


class Cases:
    """The cases of one deployment. The methods raise what the SDK raises."""

    def __init__(self, client: S3Client, *, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def latest(self, most: int) -> tuple[list[Case], int]:
        """Those with the latest events, and how many there are in all."""
        names = self._names(Names.CASES)
        ids = sorted(names, reverse=True)
        with ThreadPoolExecutor(_THREADS) as workers:
            return list(workers.map(lambda id: self._case(id, names[id]), ids[:most])), len(ids)

    def find(self, id: str) -> Case:
        """The case with this id, and its findings; raises `Misuse` where there is none."""
        names = self._names(f"{Names.CASES}{id}/")[id] if is_case_id(id) else []
        if not names:
            raise Misuse(f"There is no case {plain(id)}: `eventing findings list` lists them.")
        found = self._case(id, names)
        told = [self._read(id, name) for name in names if name.startswith("finding-")]
        return Case(id, found.round, found.examined, found.closed, [one for one in told if one])

    def of_finding(self, finding: str) -> str | None:
        """The case that a finding was added to; None as long as it was not."""
        content = self._get(f"{Names.FINDINGS}{finding}.json")
        return str(content["case"]) if content else None

    def _case(self, id: str, names: Sequence[str]) -> Case:
        rounds = [int(found[1]) for name in names if (found := _ROUND.fullmatch(name))]
        last = max(rounds, default=0)
        examined = self._read(id, f"examined-{last}.json")
        return Case(id, last, examined, self._read(id, f"closed-{last}.json"))

    def _names(self, prefix: str) -> dict[str, list[str]]:
        """The names of the objects of each case."""
        found: dict[str, list[str]] = defaultdict(list)
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=prefix
        )
        for page in pages:
            for entry in page.get("Contents", ()):
                _, case, name = entry["Key"].split("/", 2)
                found[case].append(name)
        return found

    def _read(self, case: str, name: str) -> Mapping[str, Any] | None:
        return self._get(f"{Names.CASES}{case}/{name}")

    def _get(self, key: str) -> Mapping[str, Any] | None:
        try:
            body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error_code(error) not in ("NoSuchKey", "404"):
                raise
            return None
        content: Mapping[str, Any] = json.loads(body)
        return content
