"""Files to typed values and back; nothing else in the project opens sound, pictures or videos."""
