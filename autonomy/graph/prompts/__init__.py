"""What a language model is told, and the JSON schema its answer must fit."""
