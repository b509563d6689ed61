"""What a voice is: recogniser features, transcript, aligned phones, prosody and the offline voice."""
