"""Contract 001's portal: the pages of fleet managers.

They are plain forms and tables. One script draws the charts and reloads a page when a repair changes.
"""
