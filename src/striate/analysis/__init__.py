"""What a network is before it runs: shapes, counts, memory, receptive fields, and what does not fit."""
