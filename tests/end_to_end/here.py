"""The app as it goes to AWS, for this machine: its functions run here, and there is no Macie.

For the CDK CLI, as `python -m tests.end_to_end.here`. The laptop's tables and buckets go with
their stack.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime

import aws_cdk as cdk

from app import build
from infrastructure import packaging


def main() -> None:
    """Synthesise the app."""
    packaging.LAMBDA = packaging.LAPTOP
    # The emulator refuses whole templates that name Macie.
    app = cdk.App(post_cli_context={"macie": "off"})
    build(app, at=datetime.now(UTC), account=os.environ.get("CDK_DEFAULT_ACCOUNT"))
    app.synth()


if __name__ == "__main__":
    main()
