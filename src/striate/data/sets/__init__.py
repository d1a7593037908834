"""Data sets found by name, one file each: a function marked `@named_set(...)` that gives a `DataSet`."""
