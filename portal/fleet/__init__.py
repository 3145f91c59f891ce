"""Contract 001's portal: the pages a fleet manager works with. Plain forms and tables; the one script draws charts."""
