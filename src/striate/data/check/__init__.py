"""Is a data set sound? Every picture is decoded, and what would hurt a training is told by name; nothing is changed."""
