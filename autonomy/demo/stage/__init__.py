"""Vendors played by a local HTTP server: they speak their own JSON, and fail when they are told to.

    with Stage() as stage:
        stage.provider("first").then(faults.too_many(2), faults.too_many()).forever(faults.server_error())
        stage.provider("second").script("timeout, prose, quota*")
        …  # the base URL of a provider is stage.at("first"), of one that speaks like OpenAI stage.at("first") + "/v1"
        stage.provider("first").requests[0].headers["authorization"]

What a provider is asked for decides which vendor it is: the paths are the vendors' own.
"""

from autonomy.demo.stage.provider import Provider
from autonomy.demo.stage.request import Request
from autonomy.demo.stage.script import Script, ScriptError
from autonomy.demo.stage.server import Stage

__all__ = ["Provider", "Request", "Script", "ScriptError", "Stage"]
