"""What is drawn by scripts of our own, and what surrounds it: token strip, timeline, automaton, vocabulary."""
