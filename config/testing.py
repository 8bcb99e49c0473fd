"""pytest plugin: the services the tests run on. Real Postgres and Redis: those of DATABASE_URL and REDIS_URL if both
are set, else embedded ones in a folder of their own, so that tests never meet the data of a running stack.
"""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import tempfile
from pathlib import Path

# What a developer has set for their own runs must not reach the tests.
for _name in [name for name in os.environ if name.startswith(("OPENAI_", "AUTONOMY_", "V2_", "TURNITIN_"))]:
    del os.environ[_name]

_ROOT = Path(__file__).resolve().parent.parent
_worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")

# A parallel worker inherits what its parent has set here.
if os.environ.get("TESTS_BRING_SERVICES") or not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")):
    from config import embedded

    _plan = embedded.Plan.of(data_dir=_ROOT / ".local" / "test", postgres=True, redis=True)
    _plan.ensure()
    os.environ["TESTS_BRING_SERVICES"] = "yes"
    os.environ["DATABASE_URL"] = _plan.database_url
    # A Redis database for each parallel worker: one's hints, and what it learns of providers, are not another's.
    os.environ["REDIS_URL"] = _plan.redis_url.replace("db=0", f"db={int(_worker.removeprefix('gw')) % 16}")
    os.environ["DJANGO_SECRET_KEY"] = secrets.token_urlsafe(50)

os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="autonomy-test-")
atexit.register(shutil.rmtree, os.environ["DATA_DIR"], ignore_errors=True)
os.environ["AUTONOMY_LOG_LEVEL"] = "WARNING"
