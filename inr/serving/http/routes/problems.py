"""What the types of problems mean, at the addresses that they are."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from inr.serving.http.schema import refuses
from inr.serving.problems import TYPES, Problem

router = APIRouter(tags=["operation"])


@router.get(
    "/problems/{slug}",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}}, **refuses("not-found")},
)
async def problem_type(slug: Annotated[str, Path(examples=["not-found"])]) -> Response:
    """What a type of problem means, in a line."""
    if slug not in TYPES:
        raise Problem("not-found", f"There is no type of problem {slug!r}; all are: {', '.join(TYPES)}.")
    status, title = TYPES[slug]
    return Response(f"{slug} ({status}): {title}.\n", media_type="text/plain")
