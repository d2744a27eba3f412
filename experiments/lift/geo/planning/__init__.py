"""Planning geo tests: which geos to treat, for how long, with which power."""
