"""Sets of nft against a list that is asked from its beginning to its end."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from pystack.clock import Clock
from pystack.errors import EEXIST, ENOENT
from pystack.netfilter.nft.set import NftSet, SetRefused
from pystack.netfilter.nft.set_element import Element, SetForm

Span = tuple[int, int]
Box = tuple[Span, ...]

# Numbers are few, so that many collide; they stand at both edges of what a key can hold.
_NUMBERS = st.sampled_from([*range(12), 0xFFFA, 0xFFFE, 0xFFFF])
_SPANS = st.tuples(_NUMBERS, _NUMBERS).map(lambda ends: (min(ends), max(ends)))
_STEPS = st.lists(
    st.tuples(st.sampled_from(["add", "add", "add", "delete"]), st.tuples(_SPANS, _SPANS)), max_size=40
)


def octets(numbers: list[int]) -> bytes:
    return b"".join(number.to_bytes(2, "big") + bytes(2 if len(numbers) > 1 else 0) for number in numbers)


def element(box: Box) -> Element:
    return Element(octets([low for low, _ in box]), octets([high for _, high in box]))


def covers(box: Box, point: tuple[int, ...]) -> bool:
    return all(low <= number <= high for (low, high), number in zip(box, point, strict=True))


def first(boxes: list[Box], point: tuple[int, ...]) -> Box | None:
    return next((box for box in boxes if covers(box, point)), None)


def attempt(content: NftSet, step: str, box: Box) -> int:
    try:
        if step == "add":
            content.add([element(box)])
        else:
            content.delete([element(box)])
    except SetRefused as refused:
        return refused.number
    return 0


def check(content: NftSet, boxes: list[Box]) -> None:
    """Every edge, and the number beside it, falls where the list says."""
    assert [(one.key, one.end) for one in content] == [(element(box).key, element(box).end) for box in boxes]
    width = len(content.form.fields)
    edges = [
        {number for box in boxes for end in box[at] for number in (end - 1, end, end + 1)}
        for at in range(width)
    ]
    for point in product(*([number for number in some if 0 <= number <= 0xFFFF] for some in edges)):
        found, wanted = content.find(octets(list(point))), first(boxes, point)
        assert (found and (found.key, found.end)) == (wanted and (element(wanted).key, element(wanted).end))


@given(_STEPS)
def test_intervals_are_where_a_list_has_them(steps: list[tuple[str, Box]]) -> None:
    content = NftSet(SetForm(fields=(2,), interval=True), Clock())
    boxes: list[Box] = []
    for step, both in steps:
        box = both[:1]
        is_there, (low, high) = box in boxes, box[0]
        in_the_way = any(known[0][0] <= high and low <= known[0][1] for known in boxes)
        refused = attempt(content, step, box)
        if step == "delete":
            assert refused == (0 if is_there else ENOENT)
            boxes = [known for known in boxes if known != box]
        else:
            assert refused == (EEXIST if in_the_way and not is_there else 0)
            boxes += [] if in_the_way else [box]
    check(content, sorted(boxes))


@given(_STEPS)
def test_concatenations_are_where_a_list_has_them(steps: list[tuple[str, Box]]) -> None:
    content = NftSet(SetForm(fields=(2, 2), interval=True), Clock())
    boxes: list[Box] = []
    for step, box in steps:
        on_low = first(boxes, tuple(low for low, _ in box))
        on_high = first(boxes, tuple(high for _, high in box))
        refused = attempt(content, step, box)
        if step == "delete":
            assert refused == (0 if on_low else ENOENT)
            boxes = [known for known in boxes if known != on_low]
        else:
            in_the_way = on_low or on_high
            assert refused == (EEXIST if in_the_way and in_the_way != box else 0)
            boxes += [] if in_the_way else [box]
    check(content, boxes)


@given(_STEPS, _STEPS)
def test_a_batch_that_is_undone_has_never_been(
    before: list[tuple[str, Box]], batch: list[tuple[str, Box]]
) -> None:
    content = NftSet(SetForm(fields=(2, 2), interval=True), Clock())
    for step, box in before:
        attempt(content, step, box)
    boxes = list(content)
    undo = []
    for step, box in batch:
        try:
            undo.append((content.add if step == "add" else content.delete)([element(box)]))
        except SetRefused:
            continue
    while undo:
        undo.pop()()
    assert list(content) == boxes
    for known in boxes:
        assert content.find(known.key) is next(one for one in boxes if encloses(one, known.key))


def encloses(one: Element, key: bytes) -> bool:
    parts = (slice(0, 4), slice(4, 8))
    return all(one.key[part] <= key[part] <= one.end[part] for part in parts)


def test_the_part_in_which_elements_differ_most_is_looked_up() -> None:
    content = NftSet(SetForm(fields=(2, 2), interval=True), Clock())
    boxes = [((0, 9), (port, port)) for port in range(100)]
    content.add([element(box) for box in boxes])
    content.delete([element(boxes[50])])
    check(content, [box for box in boxes if box != boxes[50]])
