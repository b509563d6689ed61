"""A face that talks while somebody speaks: sound comes in piece by piece, frames go out a fixed time later."""
