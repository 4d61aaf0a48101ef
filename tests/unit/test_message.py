"""What subscribers receive, and how large it is in SNS."""

from __future__ import annotations

import pytest

from eventing.message import Message, attributes_size, message_attributes


def test_attributes_serve_filter_policies() -> None:
    attributes = message_attributes(type="t", source="/a", publisher="acme", subject="s")
    assert attributes == {"type": "t", "source": "/a", "publisher": "acme", "subject": "s"}


@pytest.mark.parametrize(
    ("text", "carried"),
    [
        ("house 🏠", "house %F0%9F%8F%A0"),
        ("𠮷野家", "%F0%A0%AE%B7野家"),
        ("\U000effff\uffee", "%F3%AF%BF%BF\uffee"),
        # What SNS carries is as it was, a percent sign and what a policy has to escape included.
        ('größe 100% %F0 "a\\b" 客户', 'größe 100% %F0 "a\\b" 客户'),
    ],
)
@pytest.mark.parametrize("name", ["type", "source", "publisher", "subject"])
def test_an_attribute_holds_only_characters_that_sns_carries(
    name: str, text: str, carried: str
) -> None:
    members = {"type": "t", "source": "/a", "publisher": "acme", "subject": "s"}
    attributes = message_attributes(**{**members, name: text})
    assert attributes == {**members, name: carried}
    assert max("".join(attributes.values())) <= "\uffff"


@pytest.mark.parametrize("subject", [None, ""])
def test_there_is_no_empty_attribute_which_sns_refuses(subject: str | None) -> None:
    attributes = message_attributes(type="t", source="/a", publisher="acme", subject=subject)
    assert attributes == {"type": "t", "source": "/a", "publisher": "acme"}


@pytest.mark.parametrize(
    ("body", "attributes", "size"),
    [
        ("", {}, 0),
        ("{}", {}, 2),
        ("é客😀", {}, 9),
        ("", {"type": "t"}, 4 + 6 + 1),
        ("", {"tÿpe": "é"}, 5 + 6 + 2),
        ("{}", {"type": "abc", "source": "/a"}, 2 + 4 + 6 + 3 + 6 + 6 + 2),
    ],
)
def test_sns_counts_the_body_and_name_type_and_value_of_each_attribute(
    body: str, attributes: dict[str, str], size: int
) -> None:
    assert Message(body, attributes).size == size
    assert attributes_size(attributes) == size - len(body.encode())


def test_a_message_does_not_show_its_body() -> None:
    assert "confidential" not in repr(Message("confidential", {}))
