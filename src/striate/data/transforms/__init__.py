"""Changes of batches of pictures, one file each. What is random in them is given, so that it can be a function of
(seed, epoch, index) alone (see `draws`): each gives a new batch (n, c, h, w) of the same type, uint8 or floating point.
"""
