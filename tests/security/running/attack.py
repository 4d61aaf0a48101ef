"""The attack itself: a function of the attacker's, which would run as the developer."""

from __future__ import annotations

import base64
import json

from tests.end_to_end.lab import package
from tests.security.running.signing import Request

# There is such a role in every deployment.
ROLE = "victim"
CREATE = Request(
    "POST",
    "/2015-03-31/functions",
    body=json.dumps(
        {
            "FunctionName": "attack",
            "Runtime": "python3.11",
            "Handler": "index.handle",
            "Role": f"arn:aws:iam::000000000000:role/{ROLE}",
            "Code": {"ZipFile": base64.b64encode(package("return {}")).decode()},
        }
    ).encode(),
    lines=(("content-type", "text/plain"),),
)
LIST = Request("GET", "/2015-03-31/functions")
