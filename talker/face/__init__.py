"""What a face is: the 3D morphable model, its camera, landmarks, the fit to a picture and tracking in a video."""
