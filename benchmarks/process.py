"""A fresh process, as Lambda starts one: imports a handler, calls it perhaps, tells the times, leaves.

    process.py MODULE [EVENT] [--call-only]

The clock starts before the import, or with `--call-only` after it. It leaves at once, since tearing a
process down takes time that Lambda never spends.
"""

import os
import sys
import time

wall, cpu = time.perf_counter(), time.process_time()
module, *rest = sys.argv[1:]
__import__(module)
status = 0
if rest:
    from pathlib import Path

    from benchmarks.events import Context, read

    event = read(Path(rest[0]))
    if "--call-only" in rest:
        wall, cpu = time.perf_counter(), time.process_time()
    answer = sys.modules[module].handle(event, Context())
    status = answer.get("statusCode", 0)
at, ended, cpu_of_all = time.monotonic(), time.perf_counter(), time.process_time()
import json  # noqa: E402 - the clock has stopped

times = {"wall": ended - wall, "cpu": cpu_of_all - cpu, "cpu_of_all": cpu_of_all, "at": at}
# The last line; a function's own log goes before it.
print("\n" + json.dumps(times | {"status": status}), flush=True)
os._exit(0)
