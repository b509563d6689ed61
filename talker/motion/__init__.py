"""Speech and emotion become FaceMotion: articulation, composition with emotion, and life besides the lips."""
