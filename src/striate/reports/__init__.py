"""From a run folder to one self-contained HTML page: what the run learned, how well, and how to do it again."""
