"""What Autonomy tells of itself: metrics, traces, and the redaction that keeps secrets out of all that is told."""
