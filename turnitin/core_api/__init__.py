"""Turnitin's Core API: documents are handed in, and reports fetched, without a person in between."""
