"""The tables of Autonomy, a file per aggregate. Dependencies run one way: everything points at run."""

from autonomy.models.checkpoint import Checkpoint, CheckpointBlob, CheckpointWrite
from autonomy.models.episode import Episode
from autonomy.models.job import Job
from autonomy.models.provider_call import ProviderCall
from autonomy.models.run import Run
from autonomy.models.source import Passage, Source

__all__ = [
    "Checkpoint",
    "CheckpointBlob",
    "CheckpointWrite",
    "Episode",
    "Job",
    "Passage",
    "ProviderCall",
    "Run",
    "Source",
]
