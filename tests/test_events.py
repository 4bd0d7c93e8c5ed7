"""What the core tells the outside."""

from pystack.events import Changed, Event, EventSink, Printk


def test_nothing_is_wanted_until_somebody_listens() -> None:
    sink = EventSink()
    assert not sink.wanted
    stop = sink.subscribe(lambda event: None)
    assert sink.wanted
    stop()
    assert not sink.wanted


def test_every_listener_hears_every_event_in_order() -> None:
    sink = EventSink()
    heard: list[tuple[str, Event]] = []
    sink.subscribe(lambda event: heard.append(("first", event)))
    sink.subscribe(lambda event: heard.append(("second", event)))
    line, change = Printk("", "hello"), Changed("blue", "link", "new", "eth0")
    sink.emit(line)
    sink.emit(change)
    assert heard == [("first", line), ("second", line), ("first", change), ("second", change)]


def test_a_listener_may_stop_while_it_is_told() -> None:
    sink = EventSink()
    heard: list[str] = []

    def once(event: Event) -> None:
        heard.append("once")
        stop()

    stop = sink.subscribe(once)
    sink.subscribe(lambda event: heard.append("other"))
    sink.emit(Printk("", "a"))
    sink.emit(Printk("", "b"))
    stop()
    assert heard == ["once", "other", "other"]
