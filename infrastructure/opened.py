"""What of the topics is opened to other accounts: values of the CDK context."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from infrastructure.context import ConfigurationError, Context, texts, value

if TYPE_CHECKING:
    from eventing.catalogue import Catalogue

_ACCOUNT = re.compile(r"[0-9]{12}")
# Of SNS, "Subscribe".
_PROTOCOLS = (
    "sqs",
    "lambda",
    "firehose",
    "https",
    "http",
    "email",
    "email-json",
    "sms",
    "application",
)


def subscriber_accounts(context: Context, catalogue: Catalogue) -> dict[str, tuple[str, ...]]:
    """By topic, the accounts that may subscribe to it."""
    key, expected = "subscriber_accounts", 'an object such as {"orders": ["123456789012"]}'
    configured = value(context, key, dict, expected)
    for topic, accounts in configured.items():
        if not catalogue.topic(topic):
            known = ", ".join(topic.name for topic in catalogue.topics)
            raise ConfigurationError(key, f"the catalogue has no topic {topic!r}, only {known}")
        if not isinstance(accounts, list) or not accounts:
            raise ConfigurationError(
                key, f"{topic}: has to be a list of accounts, not {accounts!r}"
            )
        for account in accounts:
            if not isinstance(account, str) or not _ACCOUNT.fullmatch(account):
                raise ConfigurationError(
                    key, f"{topic}: an account is a text of 12 digits, not {account!r}"
                )
            if accounts.count(account) > 1:
                raise ConfigurationError(key, f"{topic}: {account!r} is there more than once")
    return {topic: tuple(accounts) for topic, accounts in configured.items()}


def subscriber_protocols(context: Context) -> tuple[str, ...]:
    """The protocols that those accounts may subscribe with."""
    key = "subscriber_protocols"
    protocols = texts(context, key, "a list of protocols of SNS")
    for protocol in protocols:
        if protocol not in _PROTOCOLS:
            raise ConfigurationError(key, f"{protocol!r} is none of {', '.join(_PROTOCOLS)}")
    return protocols
