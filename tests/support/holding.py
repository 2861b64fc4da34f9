"""An output that another writer holds."""
import threading
from contextlib import contextmanager

from spacy_product_tags.locks import exclusive


@contextmanager
def held_by_another(path):
    """Hold an output in another thread, as another process would."""
    taken, done = threading.Event(), threading.Event()

    def hold():
        with exclusive(path):
            taken.set()
            done.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    taken.wait(30)
    try:
        yield
    finally:
        done.set()
        thread.join()
