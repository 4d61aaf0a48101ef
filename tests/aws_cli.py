"""The AWS CLI, kept ready: documents call it by the hundred, and its start is most of what a call costs.

`folder()` is for the PATH. Its `aws` hands arguments, environment, folder and streams to a process that has
the AWS CLI loaded; a fork of that runs the command, as a process of its own would.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from functools import cache
from pathlib import Path

# The start of Python without packages is a tenth of the AWS CLI's.
_CLIENT = """\
#!{python} -IS
import json, os, socket, sys

with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    call = {{"arguments": sys.argv[1:], "environment": dict(os.environ), "folder": os.getcwd()}}
    socket.send_fds(server, [json.dumps(call).encode() + b"\\n"], [0, 1, 2])
    sys.exit((server.recv(1) or b"\\xff")[0])
"""


@cache
def folder() -> str:
    """A folder with the program `aws`, for as long as this process runs."""
    made = Path(tempfile.mkdtemp(prefix="aws-cli-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    client, address = made / "aws", str(made / "socket")
    client.write_text(_CLIENT.format(python=sys.executable, address=address))
    client.chmod(0o700)
    server = subprocess.Popen(
        [sys.executable, __file__, address], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    atexit.register(server.communicate)  # which closes its stdin
    assert server.stdout
    assert server.stdout.readline() == b"ready\n"
    return str(made)


def _serve(address: str) -> None:
    """Run what is asked for, each in a fork, until stdin is closed."""
    import awscli.clidriver
    import awscli.customizations.s3.subcommands
    import awscli.formatter
    import awscli.handlers  # noqa: F401

    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen(64)
        print("ready", flush=True)
        while server in select.select([server, sys.stdin], [], [])[0]:
            call, _ = server.accept()
            if os.fork() == 0:
                _run(call)
            call.close()


def _run(call: socket.socket) -> None:
    import awscli.clidriver

    code = 255
    try:
        text, streams, *_ = socket.recv_fds(call, 1 << 20, 3)
        while not text.endswith(b"\n"):
            text += call.recv(1 << 20)
        asked = json.loads(text)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.chdir(asked["folder"])
        # Set when it was loaded: where its data is.
        data = {"AWS_DATA_PATH": os.environ["AWS_DATA_PATH"]}
        os.environ.clear()
        os.environ.update(data | asked["environment"])
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        sys.exit(awscli.clidriver.create_clidriver().main(asked["arguments"]))
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        call.sendall(bytes([code & 255]))
        os._exit(0)


if __name__ == "__main__":
    _serve(sys.argv[1])
