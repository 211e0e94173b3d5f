"""Schema errors in the contract's words: ``<message>, on [<path,parts>]``, joined by ``, ``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_EXPECTED = {
    "string_type": "string",
    "bool_type": "boolean",
    "bool_parsing": "boolean",
    "int_type": "number",
    "int_parsing": "number",
    "float_type": "number",
    "float_parsing": "number",
    "list_type": "array",
    "dict_type": "object",
    "model_type": "object",
    "model_attributes_type": "object",
}


MAX_ISSUES = 20
_PLACES = (("body",), ("query",), ("path",), ("header",))
"""FastAPI puts the place of a value before its path."""


def type_name(value: object) -> str:
    """A JSON value's type as error messages name it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str | bytes):  # bytes: a body that is not declared as JSON
        return "string"
    if isinstance(value, list | tuple):
        return "array"
    return "object"


def describe_issues(issues: Sequence[Mapping[str, Any]], *, within: Sequence[str] = ()) -> str:
    """All of Pydantic's issues as one text; ``within`` is where the checked value itself stood."""
    described = [_describe(issue, within) for issue in issues[:MAX_ISSUES]]
    if len(issues) > MAX_ISSUES:
        described.append(f"and {len(issues) - MAX_ISSUES} more")
    return ", ".join(described)


def _describe(issue: Mapping[str, Any], within: Sequence[str]) -> str:
    inner = issue["loc"][1:] if issue["loc"][:1] in _PLACES else issue["loc"]
    location = [*within, *inner]
    message = _message(issue)
    if issue["type"] == "json_invalid":
        return message
    if issue["type"] == "extra_forbidden":
        location = location[:-1]
    return f"{message}, on [{','.join(str(part) for part in location)}]"


def _message(issue: Mapping[str, Any]) -> str:
    kind: str = issue["type"]
    context: Mapping[str, Any] = issue.get("ctx") or {}
    given = issue.get("input")
    if kind == "missing":
        return "Required"
    if kind in _EXPECTED:
        return f"Expected {_EXPECTED[kind]}, received {type_name(given)}"
    if kind == "value_error":
        return str(context.get("error", issue["msg"]))
    if kind in ("literal_error", "enum"):
        expected = str(context.get("expected", "")).replace(", ", " | ").replace(" or ", " | ")
        received = f"'{given}'" if isinstance(given, str) else type_name(given)
        return f"Invalid enum value. Expected {expected}, received {received}"
    if kind == "string_too_short":
        return f"String must contain at least {context['min_length']} character(s)"
    if kind == "string_too_long":
        return f"String must contain at most {context['max_length']} character(s)"
    if kind in ("too_short", "too_long"):
        bound = (
            f"at least {context['min_length']}" if kind == "too_short" else f"at most {context['max_length']}"
        )
        return f"Array must contain {bound} element(s)"
    if kind == "extra_forbidden":
        return f"Unrecognized key(s) in object: '{issue['loc'][-1]}'"
    if kind == "json_invalid":
        return "Request body is not valid JSON"
    return str(issue["msg"])
