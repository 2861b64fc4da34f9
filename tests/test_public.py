"""What users rely on changes on purpose only."""
import json

from public import SNAPSHOT, collect, signature


def test_what_is_public_is_what_the_snapshot_says():
    # Through JSON, where a tuple is a list.
    now = json.loads(json.dumps(collect()))
    kept = json.loads(SNAPSHOT.read_text(encoding="utf8"))
    changed = [
        f"{part}: {name}\n  kept: {kept[part].get(name, '-')}\n  now:  {now[part].get(name, '-')}"
        for part in now
        for name in sorted({*now[part], *kept[part]})
        if now[part].get(name) != kept[part].get(name)
    ]
    assert not changed, "\n".join(["meant? then run: python tests/support/public.py", *changed])


def test_a_signature_is_written_without_what_versions_write_differently():
    def sample(first: "int", *, second: "list[str] | None" = None, **more: "object") -> "str":
        return ""

    assert signature(sample) == "(first, *, second=None, **more)"
    assert signature(3) == "int"
