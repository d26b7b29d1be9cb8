"""HTTP for programs: ``/v1/...``, JSON in and out, described by ``/v1/openapi.json``."""

from fastapi import APIRouter, Depends
from fastapi.security import HTTPBearer

from langchain_persistmem.server.api import memory_routes, person_routes, recall_routes

router = APIRouter(
    prefix="/v1",
    # For the description: who it is has been found out before.
    dependencies=[
        Depends(HTTPBearer(auto_error=False, description="A token of bearer_token() or `persistmem token`."))
    ],
    responses={
        401: {"description": "no token, or one that does not count"},
        403: {"description": "another person's memory, or read-only"},
        422: {"description": "a field cannot be stored or understood; the detail names it"},
    },
)
for _routes in (memory_routes, recall_routes, person_routes):
    router.include_router(_routes.router)
