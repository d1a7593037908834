"""What is particular to a task: how its loss is taken from dense outputs and how outputs become answers."""
