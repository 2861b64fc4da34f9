"""What turns texts into vectors: the shared transformer, the character encoder, the name encoder."""
