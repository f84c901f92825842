"""The parts of the Distill page."""
