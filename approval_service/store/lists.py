"""`one_of`: a column is among many texts, given as one parameter.

SQLAlchemy's own in_() makes a parameter of each text and a statement for each number of them. With one parameter a
module's statements are made once, which saves most of what a query of a few rows costs.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import orjson
from sqlalchemy import ARRAY, Column, ColumnElement, Dialect, Text, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine


def one_of(tested: Column[str], parameter: str) -> ColumnElement[bool]:
    """True if the column is among the texts (a collection) that the named parameter of the statement gives."""
    return tested.bool_op("IN")(_Rows(bindparam(parameter, type_=_Texts())))


def as_parameter(value: Any, dialect: str) -> Any:
    """A value as a statement written out for the driver takes it: a collection of texts as an array, or as a JSON list
    where there are no arrays."""
    if isinstance(value, str | int | bytes):
        return value
    return list(value) if dialect == "postgresql" else orjson.dumps(list(value)).decode()


class _Texts(TypeDecorator[Collection[str]]):
    """An array, or a JSON list where there are no arrays."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(ARRAY(Text) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Collection[str] | None, dialect: Dialect) -> Any:
        return as_parameter(value or (), dialect.name)


class _Rows(FunctionElement[str]):
    """Such a list as a subquery."""

    name = "rows"
    inherit_cache = True


@compiles(_Rows, "sqlite")
def _of_json(element: _Rows, compiler: SQLCompiler, **options: Any) -> str:
    return f"(SELECT value FROM json_each({compiler.process(element.clauses, **options)}))"  # noqa: S608  # a parameter


@compiles(_Rows, "postgresql")
def _of_array(element: _Rows, compiler: SQLCompiler, **options: Any) -> str:
    return f"(SELECT unnest({compiler.process(element.clauses, **options)}))"
