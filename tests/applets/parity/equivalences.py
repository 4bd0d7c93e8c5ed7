"""What may differ between the kernel's tools and ours, and why: nothing but this table."""

import re

# Each a pattern, what stands for it on both sides, and the reason.
EQUIVALENCES = (
    (r"\tinet6 \S+\n|\tlink  33:33:\S+\n", "", "groups of IPv6, which the kernel has even where it is off"),
    (r"\tlink  01:00:5e:00:00:6a\n|\tinet  224.0.0.106\n", "", "a bridge that snoops joins all snoopers"),
    (r"numtxqueues \d+ numrxqueues \d+", "numtxqueues N numrxqueues N", "a veth has a queue for each core"),
    (r'"num_(t|r)x_queues":(\s?)\d+', r'"num_\1x_queues":\2N', "the same in JSON"),
    (r"(gc_timer|hello_timer|forward_delay_timer) +\d+\.\d\d", r"\1 T", "time that is left"),
    (r"\b(\d+)sec\b", "Nsec", "the life that is left of an address"),
    (r'"(valid|preferred)_life_time":(\s?)[1-9]\d{0,8}\b', r'"\1_life_time":\2N', "the same in JSON"),
    (r'"(gc_timer|hello_timer|forward_delay_timer)":(\s?)\d+\.\d\d', r'"\1":\2T', "the same in JSON"),
)


def normalised(text: str) -> str:
    for pattern, stand_in, _ in EQUIVALENCES:
        text = re.sub(pattern, stand_in, text)
    return text
