"""`make trust`: trials of the promises in docs/security.md against real servers."""
