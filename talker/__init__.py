"""Talker: one portrait, some speech and a feeling become a video of that person saying it with that feeling."""
