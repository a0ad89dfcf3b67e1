"""Lists by cursor."""

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from inr.serving.http.answers import tagged_json

Cursor = Annotated[
    str | None, Query(pattern=r"^[0-9a-f-]{36}$", description="of an answer's `next`; left out for the first page")
]
Limit = Annotated[int, Query(ge=1, le=200, description="how many there are on a page")]


def list_answer(request: Request, items: list[Any], cursor: str | None, asked: Mapping[str, Any]) -> Response:
    """One page, with the address of the next in the body and in Link.

    Args:
        request: whose path the next page has, too.
        items: of this page.
        cursor: of the next page; None where this is the last.
        asked: the other parameters.
    """
    query = {name: value for name, value in asked.items() if value is not None}
    address = f"{request.scope['path']}?{urlencode({**query, 'cursor': cursor})}" if cursor is not None else None
    headers = {"Link": f'<{address}>; rel="next"'} if address is not None else {}
    return tagged_json(request, {"items": items, "next": address}, headers=headers)
