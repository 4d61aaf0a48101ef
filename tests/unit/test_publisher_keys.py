"""Values of API keys: each names its publisher, and API Gateway and scanners for secrets take it."""

from __future__ import annotations

import re
from itertools import product

import pytest

from eventing.publishers.keys import (
    ENTROPY_BYTES,
    MAX_NAME_LENGTH,
    MAX_VALUE_LENGTH,
    PATTERN,
    is_name,
    key_value,
    publisher_of,
)

ZERO = bytes(ENTROPY_BYTES)
ALL = b"\xff" * ENTROPY_BYTES
LONGEST = "a" * MAX_NAME_LENGTH
NAMES = ("a", "acme-web", "a1", "a-b-c1", "x2-y3", "canary", LONGEST, "a-" * 31 + "bc")
NOT_NAMES = (
    "",
    "Acme",
    "1acme",
    "acme-1",
    "acme--web",
    "-acme",
    "acme-",
    "acme_web",
    "akmé",
    "acme web",
    "acme\n",
    f"{LONGEST}a",
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("entropy", [ZERO, ALL, bytes(range(ENTROPY_BYTES))])
def test_a_value_names_its_publisher(name: str, entropy: bytes) -> None:
    assert publisher_of(key_value(name, entropy)) == name


@pytest.mark.parametrize("name", NAMES)
def test_api_gateway_and_scanners_take_every_value(name: str) -> None:
    for value in (key_value(name, ZERO), key_value(name, ALL)):
        assert re.fullmatch(r"[A-Za-z0-9]{20,128}", value, re.ASCII)
        assert len(value) <= MAX_VALUE_LENGTH
        assert re.fullmatch(PATTERN, value)


def test_lengths() -> None:
    assert len(key_value("a", ZERO)) == 3 + 1 + 43
    assert len(key_value("acme-web", ALL)) == 3 + 7 + 43
    assert len(key_value(LONGEST, ALL)) == 3 + MAX_NAME_LENGTH + 43 == 110


def test_no_two_names_have_one_prefix_and_no_two_entropies_one_value() -> None:
    parts = ("a", "b", "a1", "ab")
    names = {"-".join(chosen) for n in (1, 2, 3) for chosen in product(parts, repeat=n)}

    values = {key_value(name, ZERO) for name in names}

    assert len(values) == len(names)
    one_bit_each = {(1 << bit).to_bytes(ENTROPY_BYTES, "big") for bit in range(8 * ENTROPY_BYTES)}
    assert len({key_value("a", entropy) for entropy in one_bit_each}) == 8 * ENTROPY_BYTES


@pytest.mark.parametrize("name", NOT_NAMES)
def test_what_is_no_name_has_no_key(name: str) -> None:
    assert not is_name(name)
    with pytest.raises(ValueError, match="is no name"):
        key_value(name, ZERO)


@pytest.mark.parametrize("entropy", [b"", ZERO[1:], ZERO + b"0"])
def test_a_value_needs_all_of_its_randomness(entropy: bytes) -> None:
    with pytest.raises(ValueError, match="32 random bytes"):
        key_value("acme-web", entropy)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "evk",
        "evk" + "A" * 43,
        "evkacme" + "0" * 43,
        "evk1Acme" + "0" * 43,
        "key" + "Acme" + "0" * 43,
        "evkAcme" + "0" * 42 + "-",
        "evkAcme" + "0" * 43 + "\n",
        "evkAcmé" + "0" * 43,
        "evkAcme" + "0" * 42 + "٣",
        "evk" + "A" * (MAX_NAME_LENGTH + 1) + "0" * 43,
        "d41d8cd98f00b204e9800998ecf8427e",
    ],
)
def test_other_values_name_nobody(value: str) -> None:
    assert publisher_of(value) is None
