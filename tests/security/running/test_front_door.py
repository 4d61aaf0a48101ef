"""Who gets into the emulator of `make run`: nobody by another name, from another page or with made-up keys.

By each of these a page in a browser, or another user of the machine, could run code as the developer:
CreateFunction, then Invoke.
"""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from local.cloud import LocalCloud
from tests.security.running.attack import CREATE, LIST
from tests.security.running.signing import Credentials, Request, Signer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.end_to_end.lab import Api, Lab


def root(lab: Lab) -> Credentials:
    return Credentials(lab.cloud.root_key.id, lab.cloud.root_key.secret)


def signer(lab: Lab, credentials: Credentials | None = None, **options: Any) -> Signer:
    options.setdefault("service", "lambda")
    return Signer(credentials or root(lab), lab.cloud.endpoint_url, **options)


@pytest.fixture(autouse=True)
def nothing_has_happened(lab: Lab) -> Any:
    """After each attack there is no function of the attacker's."""
    yield
    functions = lab.client("lambda").list_functions()["Functions"]
    assert "attack" not in [function["FunctionName"] for function in functions]


def test_a_request_that_root_signed_gets_in(lab: Lab) -> None:
    answer = signer(lab).sign(LIST).send(lab.cloud.endpoint_url)

    assert answer.status == 200
    assert "Functions" in json.loads(answer.body)


# Where a request comes from

