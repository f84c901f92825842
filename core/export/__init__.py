"""Students that leave: bundles and adapters. Knows no framework."""
