"""A partner's own tools: checks, hashes and sends a sample, and finds out privately whom the platform knows."""
