"""`make trust`: what the product promises, tried against real servers, in one table."""
