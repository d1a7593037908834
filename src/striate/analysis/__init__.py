"""What a network is before it runs: shapes, counts, memory, receptive fields, what does not fit and what would fix it."""
