"""Speech and feeling become FaceMotion: articulation, composition with emotion, and life besides the lips."""
