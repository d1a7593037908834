"""Pictures and their labels: found by name, in a folder, a file or arrays, and made into what a network takes."""
