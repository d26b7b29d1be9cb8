"""The cellar: PostgreSQL and nothing but. One function per statement; nothing else knows column names."""
