"""Reports of billing and the work (docs/reports.md). Each is a query without HTTP that returns a `Report`."""
