"""How a student learns: configuration, sequences, teacher signals, losses, the training loop."""
