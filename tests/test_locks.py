"""One writer at a time."""
import os
import subprocess
import sys
import threading
import time

import pytest
from holding import held_by_another

from spacy_product_tags.locks import BusyError, exclusive

HOLD = "import sys; from spacy_product_tags.locks import exclusive\nwith exclusive(sys.argv[1]): print('held', flush=True); sys.stdin.read()"


def test_another_process_is_named_and_its_death_frees_the_output(tmp_path):
    output = tmp_path / "new" / "tags.jsonl"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(output), "--of", "shop 7"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(BusyError, match="another output") as busy, exclusive(output):
        raise AssertionError("two hold it")
    assert str(output) in str(busy.value)
    assert f"process {holder.pid} on " in str(busy.value) and "--of 'shop 7'" in str(busy.value)
    holder.kill()
    holder.wait()
    holder.stdin.close(), holder.stdout.close()
    # Its file is left, and holds nobody up.
    assert (tmp_path / "new" / "tags.jsonl.lock").exists()
    with exclusive(output):
        pass
    assert list((tmp_path / "new").iterdir()) == []


def test_the_same_thread_may_ask_again_and_another_may_not(tmp_path):
    with exclusive(tmp_path / "a"):
        with exclusive(tmp_path / "x" / ".." / "a"):
            assert f"process {os.getpid()} on" in (tmp_path / "a.lock").read_text(encoding="utf8")
        assert (tmp_path / "a.lock").exists(), "it is held still"
    assert not (tmp_path / "a.lock").exists()
    with held_by_another(tmp_path / "a"):
        with pytest.raises(BusyError), exclusive(tmp_path / "a"):
            pass
        with exclusive(tmp_path / "b"):
            pass


def test_waiting_ends_when_the_other_does(tmp_path):
    inside, most = [], []

    def work():
        for _ in range(20):
            with exclusive(tmp_path / "a", wait=30):
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.001)
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 60 and max(most) == 1


def test_a_device_is_for_all():
    with held_by_another(os.devnull), exclusive(os.devnull):
        pass
    assert not os.path.exists(os.devnull + ".lock")
