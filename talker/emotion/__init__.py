"""Anything that says how the face shall feel becomes an EmotionCode."""
