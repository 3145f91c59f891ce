"""Instants are written with their time zone: `Sept. 17, 2025, 2:30 p.m. EDT`."""

DATETIME_FORMAT = "N j, Y, P T"
