"""Inspector, HTTP and MCP over a real database."""
