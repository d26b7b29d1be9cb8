"""Every route of the application, found by reflection, with a request that it understands."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import httpx
import psycopg
from pydantic import BaseModel
from starlette.routing import Route

from langchain_persistmem.server import Caller, bearer_token
from langchain_persistmem.server.access import marks_of

KEY = "a key of at least thirty-two characters"
ADA, BEA, OPERATOR = Caller(user_id="ada"), Caller(user_id="bea"), Caller(is_operator=True, name="ops")
SECRET = "Bea collects emerald beetles in Ljubljana"
"""The text of Bea's memories; nobody but she and operators may ever be sent a word of it."""


THREAD = "thread-7"


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A request to one route."""

    method: str
    path: str
    """As the route has it."""
    url: str
    reads: bool
    is_public: bool
    is_for_operators: bool
    json: Mapping[str, Any] | None
    form: Mapping[str, Any] | None

    @property
    def id(self) -> str:
        return f"{self.method} {self.path}"

    async def send(self, client: httpx.AsyncClient, **query: str) -> httpx.Response:
        """Send it."""
        query = {"thread_id": THREAD} | query
        return await client.request(self.method, self.url, params=query, json=self.json, data=self.form)


def every_request(app: Any, values: Mapping[str, Any]) -> Iterator[Request]:
    """Each method of each route. ``values`` are what a field of that name is filled with, in paths, bodies and forms."""
    for route in flatten(app.routes):
        marks = marks_of(route.endpoint)
        url = route.path
        for name in re.findall(r"{(\w+)", url):
            url = re.sub(rf"{{{name}[^}}]*}}", quote(str(values.get(name, values["key"])), safe=""), url)
        for method in sorted((route.methods or {"POST", "GET", "DELETE"}) - {"HEAD"}):
            changes = method not in ("GET", "OPTIONS")
            json = body_of(route, values) if changes and route.path.startswith(("/v1", "/mcp")) else None
            yield Request(
                method=method,
                path=route.path,
                url=url,
                reads=not changes or marks.only_reads,
                is_public=marks.is_public or route.path == "/v1/openapi.json",
                is_for_operators=marks.is_for_operators,
                json=json,
                form=dict(values) if changes and json is None else None,
            )


def flatten(routes: Any) -> Iterator[Any]:
    """The routes of the application and of the routers that it includes; files are no routes."""
    for route in routes:
        if isinstance(route, Route):
            yield route
        elif hasattr(route, "effective_route_contexts"):  # FastAPI includes a router as a whole
            yield from route.effective_route_contexts()


def body_of(route: Any, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """A body with all the fields that the route knows and ``values`` have."""
    field = getattr(route, "body_field", None)
    model = None if field is None else field.field_info.annotation
    if not isinstance(model, type) or not issubclass(model, BaseModel):
        return {}
    fields = {name: values[name] for name in model.model_fields if name in values}
    if "keys" in fields:  # one of keys, query and everything
        fields = {"keys": fields["keys"]}
    return fields


def bearer(caller: Caller, *, key: str = KEY, days: int = 1) -> dict[str, str]:
    """The header of a program that acts for ``caller``."""
    return {"Authorization": f"Bearer {bearer_token(key, caller, lifetime=timedelta(days=days))}"}


def client(
    app: Any, caller: Caller | None = None, *, key: str = KEY, days: int = 1, **headers: str
) -> httpx.AsyncClient:
    """A program with a token for ``caller``."""
    headers["Accept"] = "application/json, text/event-stream, text/html"
    headers |= {} if caller is None else bearer(caller, key=key, days=days)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver", headers=headers)


def rows(database: str, *, of: str | None = None) -> dict[str, list[Any]]:
    """Everything that is stored, or everything of one namespace, table by table."""
    found: dict[str, list[Any]] = {}
    with psycopg.connect(database) as connection:
        tables = connection.execute(
            "SELECT table_name, bool_or(column_name = 'namespace') FROM information_schema.columns"
            " WHERE table_schema = 'persistmem' GROUP BY table_name ORDER BY table_name"
        ).fetchall()
        for table, has_namespace in tables:
            if of is not None and not has_namespace:
                continue
            where = " WHERE namespace = %s" if of is not None else ""
            arguments = [of] if of is not None else []
            query = f"SELECT row_to_json(t)::text FROM persistmem.{table} t{where} ORDER BY 1"
            found[table] = connection.execute(query.encode(), arguments).fetchall()
    return found
