"""A picture becomes a Portrait: the face found, measured and fitted."""
