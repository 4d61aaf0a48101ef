"""S3 in memory: what the functions ask of it, and an assertion error for all else."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from hashlib import md5
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit
from xml.sax.saxutils import escape

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from functions.contract import Objects
from tests.faults.http import Request, body, error, header, response
from tests.faults.memory import Memory
from tests.faults.vocabulary import Refusal

# So few that there are many pages.
_KEYS_A_PAGE = 2
_VERSIONS_A_PAGE = 3
_TAG = re.compile("<Tag><Key>(.*?)</Key><Value>(.*?)</Value></Tag>")
_MISSING = Refusal(404, "NoSuchKey")
# Of objects whose time nobody has said.
_LATE = "2099-01-01T00:00:00.000Z"


# Another name of the current version, of objects that have no other.
VERSION = "v1"


def version_id(content: bytes) -> str:
    """The id of a version with this content, which is its ETag as well."""
    return md5(content, usedforsecurity=False).hexdigest()


def read(memory: Memory, request: AWSPreparedRequest) -> Request:
    """What a request asks for."""
    url = urlsplit(request.url)
    bucket, key = url.netloc.split(".")[0], unquote(url.path[1:])
    query = {name: v[0] for name, v in parse_qs(url.query, keep_blank_values=True).items()}
    asked = _Asked(memory, request, bucket, key, query)
    operations: Mapping[tuple[str, bool, str], tuple[str, Callable[[], AWSResponse]]] = {
        ("GET", False, "versions"): ("ListObjectVersions", asked.list_versions),
        ("GET", False, ""): ("ListObjectsV2", asked.list_objects),
        ("GET", True, "tagging"): ("GetObjectTagging", asked.get_tags),
        ("GET", True, ""): ("GetObject", asked.get),
        ("HEAD", True, ""): ("HeadObject", asked.head),
        ("PUT", True, "tagging"): ("PutObjectTagging", asked.tag),
        ("PUT", True, ""): ("PutObject", asked.put),
        ("DELETE", True, ""): ("DeleteObject", asked.delete),
    }
    about = next((name for name in ("versions", "tagging") if name in query), "")
    operation, act = operations[str(request.method), bool(key), about]
    return Request(operation, bucket, act)


class _Asked:
    def __init__(
        self,
        memory: Memory,
        request: AWSPreparedRequest,
        bucket: str,
        key: str,
        query: Mapping[str, str],
    ) -> None:
        self._memory = memory
        self._request = request
        self._bucket = bucket
        self._key = key
        self._query = query
        self._objects = memory.buckets.setdefault(bucket, {})
        self._older = memory.older.setdefault(bucket, {})

    def put(self) -> AWSResponse:
        condition, there = self._condition("If-None-Match"), self._objects.get(self._key)
        match = self._condition("If-Match")
        # The bucket policies refuse a write without either, but for Lambda's own.
        exempt = self._key.startswith(Objects.INVOCATION_RECORDS)
        if not match and condition != "*" and not exempt:
            return self._refused(Refusal(403, "AccessDenied"))
        if match and there is None:
            return self._refused(_MISSING)
        if (there is not None and condition == "*") or self._is_another(match, there):
            return self._refused(Refusal(412, "PreconditionFailed"))
        if there is not None:
            self._older.setdefault(self._key, []).append(there)
        self._objects[self._key] = body(self._request)
        self._memory.tags.pop((self._bucket, self._key), None)
        if tags := dict(parse_qsl(self._condition("x-amz-tagging"))):
            self._memory.tags[self._bucket, self._key] = tags
        self._memory.types[self._key] = self._condition("Content-Type")
        return response(200, "", {"ETag": f'"{version_id(self._objects[self._key])}"'})

    def get(self) -> AWSResponse:
        content = self._version()
        if content is None:
            return self._refused(self._missing())
        id = self._query.get("versionId") or VERSION
        named = {"Content-Length": str(len(content)), "x-amz-version-id": id}
        return response(200, content.decode(), named)

    def tag(self) -> AWSResponse:
        content = self._version()
        if content is None:
            return self._refused(self._missing())
        tags = dict(_TAG.findall(body(self._request).decode()))
        self._memory.tags[self._bucket, self._key] = tags
        return response(200, "", {"x-amz-version-id": version_id(content)})

    def _missing(self) -> Refusal:
        """The refusal of a call for an object, or for a version of it, that is not there."""
        is_there = self._key in self._objects
        return Refusal(404, "NoSuchVersion" if is_there else "NoSuchKey")

    def head(self) -> AWSResponse:
        content = self._version()
        if content is None:
            return self._refused(self._missing())
        return response(200, "", {"Content-Type": self._memory.types.get(self._key, "text/plain")})

    def get_tags(self) -> AWSResponse:
        tags = "".join(
            f"<Tag><Key>{escape(name)}</Key><Value>{escape(value)}</Value></Tag>"
            for name, value in self._memory.tags.get((self._bucket, self._key), {}).items()
        )
        return response(200, f"<Tagging><TagSet>{tags}</TagSet></Tagging>")

    def delete(self) -> AWSResponse:
        older, there = self._older.get(self._key, []), self._objects.get(self._key)
        wanted = self._query.get("versionId")
        if wanted is None:
            if self._is_another(self._condition("If-Match"), there):
                return self._refused(Refusal(412, "PreconditionFailed"))
            # A mark of the deletion: what was there is an older version now.
            if there is not None:
                self._older.setdefault(self._key, []).append(self._objects.pop(self._key))
            return response(204, "")
        if there is not None and version_id(there) == wanted:
            del self._objects[self._key]
            if older:
                self._objects[self._key] = older.pop()
        self._older[self._key] = [one for one in older if version_id(one) != wanted]
        return response(204, "")

    def list_objects(self) -> AWSResponse:
        assert self._query["list-type"] == "2", self._query
        found = self._keys(self._objects)
        start = int(self._query.get("continuation-token", 0))
        end = start + _KEYS_A_PAGE
        keys = "".join(f"<Contents><Key>{escape(key)}</Key></Contents>" for key in found[start:end])
        more = f"<NextContinuationToken>{end}</NextContinuationToken>" if end < len(found) else ""
        cut = f"<IsTruncated>{str(bool(more)).lower()}</IsTruncated>"
        return response(200, f"<ListBucketResult>{cut}{more}{keys}</ListBucketResult>")

    def list_versions(self) -> AWSResponse:
        found = [
            (key, content, number == 0 and key in self._objects)
            for key in self._keys({*self._objects, *self._older})
            for number, content in enumerate(self._contents(key))
        ]
        marker, version = self._query.get("key-marker", ""), self._query.get("version-id-marker")
        if version:
            names = [(key, version_id(content)) for key, content, _ in found]
            found = found[names.index((marker, version)) + 1 :]
        else:
            found = [one for one in found if one[0] > marker]
        page = found[:_VERSIONS_A_PAGE]
        is_cut = len(found) > len(page)
        answer = f"<IsTruncated>{str(is_cut).lower()}</IsTruncated>"
        if is_cut:
            last = version_id(page[-1][1])
            answer += f"<NextKeyMarker>{escape(page[-1][0])}</NextKeyMarker>"
            answer += f"<NextVersionIdMarker>{last}</NextVersionIdMarker>"
        for key, content, is_latest in page:
            id = version_id(content)
            answer += (
                f"<Version><Key>{escape(key)}</Key><VersionId>{id}</VersionId>"
                f"<IsLatest>{str(is_latest).lower()}</IsLatest><ETag>&quot;{id}&quot;</ETag>"
                f"<LastModified>{self._memory.modified.get(key, _LATE)}</LastModified>"
                f"<Size>{len(content)}</Size></Version>"
            )
        return response(200, f"<ListVersionsResult>{answer}</ListVersionsResult>")

    def _keys(self, keys: Mapping[str, object] | set[str]) -> list[str]:
        return sorted(key for key in keys if key.startswith(self._query["prefix"]))

    def _contents(self, key: str) -> list[bytes]:
        """The versions of an object, the latest first."""
        current = [self._objects[key]] if key in self._objects else []
        return [*current, *reversed(self._older.get(key, []))]

    def _version(self) -> bytes | None:
        wanted = self._query.get("versionId")
        only = wanted == VERSION and not self._older.get(self._key)
        if wanted is None or only:
            return self._objects.get(self._key)
        return next((one for one in self._contents(self._key) if version_id(one) == wanted), None)

    def _condition(self, name: str) -> str:
        return header(self._request, name) if name in self._request.headers else ""

    def _is_another(self, match: str, there: bytes | None) -> bool:
        return bool(match) and (there is None or match.strip('"') != version_id(there))

    def _refused(self, refusal: Refusal) -> AWSResponse:
        return error(self._request, refusal)
