"""Layouts of files, one file each: a function marked `@data_format(recognise)` that reads a path into a `DataSet`."""
