"""Empties a ledger on PostgreSQL: a database of its own for every test would cost a quarter of a second each."""

import psycopg

_OTHERS = """
select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
"""
_TABLES = "select tablename from pg_tables where schemaname = 'public' and tablename <> 'migration'"


def empty(address: str) -> None:
    """End every other session of the database and delete all rows but those that say what was migrated."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(_OTHERS)
        tables = [str(name) for (name,) in connection.execute(_TABLES)]
        # Foreign keys are not looked at: what they would keep goes, too.
        deletes = "".join(f"delete from {table};" for table in tables)
        connection.execute(f"set session_replication_role = replica; {deletes}".encode())
