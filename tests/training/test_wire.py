"""Small numbers between the processes of one machine: the same sums as gloo's, and no name left behind."""

import socket
import tempfile
import threading

import pytest
import torch
from torch.distributed import DistNetworkError

from striate.training.together import is_lost
from striate.training.wire import LARGEST, Wire, wire

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="the system has no such sockets")


def wires(count, places=None):
    """A wire for each of `count` threads that stand for processes; `places`: changes what they tell each other."""
    barrier, said, found = threading.Barrier(count), [""] * count, [None] * count

    def join(rank):
        def gathered(text):
            said[rank] = text if places is None else places(rank, text)
            barrier.wait(20)
            all_said = list(said)
            barrier.wait(20)
            return all_said

        found[rank] = wire(rank, count, gathered)

    threads = [threading.Thread(target=join, args=(rank,)) for rank in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return found


def closed(found):
    for one in found:
        one.close()


@pytest.mark.parametrize("count", [2, 3, 5])
def test_each_process_has_the_values_of_all_in_the_order_of_the_ranks(count):
    found, given = wires(count), [torch.arange(4.0) + 10 * rank for rank in range(count)]
    answers = [None] * count

    def ask(rank):
        for _ in range(50):
            answers[rank] = found[rank].gather(given[rank])

    threads = [threading.Thread(target=ask, args=(rank,)) for rank in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    closed(found)
    assert all(torch.equal(torch.stack(answer), torch.stack(given)) for answer in answers)


def test_the_largest_message_passes_while_all_send_at_once():
    found, given = wires(2), torch.rand(LARGEST // 8, dtype=torch.float64)
    assert found[0].takes(given)
    assert not found[0].takes(torch.zeros(LARGEST // 8 + 1, dtype=torch.float64))
    other = threading.Thread(target=lambda: [found[1].gather(given) for _ in range(20)])
    other.start()
    for _ in range(20):
        assert torch.equal(found[0].gather(given)[1], given)
    other.join(30)
    closed(found)


def test_a_process_that_ends_is_a_loss_that_the_others_notice_at_once():
    found = wires(2)
    found[1].close()
    with pytest.raises(DistNetworkError, match="another process has ended") as caught:
        found[0].gather(torch.zeros(1))
    assert is_lost(caught.value)
    closed(found)


def test_where_one_process_cannot_all_go_without(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert wires(3, places=lambda rank, text: "" if rank == 1 else text) == [None, None, None]
    assert not list(tmp_path.iterdir())


def test_nothing_has_a_name_once_all_have_joined(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    found = wires(2)
    assert all(isinstance(one, Wire) for one in found)
    assert not list(tmp_path.iterdir())
    closed(found)


def test_a_process_that_cannot_call_another_has_all_go_without(monkeypatch):
    monkeypatch.setattr("striate.training.wire.PATIENCE", 0.3)
    assert wires(2, places=lambda rank, text: "/nowhere" if text.startswith("/") else text) == [None, None]
