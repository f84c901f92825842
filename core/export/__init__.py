"""Students that leave: bundles. Knows no framework."""
