"""Files as a stranger could make them: everything fits together, checksums too, but for what is meant to be wrong."""
import hashlib
import json

import numpy as np
import srsly

SEAL = b"product-tags 1\n"


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def seal(data):
    return SEAL + hashlib.sha256(data).digest() + data


def unseal(data):
    return data[len(SEAL) + 32 :]


def forge_message(file, change):
    """Change the message that is sealed in a file. change (Callable[[Dict], None]): Changes it in place."""
    message = srsly.msgpack_loads(unseal(file.read_bytes()))
    message = change(message) or message
    file.write_bytes(seal(srsly.msgpack_dumps(message)))


def forge_part(file, data):
    """Write a part of a component, with its checksum."""
    file.write_bytes(data)
    forge_checksums(file)


def forge_checksums(file):
    """Give a changed part of a component its checksum."""
    forge_list(file.parent, lambda sums: sums.update({file.name: sha256(file.read_bytes())}))


def forge_list(folder, change=None, **fields):
    """Change the list of a component's checksums. change (Callable[[Dict], None]): Changes those of files in place."""
    file = folder / "checksums.json"
    listed = json.loads(file.read_text(encoding="utf8"))
    del listed["own"]
    listed.update(fields)
    if change:
        change(listed["sha256"])
    listed["own"] = sha256(json.dumps(listed, sort_keys=True).encode("utf8"))
    file.write_text(json.dumps(listed), encoding="utf8")


def forge_index(folder, change):
    """Change the meta data of an alias index. change (Callable[[Dict], None]): Changes them in place."""
    file = folder / "meta.json"
    meta = json.loads(file.read_text(encoding="utf8"))
    del meta["sha256"]
    meta = change(meta) or meta
    meta["sha256"] = sha256(json.dumps(meta, sort_keys=True).encode("utf8"))
    file.write_text(json.dumps(meta), encoding="utf8")


def forge_array(folder, name, array, **kwargs):
    """Put another array into an alias index. **kwargs: For `np.save`."""
    (file,) = folder.glob(f"arrays-*/{name}.npy")
    np.save(file, array, **kwargs)

    def change(meta):
        listed = {"dtype": array.dtype.str, "shape": list(array.shape), "sha256": sha256(file.read_bytes())}
        meta["arrays"][name] = listed

    forge_index(folder, change)


def load_array(folder, name):
    (file,) = folder.glob(f"arrays-*/{name}.npy")
    return np.load(file).copy()
