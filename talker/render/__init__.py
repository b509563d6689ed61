"""A portrait and a FaceMotion become frames."""
