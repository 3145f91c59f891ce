"""No tables. Django tells only apps with this module that the database was migrated, and `apps.py` waits for that."""
