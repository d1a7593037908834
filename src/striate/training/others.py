"""The other processes of a training on this machine: started, watched, and ended with this one, however it ends.

Each is `follower.py`, in a session of its own: Ctrl-C reaches only the first, which tells them at the next step.
"""

from __future__ import annotations

import ctypes
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType

import striate
from striate import atomic
from striate.errors import TrainingError
from striate.training.config import TrainConfig
from striate.training.launch import Lost, Place

FOLLOWER = Path(__file__).with_name("follower.py")
STARTING = 180.0  # seconds to import torch on a busy machine
LOOK = 0.1  # seconds between looks at the processes
GRACE = 3.0  # seconds in which the first process should notice by itself that another has ended
SHORT = {"SIGKILL": ", as the system does where memory runs out", "SIGBUS": ", as where shared memory runs out"}
LOST = 75  # the exit code of a process that ended because another did


class Ended(TrainingError):
    """A process of the training ended before time; says which, and how."""


class Gone(BaseException):
    """Raised in the thread that trains, wherever it is, when another process has ended."""


class Others:
    """The processes 1 to `count` - 1 of a training into `run`. Within it they live; `Ended` where one does not."""

    def __init__(self, config: TrainConfig, run: Path):
        self.config, self.run = config, run
        self.place = Place(0, config.processes, 0, config.processes)
        self.folder = Path(tempfile.mkdtemp(prefix="striate-"))
        self.processes: list[subprocess.Popen[bytes]] = []
        self.ended = ""  # which process ended before time, and how
        self._over, self._looking = threading.Event(), threading.Lock()
        self._thread = threading.get_ident()
        self._watch = threading.Thread(target=self._look, name="striate-others", daemon=True)

    def __enter__(self) -> Others:
        try:
            for rank in range(1, self.place.count):
                self._start(rank)
        except OSError as error:
            self._clean()
            raise TrainingError(f"rank {len(self.processes) + 1} cannot be started ({error.strerror}).") from None
        except BaseException:
            self._clean()
            raise
        return self

    def meet(self) -> Path:
        """Wait until all have started; gives the file to meet at."""
        until = time.monotonic() + STARTING
        with selectors.DefaultSelector() as selector:
            for process in self.processes:
                assert process.stdout is not None
                selector.register(process.stdout, selectors.EVENT_READ)
            while selector.get_map():
                for key, _ in selector.select(LOOK):
                    if os.read(key.fd, 1):
                        selector.unregister(key.fileobj)
                    else:
                        self._find()
                if self.ended or time.monotonic() > until:
                    raise Ended(self.ended or f"the other processes did not start within {STARTING:g} s.")
        self._watch.start()
        return self.folder / "meeting"

    def part(self) -> None:
        """The training is over: from now on the processes may end."""
        self._over.set()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if error is None:
                self.part()
                self._wait(GRACE)
            elif isinstance(error, Lost | Gone):
                self._wait_for_cause(GRACE)
        finally:
            self._over.set()
            self._clean()
        if self.ended and isinstance(error, Lost | Gone):
            raise Ended(self.ended) from None

    def _start(self, rank: int) -> None:
        voice = os.dup(2)  # for its last words, where this process is gone
        try:
            with (self.folder / f"{rank}.txt").open("wb") as said:
                process = subprocess.Popen(
                    [sys.executable, "-I", str(FOLLOWER)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=said,
                    bufsize=0,
                    pass_fds=(voice,),
                    start_new_session=True,
                    env=os.environ | {"OMP_NUM_THREADS": str(self.config.threads)},
                )
        finally:
            os.close(voice)
        self.processes.append(process)
        packages = [str(Path(striate.__file__).parents[1]), *(entry for entry in sys.path if entry)]
        given = {"packages": packages, "rank": rank, "count": self.place.count, "meeting": str(self.folder / "meeting")}
        given |= {"parent": os.getpid(), "voice": voice, "run": str(self.run), "cuda": self.config.device == "cuda"}
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(given).encode() + b"\n")
        except BrokenPipeError:
            self._find()
            raise Ended(self.ended) from None

    def _look(self) -> None:
        """Watch the processes; where one ends before time, end the others and see to it that this one ends too."""
        while not self._over.wait(LOOK):
            self._find()
            if self.ended:
                break
        else:
            return
        self._kill()
        while not self._over.wait(GRACE):
            if not atomic.writing(self.run / "checkpoints"):  # a save takes as long as the disk does
                break
        else:
            return
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread), ctypes.py_object(Gone))
        if self._over.wait(GRACE):
            return
        # The training is inside a library that does not come back, as NCCL where its peer is gone.
        os.write(2, f"striate: {self.ended}\n".encode(errors="replace"))
        os._exit(1)

    def _find(self) -> None:
        """Note which process ended before time: the one that is not only the consequence of another."""
        with self._looking:
            gone = self._gone()
            if self.ended or not any(gone.values()):
                return
            if all(code in (0, LOST) for code in gone.values()):
                time.sleep(GRACE / 3)  # the one that it is a consequence of may be ending yet
                gone = self._gone()
            rank = max(gone, key=lambda rank: (gone[rank] not in (0, LOST), gone[rank] != 0, -rank))
            saved = any((self.run / "checkpoints").glob("*.safetensors"))
            back = f" striate train --resume {self.run} goes on from the last checkpoint." if saved else ""
            number = self.processes[rank - 1].pid
            self.ended = f"rank {rank} (process {number}) {self._how(rank, gone[rank])}; all have ended.{back}"

    def _gone(self) -> dict[int, int]:
        """The exit codes by rank of those that have ended."""
        return {rank: code for rank, p in enumerate(self.processes, 1) if (code := p.poll()) is not None}

    def _how(self, rank: int, code: int) -> str:
        if code < 0:
            name = signal.Signals(-code).name
            return f"was ended by {name}{SHORT.get(name, '')}"
        said = (self.folder / f"{rank}.txt").read_text(errors="replace").strip().splitlines()
        return f"failed: {said[-1].removeprefix('striate: ')}" if said else f"ended with exit code {code}"

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while any(p.poll() is None for p in self.processes) and time.monotonic() < until:
            time.sleep(0.005)

    def _wait_for_cause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self.ended and time.monotonic() < until:
            self._find()
            time.sleep(0.02)

    def _kill(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()

    def _clean(self) -> None:
        """End what is left, and leave nothing of it behind."""
        self._kill()
        if self._watch.ident is not None:
            self._watch.join()
        for process in self.processes:
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
        shutil.rmtree(self.folder, ignore_errors=True)
