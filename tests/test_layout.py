"""Imports run one way: a room uses those before it, and no two modules use each other."""
import grimp
import pytest

# In the order of the house; a room may use what stands before it.
ROOMS = (
    "_version errors caching io tables locks saving graphemes tag spans listing text quantities rules platforms taxonomy "
    "encoders values heads pipeline listings generate pretraining training evaluation isolate batch runs packaging "
    "cli"
).split()


@pytest.fixture(scope="module")
def graph():
    return grimp.build_graph("spacy_product_tags")


def room(module):
    return module.split(".")[1] if "." in module else ""


def test_rooms_use_only_rooms_before_them(graph):
    wrong = []
    for module in graph.modules - {"spacy_product_tags"}:
        for used in graph.find_modules_directly_imported_by(module):
            if ROOMS.index(room(used)) > ROOMS.index(room(module)):
                wrong.append(f"{module} imports {used}")
    assert not wrong


def test_no_module_is_used_by_what_it_uses(graph):
    circles = []
    for module in graph.modules:
        for used in graph.find_modules_directly_imported_by(module):
            if graph.find_shortest_chain(used, module):
                circles.append(f"{module} imports {used}, which leads back")
    assert not circles


def test_each_room_has_a_place(graph):
    assert {room(module) for module in graph.modules} - {""} == set(ROOMS)
