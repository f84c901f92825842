"""How good a model is: reports of what it answered on held-out examples."""
