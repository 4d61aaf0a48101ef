"""Mutants of a module: each one small change that some test should notice."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
_CALLS = {"min": "max", "max": "min", "any": "all", "all": "any"}
# What a function gives that tells no more than None does, or as much.
_PLAIN = ("None", "True", "False")


@dataclass(frozen=True)
class Mutant:
    """A change of one piece of a source text."""

    path: str
    """Of the module, below the project's folder."""
    scope: str
    """The class and function that it is in, joined by dots; empty at the module's top."""
    line: int
    lines: range
    """Those by which a test is known to have executed it."""
    at_import: bool
    """Whether it is executed when the module is imported, not when a function is called."""
    start: int
    """Where the piece begins and ends in the source as UTF-8."""
    end: int
    after: str
    change: str
    """What it does, in short."""
    number: int = 0
    """Tells it from others of the same scope and change, from the top."""

    @property
    def name(self) -> str:
        """What it is listed by: no line number, so that code above it may change."""
        which = f" #{self.number + 1}" if self.number else ""
        return f"{self.path}::{self.scope}: {self.change}{which}"

    def applied_to(self, source: bytes) -> bytes:
        """The mutated source."""
        return source[: self.start] + self.after.encode() + source[self.end :]


def mutants(path: str, source: bytes) -> list[Mutant]:
    """All mutants of a module, from the top."""
    visitor = _Visitor(path, source)
    visitor.visit(ast.parse(source))
    found: list[Mutant] = []
    seen: dict[str, int] = {}
    for one in visitor.found:
        number = seen.get(one.name, 0)
        seen[one.name] = number + 1
        found.append(replace(one, number=number))
    return found


