"""PostgreSQL: connections, transactions, migrations, and one function for each statement."""
