"""Pictures of what a network learned, one file a method: (net, image, ...) -> tensors to draw."""