class _Visitor(ast.NodeVisitor):
    def __init__(self, path: str, source: bytes) -> None:
        self.found: list[Mutant] = []
        self._path = path
        self._source = source
        self._starts = [0]
        for line in source.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self._scope: list[str] = []
        self._statements: list[ast.stmt] = []
        self._in_functions = 0

    # What is mutated

    def visit(self, node: ast.AST) -> None:
        if _is_left_alone(node):
            return
        if isinstance(node, ast.stmt):
            self._statements.append(node)
        for piece, after in self._changes(node):
            self._add(piece, after)
        if isinstance(node, ast.Call):
            self._change_call(node)
        super().visit(node)
        if isinstance(node, ast.stmt):
            self._statements.pop()

    def _changes(self, node: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
        match node:
            case ast.Return(ast.expr() as value) if ast.unparse(value) not in _PLAIN:
                yield node, "return None"
            case ast.Expr(ast.Call()) | ast.Raise():
                yield node, "pass"
            case ast.Break():
                yield node, "continue"
            case ast.Continue():
                yield node, "break"
            case ast.AugAssign(target, operator, value):
                yield node, f"{ast.unparse(target)} = {ast.unparse(value)}"
                if other := _ARITHMETIC.get(type(operator)):
                    yield node, ast.unparse(ast.AugAssign(target, other(), value))
            case ast.expr():
                for after in _expressions(node):
                    yield node, after
        for condition in _conditions(node):
            yield condition, f"(not {ast.unparse(condition)})"

    def _change_call(self, call: ast.Call) -> None:
        name = ast.unparse(call.func)
        if name in _CALLS:
            self._add(call.func, _CALLS[name])
        for keyword in call.keywords:
            if _is_left_alone(keyword):
                continue
            rest = [one for one in call.keywords if one is not keyword]
            without = ast.unparse(ast.Call(call.func, call.args, rest))
            self._add(call, without, f"{name}(...) without {keyword.arg or ast.unparse(keyword)}")

    # Where it looks

    def visit_Module(self, node: ast.Module) -> None:
        self._visit_all(_code(node))

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._scope.append(node.name)
        self._visit_all(_code(node))
        self._scope.pop()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._scope.append(node.name)
        # They are executed when the function is defined.
        self._visit_all([*node.args.defaults, *filter(None, node.args.kw_defaults)])
        self._in_functions += 1
        self._visit_all(_code(node))
        self._in_functions -= 1
        self._scope.pop()

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value:
            self.visit(node.value)

    def visit_Call(self, node: ast.Call) -> None:
        if ast.unparse(node.func) == "cast":
            node = ast.Call(node.func, node.args[1:], [])  # the first one is a type
        self.generic_visit(node)

    def _visit_all(self, nodes: Sequence[ast.AST]) -> None:
        for node in nodes:
            self.visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        # Before Python 3.12 what is inside has no position.
        pass

    def _add(self, node: ast.expr | ast.stmt, after: str, change: str = "") -> None:
        start, end = self._starts[node.lineno - 1] + node.col_offset, self._end(node)
        statement = self._statements[-1]
        # Of an `if` only its condition; of a call over many lines all of it, as coverage sees it.
        traced: ast.expr | ast.stmt = node if hasattr(statement, "body") else statement
        self.found.append(
            Mutant(
                path=self._path,
                scope=".".join(self._scope),
                line=node.lineno,
                lines=range(traced.lineno, (traced.end_lineno or traced.lineno) + 1),
                at_import=not self._in_functions,
                start=start,
                end=end,
                after=after,
                change=change or f"{' '.join(self._source[start:end].decode().split())} -> {after}",
            )
        )

    def _end(self, node: ast.expr | ast.stmt) -> int:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._starts[node.end_lineno - 1] + node.end_col_offset


def _is_left_alone(node: ast.AST) -> bool:
    match node:
        case ast.If(ast.Name("TYPE_CHECKING")) | ast.Subscript(ast.Name("Literal")):
            return True
        case ast.Call(ast.Name("TypeVar")):
            return True
        case ast.FunctionDef(decorator_list=[ast.Name("overload"), *_]):
            return True
        case ast.ClassDef(bases=[ast.Name("Protocol"), *_]):
            return True
        case ast.keyword("strict"):
            return True  # of `zip`: what is zipped is of one length by construction
        case ast.JoinedStr():
            return True  # before Python 3.12 nothing in it has a position
    return False


def _expressions(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Compare(left, operators, values):
            for n, operator in enumerate(operators):
                others = [*operators[:n], _COMPARISONS[type(operator)](), *operators[n + 1 :]]
                yield ast.unparse(ast.Compare(left, others, values))
        case ast.BoolOp(operator, values):
            other = ast.Or() if isinstance(operator, ast.And) else ast.And()
            yield f"({ast.unparse(ast.BoolOp(other, values))})"
        case ast.UnaryOp(ast.Not(), operand):
            yield f"bool({ast.unparse(operand)})"
        case ast.BinOp(left, operator, right) if type(operator) in _ARITHMETIC:
            yield f"({ast.unparse(ast.BinOp(left, _ARITHMETIC[type(operator)](), right))})"
        case ast.Constant(value) if after := _other_constant(value):
            yield after


def _conditions(node: ast.AST) -> Iterator[ast.expr]:
    """Those that no other operator turns around."""
    tests: list[ast.expr] = []
    match node:
        case ast.If(test) | ast.IfExp(test) | ast.While(test):
            tests = [test]
        case ast.comprehension():
            tests = node.ifs
    for test in tests:
        if not isinstance(test, ast.Compare | ast.BoolOp | ast.UnaryOp | ast.Constant):
            yield test


def _other_constant(value: object) -> str | None:
    match value:
        case bool():
            return str(not value)
        case int() | float():
            return repr(value + 1)
        case str() if value and not any(c.isspace() for c in value):
            # A name that others rely on; prose may be worded in another way.
            return repr(value + "_")
    return None


def _code(node: ast.FunctionDef | ast.ClassDef | ast.Module) -> list[ast.stmt]:
    """The statements, documentation apart."""
    return [
        s for s in node.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))
    ]
