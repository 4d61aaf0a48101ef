"""CloudWatch's metric math, as far as the dashboards of this project use it; the emulator has none."""

from __future__ import annotations

import ast
import operator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Series = dict[int, float]
"""Values by the second (since the epoch) that their period begins at."""
Value = Series | float | list[Series]

_OPERATORS: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


class NotUnderstoodError(Exception):
    """An expression uses what is not here; the message says what."""


def evaluate(expression: str, metrics: Mapping[str, Series], times: range) -> Series:
    """The series that an expression over `metrics` makes at `times`.

    As in CloudWatch, a point that one operand lacks is lacking, and so is what is divided by zero.
    """
    try:
        tree = ast.parse(expression.strip(), mode="eval")
    except SyntaxError:
        raise NotUnderstoodError(f"the expression {expression!r}") from None
    result = _evaluate(tree.body, metrics, times)
    if isinstance(result, float):
        return dict.fromkeys(times, result)
    if isinstance(result, list):
        raise NotUnderstoodError(f"{expression!r}, which is not one series")
    return result


def _evaluate(node: ast.expr, metrics: Mapping[str, Series], times: range) -> Value:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name) if name in metrics:
            return metrics[name]
        case ast.List(elts=elements):
            return [_series(_evaluate(e, metrics, times), times) for e in elements]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _combine(
                _OPERATORS[type(op)],
                _evaluate(left, metrics, times),
                _evaluate(right, metrics, times),
                times,
            )
        case ast.Call(func=ast.Name(id="METRICS"), args=[]):
            return list(metrics.values())
        case ast.Call(func=ast.Name(id="SUM"), args=[several]):
            listed = _evaluate(several, metrics, times)
            if isinstance(listed, list):
                found = sorted({time for series in listed for time in series})
                return {time: sum(s[time] for s in listed if time in s) for time in found}
        case ast.Call(func=ast.Name(id="FILL"), args=[filled, ast.Constant(value=int() as number)]):
            return dict.fromkeys(times, float(number)) | _series(
                _evaluate(filled, metrics, times), times
            )
    raise NotUnderstoodError(f"{ast.unparse(node)!r} of metric math")


def _series(value: Value, times: range) -> Series:
    if isinstance(value, list):
        raise NotUnderstoodError("a list of series where metric math takes one")
    return value if isinstance(value, dict) else dict.fromkeys(times, value)


def _combine(
    apply: Callable[[float, float], float], left: Value, right: Value, times: range
) -> Value:
    if isinstance(left, float) and isinstance(right, float):
        return apply(left, right)
    one, other = _series(left, times), _series(right, times)
    result: Series = {}
    for time in sorted(one.keys() & other.keys()):
        if apply is operator.truediv and not other[time]:
            continue
        result[time] = apply(one[time], other[time])
    return result
