"""The app whose `db_worker` replaces that of django-tasks-db. It is listed before it, and Django takes the first."""