PORT = "{port}"
PAGES = {
    "a site": {"origin": "https://shop.example"},
    "a file or a sandboxed frame": {"origin": "null"},
    "the page with the dashboards": {"origin": "http://127.0.0.1:1"},
    "our port, of another name": {"origin": "http://127.0.0.1.shop.example:{port}"},
    "the name as a user": {"origin": "http://127.0.0.1:{port}@shop.example"},
    "IPv6": {"origin": "http://[::1]:{port}"},
    "another scheme": {"origin": "https://127.0.0.1:{port}"},
    "nothing": {"origin": ""},
    "a picture on a site": {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
    "a picture on another port": {"sec-fetch-site": "same-site"},
}
NAMES = {
    "a site's that leads here": "shop.example:{port}",
    "a subdomain that leads here": "127.0.0.1.nip.io:{port}",
    "a bucket": "bucket.localhost:{port}",
    "an API": "abc.execute-api.localhost:{port}",
    "another port": "127.0.0.1:1",
    "no port": "127.0.0.1",
    "no port of localhost": "localhost",
    "IPv6": "[::1]:{port}",
    "every address": "0.0.0.0:{port}",
    "another loopback address": "127.0.0.2:{port}",
    "a number": "2130706433:{port}",
    "a dot at the end": "localhost.:{port}",
    "two": "127.0.0.1:{port}, shop.example",
}


def requests(lab: Lab, api: Api) -> dict[str, Request]:
    """One for each way in: signed, by an API, and the paths that ask for no credentials."""
    path = urlsplit(api.url).path
    return {
        "signed": LIST,
        "unsigned": CREATE,
        "api": Request("POST", path, b"{}", lines=(("x-api-key", api.key),)),
        "health": Request("GET", "/_ministack/health"),
        "custom resource": Request("PUT", "/_ministack/cfn-response/x", b"{}"),
        "preflight": Request("OPTIONS", "/2015-03-31/functions"),
    }


@pytest.mark.parametrize("page", PAGES)
def test_no_page_of_elsewhere_gets_in(lab: Lab, api: Api, page: str) -> None:
    url = urlsplit(lab.cloud.endpoint_url)
    lines = tuple((n, v.replace(PORT, str(url.port))) for n, v in PAGES[page].items())
    for way, request in requests(lab, api).items():
        signed = signer(lab).sign(request) if way == "signed" else request
        answer = replace(signed, lines=(*signed.lines, *lines)).send(lab.cloud.endpoint_url)

        assert answer.status == 403, (way, answer)
        assert not [name for name in answer.headers if name.startswith("access-control-")], way


@pytest.mark.parametrize("name", NAMES)
def test_nobody_gets_in_by_another_name(lab: Lab, api: Api, name: str) -> None:
    host = NAMES[name].replace(PORT, str(urlsplit(lab.cloud.endpoint_url).port))
    for way, request in requests(lab, api).items():
        named = replace(request, host=host)
        # The signature is right for this name.
        sent = signer(lab).sign(named) if way == "signed" else named

        assert sent.send(lab.cloud.endpoint_url).status == 403, way


def test_two_hosts_or_origins_are_one_too_many(lab: Lab) -> None:
    port = urlsplit(lab.cloud.endpoint_url).port
    own = f"http://127.0.0.1:{port}"
    for lines in (
        (("host", "shop.example"),),
        (("host", f"127.0.0.1:{port}"),),
        (("origin", own), ("origin", "https://shop.example")),
    ):
        signed = signer(lab).sign(LIST)
        answer = replace(signed, lines=(*signed.lines, *lines)).send(lab.cloud.endpoint_url)
        assert answer.status in (400, 403), lines


def test_its_own_names_and_pages_get_in(lab: Lab, api: Api) -> None:
    port = urlsplit(lab.cloud.endpoint_url).port
    for host in ("127.0.0.1", "localhost"):
        named = replace(LIST, host=f"{host}:{port}")
        signed = signer(lab).sign(named).having(origin=f"http://{host}:{port}")
        assert signed.send(lab.cloud.endpoint_url).status == 200
        by_api = replace(requests(lab, api)["api"], host=f"{host}:{port}")
        assert by_api.send(lab.cloud.endpoint_url).status == 200


def test_no_web_socket_is_opened(lab: Lab, api: Api) -> None:
    upgrade = {
        "connection": "upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": base64.b64encode(b"0" * 16).decode(),
    }
    request = Request("GET", urlsplit(api.url).path, lines=tuple(upgrade.items()))

    assert request.send(lab.cloud.endpoint_url).status == 403


# Credentials

MADE_UP = {
    "test": Credentials("test", "test"),
    "an account": Credentials("000000000000", "test"),
    "another account": Credentials("123456789012", "test"),
    "a key that AWS could have issued": Credentials("AKIAIOSFODNN7EXAMPLE", "x" * 40),
    "a session": Credentials("ASIAIOSFODNN7EXAMPLE", "x" * 40, "token"),
    "no name": Credentials("", "test"),
}


@pytest.mark.parametrize("who", MADE_UP)
@pytest.mark.parametrize("way", ["sign", "presign"])
def test_credentials_that_nobody_issued_are_worth_nothing(lab: Lab, who: str, way: str) -> None:
    forger = signer(lab, MADE_UP[who])
    request = forger.sign(CREATE) if way == "sign" else forger.presign(CREATE, seconds=60)

    assert request.send(lab.cloud.endpoint_url).status in (400, 403)


def test_a_request_without_credentials_does_not_get_in(lab: Lab) -> None:
    assert CREATE.send(lab.cloud.endpoint_url).status == 403
    # As a form of a page can send them.
    form = b"Action=CreateQueue&QueueName=attack&AWSAccessKeyId=test"
    kind = ("content-type", "application/x-www-form-urlencoded")
    assert Request("POST", "/", form, lines=(kind,)).send(lab.cloud.endpoint_url).status == 403
    for query in (
        (("X-Amz-Credential", "test/20260101/us-east-1/lambda/aws4_request"),),
        (("AWSAccessKeyId", "test"), ("Signature", "x"), ("Expires", "9999999999")),
        (("x-amz-credential", "test/20260101/us-east-1/lambda/aws4_request"),),
    ):
        assert replace(CREATE, query=query).send(lab.cloud.endpoint_url).status in (400, 403)


OTHER_WAYS = (
    "AWS test:signature",
    "AWS4-ECDSA-P256-SHA256 Credential=test/20260101/lambda/aws4_request,"
    " SignedHeaders=host;x-amz-region-set, Signature=00",
    "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request",
    "AWS4-HMAC-SHA256",
    "Basic dGVzdDp0ZXN0",
    "Bearer test",
)


@pytest.mark.parametrize("header", OTHER_WAYS)
def test_other_ways_to_name_credentials_are_worth_nothing(lab: Lab, header: str) -> None:
    answer = CREATE.having(authorization=header).send(lab.cloud.endpoint_url)

    assert answer.status in (400, 403)


def test_roots_name_without_its_secret_is_worth_nothing(lab: Lab) -> None:
    thief = Credentials(lab.cloud.root_key.id, "x" * 40)

    assert signer(lab, thief).sign(CREATE).send(lab.cloud.endpoint_url).status == 403


def test_another_runs_key_is_worth_nothing(lab: Lab) -> None:
    with LocalCloud() as other:
        assert other.root_key != lab.cloud.root_key
        stranger = Credentials(other.root_key.id, other.root_key.secret)
    answer = signer(lab, stranger).sign(LIST).send(lab.cloud.endpoint_url)

    assert answer.status == 403


def test_a_functions_session_cannot_be_derived_from_its_name(lab: Lab) -> None:
    name = lab.function("import os; return {k: os.environ[k] for k in event}")
    configuration = lab.client("lambda").get_function_configuration(FunctionName=name)
    lab.invoke(name)  # so that the session is there
    digest = hashlib.sha256(
        f"{configuration['FunctionArn']}:{configuration['Role']}".encode()
    ).hexdigest()
    derived = Credentials(
        f"ASIA{digest[:16].upper()}",
        hashlib.sha256(f"secret:{digest}".encode()).hexdigest(),
        hashlib.sha256(f"token:{digest}".encode()).hexdigest(),
    )
    answer = signer(lab, derived).sign(LIST).send(lab.cloud.endpoint_url)

    assert answer.status == 403


@pytest.fixture
def session(lab: Lab) -> Credentials:
    """A role's, that may list functions."""
    issued = lab.client("sts").assume_role(
        RoleArn=lab.role(("lambda:ListFunctions", "*")), RoleSessionName="test"
    )["Credentials"]
    return Credentials(issued["AccessKeyId"], issued["SecretAccessKey"], issued["SessionToken"])


def test_a_session_gets_in_with_its_own_token_only(lab: Lab, session: Credentials) -> None:
    url = lab.cloud.endpoint_url

    assert signer(lab, session).sign(LIST).send(url).status == 200
    assert signer(lab, replace(session, token="")).sign(LIST).send(url).status == 403
    assert signer(lab, replace(session, token="other")).sign(LIST).send(url).status == 403
    assert signer(lab, replace(session, secret="other")).sign(LIST).send(url).status == 403
    # And it may do no more than its role.
    assert signer(lab, session).sign(CREATE).send(url).status == 403


def test_an_environment_of_functions_has_no_root_key(lab: Lab) -> None:
    found = lab.invoke(lab.function("import os; return dict(os.environ)"))

    assert lab.cloud.root_key.secret not in json.dumps(found)
    assert lab.cloud.root_key.id not in json.dumps(found)


# Signatures


def replaced(request: Request, old: str, new: str) -> Request:
    """The request with another text in its headers."""
    lines = tuple((name, value.replace(old, new)) for name, value in request.lines)
    assert lines != request.lines
    return replace(request, lines=lines)


TAMPERED: dict[str, Callable[[Request], Request]] = {
    "body": lambda signed: replace(signed, body=signed.body + b" "),
    "body and its hash": lambda signed: replace(
        signed.without("x-amz-content-sha256"), body=b"{}"
    ).having(x_amz_content_sha256=hashlib.sha256(b"{}").hexdigest()),
    "body, said to be unsigned": lambda signed: replace(
        signed.without("x-amz-content-sha256"), body=b"{}"
    ).having(x_amz_content_sha256="UNSIGNED-PAYLOAD"),
    "body, without its hash": lambda signed: replace(
        signed.without("x-amz-content-sha256"), body=b"{}"
    ),
    "method": lambda signed: replace(signed, method="PUT"),
    "path": lambda signed: replace(signed, path="/2015-03-31/functions/other"),
    "query": lambda signed: replace(signed, query=(("Qualifier", "1"),)),
    "date": lambda signed: signed.without("x-amz-date").having(x_amz_date="20200101T000000Z"),
    "region": lambda signed: replaced(signed, "/us-east-1/", "/eu-west-1/"),
    "service": lambda signed: replaced(signed, "/lambda/", "/sts/"),
    "end of the scope": lambda signed: replaced(signed, "/aws4_request", "/aws4"),
    "signature": lambda signed: replaced(signed, "Signature=", "Signature=0"),
    "no signature": lambda signed: replaced(signed, "Signature=", "Signature=,X="),
    "signed headers": lambda signed: replaced(
        signed, "SignedHeaders=content-type;", "SignedHeaders="
    ),
    "another operation": lambda signed: signed.having(x_amz_target="DynamoDB_20120810.DeleteTable"),
    "a second authorization": lambda signed: signed.having(
        authorization="AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request"
    ),
    "credentials in the query as well": lambda signed: replace(
        signed, query=(("X-Amz-Credential", "test/20260101/us-east-1/lambda/aws4_request"),)
    ),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_what_was_changed_after_it_was_signed_does_not_get_in(lab: Lab, what: str) -> None:
    signed = TAMPERED[what](signer(lab).sign(CREATE))

    assert signed.send(lab.cloud.endpoint_url).status in (400, 403)


@pytest.mark.parametrize("age", [timedelta(hours=1), timedelta(days=-1), timedelta(minutes=-16)])
def test_a_signature_of_another_time_does_not_get_in(lab: Lab, age: timedelta) -> None:
    assert signer(lab, age=age).sign(LIST).send(lab.cloud.endpoint_url).status in (400, 403)


def test_a_signature_without_the_host_does_not_get_in(lab: Lab) -> None:
    signed = replaced(signer(lab).sign(LIST), "SignedHeaders=host;", "SignedHeaders=")

    assert signed.send(lab.cloud.endpoint_url).status == 403


# URLs with a signature


@pytest.fixture(scope="module")
def bucket(lab: Lab) -> str:
    """A bucket with one object."""
    name = lab.name()
    lab.client("s3").create_bucket(Bucket=name)
    lab.client("s3").put_object(Bucket=name, Key="it", Body=b"content")
    return name


def test_a_presigned_url_gets_in_until_it_expires(lab: Lab, bucket: str) -> None:
    url, get = lab.cloud.endpoint_url, Request("GET", f"/{bucket}/it")
    old = signer(lab, service="s3", age=timedelta(minutes=5))

    assert signer(lab, service="s3").presign(get, seconds=60).send(url).body == "content"
    assert old.presign(get, seconds=600).send(url).body == "content"
    assert old.presign(get, seconds=60).send(url).status == 403
    assert signer(lab).presign(LIST, seconds=60).send(url).status == 200


@pytest.mark.parametrize("seconds", [-1, 0, 8 * 24 * 3600, 10**12])
def test_a_presigned_url_is_not_good_for_ever(lab: Lab, bucket: str, seconds: int) -> None:
    old = signer(lab, service="s3", age=timedelta(seconds=30))
    request = old.presign(Request("GET", f"/{bucket}/it"), seconds=seconds)

    assert request.send(lab.cloud.endpoint_url).status in (400, 403)


def test_a_presigned_url_cannot_be_bent(lab: Lab, bucket: str) -> None:
    url = lab.cloud.endpoint_url
    signed = signer(lab, service="s3").presign(Request("GET", f"/{bucket}/it"), seconds=60)
    longer = tuple((n, "600" if n == "X-Amz-Expires" else v) for n, v in signed.query)
    for bent in (
        replace(signed, query=longer),
        replace(signed, path=f"/{bucket}/other"),
        replace(signed, method="DELETE"),
        replace(signed, query=(*signed.query, ("acl", ""))),
        # S3 takes any body by such a URL; no other service may.
        signed.having(x_amz_target="DynamoDB_20120810.ListTables"),
    ):
        assert bent.send(url).status in (400, 403)
    post = signer(lab, service="s3").presign(replace(CREATE, body=b""), seconds=60)
    assert replace(post, body=CREATE.body).send(url).status == 403


# Paths that ask for no credentials in the stock emulator

STOCK_PATHS = (
    ("POST", "/_ministack/reset"),
    ("POST", "/_ministack/config"),
    ("GET", "/_ministack/sqs/messages"),
    ("GET", "/_ministack/lambda-code/attack"),
    ("GET", "/_ministack/ready"),
    ("POST", "/_ministack/health"),
    ("GET", "/_localstack/health"),
    ("GET", "/health"),
    ("PUT", "/_ministack/cfn-signal/x"),
    ("GET", "/latest/meta-data/iam/security-credentials/"),
    ("POST", "/_aws/lambda-url/x/"),
    ("GET", "/_aws/execute-api"),
    ("POST", "/_aws/../_aws/execute-api/x"),
    ("POST", "//_aws/execute-api/x"),
    ("POST", "/restapis/x/v1/_user_request_/"),
    ("GET", "/.well-known/openid-configuration"),
    ("POST", "/oauth2/token"),
    ("GET", "/v2/"),
    ("GET", "/"),
    ("OPTIONS", "/"),
)


@pytest.mark.parametrize(("method", "path"), STOCK_PATHS)
def test_no_other_path_is_open(lab: Lab, method: str, path: str) -> None:
    assert Request(method, path, b"").send(lab.cloud.endpoint_url).status == 403


# The API, which publishers call without a signature


def test_publishers_post_with_their_key_as_ever(lab: Lab, api: Api) -> None:
    command = ["curl", "-s", "-X", "POST", api.url, "-H", f"x-api-key: {api.key}", "-d", "{}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)

    assert done.stdout == "taken"
    assert api.post() == (200, "taken")


def test_the_api_takes_no_other_key(lab: Lab, api: Api) -> None:
    post = Request("POST", urlsplit(api.url).path, b"{}")

    assert post.send(lab.cloud.endpoint_url).status == 403
    assert post.having(x_api_key="other").send(lab.cloud.endpoint_url).status == 403


def test_forged_credentials_do_not_get_in_by_the_api_either(lab: Lab, api: Api) -> None:
    post = Request("POST", urlsplit(api.url).path, b"{}", lines=(("x-api-key", api.key),))
    forged = signer(lab, MADE_UP["test"]).sign(post)

    assert forged.send(lab.cloud.endpoint_url).status == 403
    query = (("X-Amz-Credential", "test/20260101/us-east-1/lambda/aws4_request"),)
    assert replace(post, query=query).send(lab.cloud.endpoint_url).status in (400, 403)
