"""Commands that derive or train what is in checkpoints/."""
