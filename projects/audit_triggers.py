"""Database triggers that make the audit log append-only, also for whoever writes SQL by hand."""

from typing import Any

TABLE = "projects_auditevent"
MESSAGE = "the audit log is append-only"
TWIN = "SELECT 1 FROM projects_auditevent WHERE id = NEW.id OR seq = NEW.seq OR hash = NEW.hash"

SQLITE = {
    "audit_no_update": f"BEFORE UPDATE ON {TABLE} BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END",
    "audit_no_delete": f"BEFORE DELETE ON {TABLE} BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END",
    # INSERT OR REPLACE deletes without firing the delete trigger
    "audit_no_replace": f"BEFORE INSERT ON {TABLE} WHEN EXISTS ({TWIN}) BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END",
}
POSTGRESQL_FUNCTION = f"""
CREATE OR REPLACE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '{MESSAGE}'; END $$
"""
POSTGRESQL = {
    "audit_no_change": f"BEFORE UPDATE OR DELETE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION audit_append_only()",
    "audit_no_truncate": f"BEFORE TRUNCATE ON {TABLE} FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only()",
}


def install(connection: Any) -> None:
    """Create the triggers; twice is safe. Other databases are refused: their log would be unprotected."""
    remove(connection)
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            for name, body in SQLITE.items():
                cursor.execute(f"CREATE TRIGGER {name} {body}")
        elif connection.vendor == "postgresql":
            cursor.execute(POSTGRESQL_FUNCTION)
            for name, body in POSTGRESQL.items():
                cursor.execute(f"CREATE TRIGGER {name} {body}")
        else:
            raise NotImplementedError(f"No audit triggers for {connection.vendor}.")


def remove(connection: Any) -> None:
    """Drop the triggers: for the migration backwards and for test databases that are emptied between tests."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            for name in SQLITE:
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
        elif connection.vendor == "postgresql":
            for name in POSTGRESQL:
                cursor.execute(f"DROP TRIGGER IF EXISTS {name} ON {TABLE}")
