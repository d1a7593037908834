"""Changes of batches of pictures that leave the class as it is, one file each."""
