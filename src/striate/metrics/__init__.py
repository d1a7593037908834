"""Pure functions of predictions and targets."""
