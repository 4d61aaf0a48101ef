"""DynamoDB's expressions, those that the functions use: conditions, updates, projections.

By the developer guide, "Comparison operator and function reference" and "Update expressions". What is not
understood, and what DynamoDB would refuse, is an assertion error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

Item = Mapping[str, Any]
"""Attributes by name, as DynamoDB writes them: `{"S": "text"}`, `{"N": "1"}`, `{"SS": [...]}`."""

# The others may be reserved words, so they have to be written as `#name`.
_UNRESERVED = {
    "accepted_at",
    "digest",
    "erased_at",
    "expires_at",
    "fingerprints",
    "lease_until",
    "pk",
}
_TOKENS = re.compile(r"\s*([#:]?\w+|<>|<=|>=|[<>=(),+-])")
_COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda one, other: bool(one == other),
    "<>": lambda one, other: bool(one != other),
    "<": lambda one, other: bool(one < other),
    "<=": lambda one, other: bool(one <= other),
    ">": lambda one, other: bool(one > other),
    ">=": lambda one, other: bool(one >= other),
}


class Expressions:
    """The expressions of one request, with the names and values that they may use."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        self._names: Mapping[str, str] = request.get("ExpressionAttributeNames", {})
        self._values: Mapping[str, Any] = request.get("ExpressionAttributeValues", {})
        self._used: set[str] = set()
        self._tokens: list[str] = []

    def holds(self, condition: str | None, item: Item) -> bool:
        """Whether an item meets a condition; no condition is met by all."""
        if condition is None:
            return True
        self._begin(condition)
        result = self._either(item)
        assert not self._tokens, f"{condition}: what is {self._tokens}?"
        return result

    def given(self, condition: str, name: str) -> Any:
        """The value that an attribute has to be equal to, by the first part of a condition."""
        self._begin(condition)
        found, operator, value = self._take(), self._take(), self._take()
        assert (self._name(found), operator) == (name, "="), condition
        # Where it is not asked of any item, it is used all the same.
        self.holds(condition, {})
        return self._value(value)

    def updated(self, update: str, item: Item) -> dict[str, Any]:
        """The item after an update."""
        result = dict(item)
        self._begin(update)
        while self._tokens:
            change = {
                "SET": self._set,
                "REMOVE": self._remove,
                "ADD": self._add,
                "DELETE": self._delete,
            }[self._take()]
            change(item, result)
            while self._next() == ",":
                self._take()
                change(item, result)
        return result

    def named(self, projection: str | None) -> frozenset[str] | None:
        """The attributes that a projection names; None without one, for all."""
        if projection is None:
            return None
        return frozenset(self._name(part.strip()) for part in projection.split(","))

    def see_all_used(self) -> None:
        """DynamoDB refuses names and values that no expression uses."""
        unused = {*self._names, *self._values} - self._used
        assert not unused, f"unused in expressions: {unused}"

    # Conditions

    def _either(self, item: Item) -> bool:
        result = self._both(item)
        while self._next() == "OR":
            self._take()
            result = self._both(item) or result
        return result

    def _both(self, item: Item) -> bool:
        result = self._negated(item)
        while self._next() == "AND":
            self._take()
            result = self._negated(item) and result
        return result

    def _negated(self, item: Item) -> bool:
        if self._next() == "NOT":
            self._take()
            return not self._negated(item)
        return self._simple(item)

    def _simple(self, item: Item) -> bool:
        if self._next() == "(":
            self._take()
            result = self._either(item)
            self._take(")")
            return result
        first = self._take()
        if first in ("attribute_exists", "attribute_not_exists"):
            self._take("(")
            there = self._name(self._take()) in item
            self._take(")")
            return there if first == "attribute_exists" else not there
        if first == "begins_with":
            self._take("(")
            text = self._operand(self._take(), item)
            self._take(",")
            prefix = self._operand(self._take(), item)
            self._take(")")
            return text is not None and text["S"].startswith(prefix["S"])
        value = self._operand(first, item)
        operator = self._take()
        if operator == "BETWEEN":
            low = self._operand(self._take(), item)
            self._take("AND")
            high = self._operand(self._take(), item)
            return _compare(">=", value, low) and _compare("<=", value, high)
        if operator == "IN":
            return any(_compare("=", value, other) for other in self._list(item))
        return _compare(operator, value, self._operand(self._take(), item))

    def _list(self, item: Item) -> list[Any]:
        self._take("(")
        found = [self._operand(self._take(), item)]
        while self._next() == ",":
            self._take()
            found.append(self._operand(self._take(), item))
        self._take(")")
        return found

    # Updates

    def _set(self, item: Item, result: dict[str, Any]) -> None:
        name = self._name(self._take())
        assert name != "pk", "a key can't be changed"
        self._take("=")
        value = self._term(item)
        if self._next() == "+":
            self._take()
            value = _sum(value, self._term(item))
        assert value is not None, f"{name}: an operand that is not there"
        result[name] = value

    def _term(self, item: Item) -> Any:
        token = self._take()
        if token != "if_not_exists":
            return self._operand(token, item)
        self._take("(")
        there = self._operand(self._take(), item)
        self._take(",")
        otherwise = self._operand(self._take(), item)
        self._take(")")
        return otherwise if there is None else there

    def _remove(self, item: Item, result: dict[str, Any]) -> None:
        result.pop(self._name(self._take()), None)

    def _add(self, item: Item, result: dict[str, Any]) -> None:
        name, value = self._name(self._take()), self._value(self._take())
        if "N" in value:
            result[name] = _sum(item.get(name, {"N": "0"}), value)
        else:
            result[name] = {"SS": sorted({*_texts(item, name), *value["SS"]})}

    def _delete(self, item: Item, result: dict[str, Any]) -> None:
        name = self._name(self._take())
        left = set(_texts(item, name)) - set(self._value(self._take())["SS"])
        # A set is never empty.
        result.pop(name, None)
        if left:
            result[name] = {"SS": sorted(left)}

    # Words

    def _begin(self, text: str) -> None:
        found = _TOKENS.findall(text)
        assert "".join(found) == "".join(text.split()), f"not understood: {text}"
        self._tokens = found

    def _next(self) -> str | None:
        return self._tokens[0] if self._tokens else None

    def _take(self, expected: str | None = None) -> str:
        token = self._tokens.pop(0)
        assert expected in (None, token), f"{token} instead of {expected}"
        return token

    def _operand(self, token: str, item: Item) -> Any:
        return self._value(token) if token.startswith(":") else item.get(self._name(token))

    def _name(self, token: str) -> str:
        if token.startswith("#"):
            self._used.add(token)
            return self._names[token]
        assert token in _UNRESERVED, f"{token} may be a reserved word"
        return token

    def _value(self, token: str) -> Any:
        self._used.add(token)
        value = self._values[token]
        assert value.get("SS") != [], f"{token}: a set is never empty"
        return value


def _compare(operator: str, one: Any, other: Any) -> bool:
    if one is None or other is None:
        return operator == "<>"  # an attribute that is not there compares with nothing
    ((kind, value),) = one.items()
    ((other_kind, other_value),) = other.items()
    if kind != other_kind:
        assert operator in ("=", "<>"), f"{one} {operator} {other}"
        return operator == "<>"
    if kind == "N":
        return _COMPARED[operator](Decimal(value), Decimal(other_value))
    assert kind == "S", f"{one} {operator} {other}"
    return _COMPARED[operator](value.encode(), other_value.encode())


def _sum(one: Any, other: Any) -> dict[str, str]:
    return {"N": str(Decimal(one["N"]) + Decimal(other["N"]))}


def _texts(item: Item, name: str) -> list[str]:
    found: list[str] = item.get(name, {"SS": []})["SS"]
    return found
