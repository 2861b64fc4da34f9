"""What changes a trained pipeline: distillation, calibration, a start from another's encoder."""
