"""Tables of labels as people have them: CSV, TSV, JSON lines and Parquet, read row by row."""
