.PHONY: help setup test faults floors lint format docs notebooks site picture all

.DEFAULT_GOAL := help

help:  ## this list
	@awk '/^[a-z]+:.*##/ { split($$0, part, ":.*## "); printf "%-10s %s\n", part[1], part[2] }' Makefile

setup:  ## everything that the targets below need
	uv sync --all-groups --no-group bench

test:  ## the suite, on a PostgreSQL that it starts itself; .ci/run also runs what needs more than that
	uv run pytest

faults:  ## every fault of docs/explanation/faults.md, injected for real; takes most of an hour, and ends with a table
	PERSISTMEM_FAULTS_TABLE=faults-table.md uv run pytest -n 0 -m "" tests/faults $$(uv run python -m tests.faults.shared)

floors:  ## savers and stores on the oldest version of each dependency that pyproject.toml allows
	.ci/floors

lint:  ## style, types, and the import contracts between the folders
	uv run --group lint ruff check .
	uv run --group lint ruff format --check .
	uv run --group lint basedpyright
	uv run --group lint lint-imports

format:  ## puts the style right
	uv run --group lint ruff format .
	uv run --group lint ruff check --fix .

docs:  ## every block, link and command of the documentation is tried; `make site` builds the pages
	uv run pytest tests/docs/test_docs.py

notebooks:  ## every notebook runs from top to bottom
	uv run --group notebooks pytest tests/docs/test_notebooks.py

site:  ## the documentation as a site in build/site: every page, the API reference, the notebooks run, all links checked
	uv run --group docs python .ci/site.py

picture:  ## docs/images/demo.svg, drawn from a run of the demo
	uv run python .ci/demo_picture.py

all: lint test  ## what a change has to pass before it is offered
