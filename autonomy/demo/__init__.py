"""What demonstrations need: sample sources, and a stage on which providers play a bad day."""
