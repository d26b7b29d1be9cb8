"""The inspector's pages: one router for each subject, in the order of ``ROUTERS``."""

from fastapi import APIRouter

from langchain_persistmem.server.pages import start

ROUTERS: tuple[APIRouter, ...] = (start.router,)
