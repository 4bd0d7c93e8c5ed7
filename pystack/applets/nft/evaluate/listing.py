"""What a listing leaves out of a rule: matches that others further on make plain anyway.

nft reads rules back from the kernel, where nobody knows which matches were written and which put in front;
so it leaves out of both kinds whatever it would put there itself.

nft: src/netlink_delinearize.c rule_parse_postprocess(), src/payload.c payload_dependency_kill()
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pystack.applets.nft.evaluate.fields import (
    bits_apart,
    known_field,
    known_match,
    parts_of,
    raw_of,
    resized,
    retyped,
    unnamed_flags,
    untyped,
)
from pystack.applets.nft.evaluate.layers import (
    ICMP_ECHO,
    ICMPV6_ECHO_REPLY,
    ICMPV6_ECHO_REQUEST,
    Layers,
)
from pystack.applets.nft.evaluate.masks import spelled
from pystack.applets.nft.evaluate.reduction import Joined
from pystack.applets.nft.evaluate.relation import learn, tells_protocol
from pystack.applets.nft.evaluate.typed import number_of
from pystack.applets.nft.protocols import PROTOCOLS
from pystack.applets.nft.tree.expressions import (
    Binary,
    Concatenation,
    Ct,
    Element,
    Elements,
    Expression,
    ExtensionHeader,
    Hash,
    IpOption,
    Lookup,
    Meta,
    Payload,
    Range,
    RawPayload,
    TcpOption,
    Value,
)
from pystack.applets.nft.tree.statements import (
    Assign,
    Decide,
    Dup,
    Match,
    Meter,
    Nat,
    ObjectUse,
    Queue,
    Reject,
    SetUpdate,
    Statement,
)
from pystack.applets.nft.types import RAW_INTEGER

_MIXED: Final = ("inet", "bridge", "netdev")
# Under which layer a key tells what comes, or of which it speaks: "" of none.
_META_LAYER: Final = {"nfproto": "ll", "protocol": "ll", "l4proto": "nh", "iiftype": ""}
_CT_LAYER: Final = {"l3proto": "ll", "protocol": "nh", "saddr": "nh", "daddr": "nh"}
_CT_PORTS: Final = ("proto-src", "proto-dst")
_RANGES: Final = {(">=", "<="): "==", ("<", ">"): "!="}
_ABOVE: Final = {"": "ll", "ll": "nh", "nh": "th", "th": "ih"}
_BY_ETHER_TYPE: Final = {0x0800: 2, 0x86DD: 10}
_LINK_TYPES: Final = (("ether", "type"), ("vlan", "type"))
_8021Q: Final = 0x8100
_ICMPS: Final = {1: 2, 58: 10}  # the network protocol that belongs to an ICMP


class Listing:
    """Goes through a rule as nft does when it reads one back."""

    def __init__(self, family: str) -> None:
        self.layers = Layers(family)
        self.statements: list[Statement] = []
        self._telling: dict[str, int] = {}  # by the layer that a match tells of: where the match is
        self._icmp_type = 0

    def add(self, statement: Statement | Joined) -> None:
        """The next one."""
        if isinstance(statement, Joined):
            self._add_joined(statement)
        elif isinstance(statement, Match):
            self._add_match(statement)
        else:
            self.statements.append(self._look_through(statement))
            if not isinstance(statement, Decide) or not isinstance(statement.verdict, Lookup):
                self._telling.clear()
                self._icmp_type = 0

    def _add_joined(self, joined: Joined) -> None:
        """Apart where the header is known by then, else as the octets that the kernel has."""
        raw = joined.all.left
        assert isinstance(raw, RawPayload)
        header = self.layers.known.get(raw.base)
        if header is not None and header.fields:
            self._add_apart(joined.all, joined.matches)
        else:
            self._add_match(joined.all)

    def _add_apart(self, whole: Match, parts: list[Match]) -> None:
        """Fields that the kernel compares at once: all are equal if each is, but not so with unequal."""
        if whole.operator == "!=":
            self.statements.append(replace(whole, implied=True))
            parts = [replace(part, idle=True) for part in parts]
        for part in parts:
            self._add_match(part)

    # --- matches --------------------------------------------------------------------------------------------

    def _add_match(self, match: Match) -> None:
        match = spelled(unnamed_flags(match, self.layers))
        left = match.left
        if isinstance(left, RawPayload) or (isinstance(left, Payload) and left.protocol == "th"):
            apart = parts_of(replace(match, left=raw_of(left)), self.layers)
            if len(apart) > 1:
                self._add_apart(match, apart)
                return
        if isinstance(left, Payload | RawPayload):
            match = known_match(match, self.layers)
            left = match.left
        is_own_set = isinstance(match.right, Elements)
        if isinstance(left, Ct) and left.key in _CT_PORTS and (is_own_set or "th" not in self.layers.known):
            match = replace(match, right=untyped(match.right))
        self.statements.append(match)
        if isinstance(left, Payload | RawPayload):
            self._payload_match(match, left)
        elif isinstance(left, Meta | Ct):
            self._key_match(match, left)
            self.statements[-1] = replace(match, left=self._looked_at(left))
        else:
            self._other_match(match, left)
        self._join_to_range()

    def _other_match(self, match: Match, left: Expression) -> None:
        apart = bits_apart(left) if isinstance(left, Binary) else None
        if apart is not None:
            cut, size = apart
            self.statements[-1] = replace(match, left=cut, right=resized(match.right, size))
        else:
            self.statements[-1] = replace(match, left=self._looked_at(left))

    def _payload_match(self, match: Match, left: Payload | RawPayload) -> None:
        equal = match.operator in ("==", "")
        if equal and isinstance(match.right, Value):
            learn(self.layers, left, match.right, match)
        elif isinstance(match.right, Elements):
            self._learn_icmp(left, match.right)
        self._leave_out_for(left)
        if equal and isinstance(match.right, Value) and isinstance(left, Payload) and tells_protocol(left):
            self._remember(left, match.right)

    def _learn_icmp(self, left: Expression, elements: Elements) -> None:
        first = elements.items[0].key if elements.items else None
        if not isinstance(left, Payload) or not isinstance(first, Value) or self.layers.icmp_type:
            return
        if left.field == "type" and left.protocol in ("icmp", "icmpv6"):
            self.layers.icmp_type = number_of(first)

    def _remember(self, left: Payload, right: Value) -> None:
        """The match may be left out when a header follows that only it allows."""
        layer = PROTOCOLS[left.protocol].layer
        known = self.layers.known.get(layer)
        upper = known.upper.get(number_of(right)) if known is not None else None
        if upper is not None and PROTOCOLS[upper].layer == layer:
            layer = {"nh": "ll", "th": "nh"}.get(layer, "")
        if not self._is_echo(left, number_of(right)):
            self._telling[_ABOVE[layer]] = len(self.statements) - 1

    def _is_echo(self, left: Payload, number: int) -> bool:
        if left.protocol == "icmp":
            self._icmp_type = number or ICMP_ECHO
            return self._icmp_type == ICMP_ECHO
        if left.protocol == "icmpv6":
            self._icmp_type = number
            return number in (ICMPV6_ECHO_REQUEST, ICMPV6_ECHO_REPLY)
        return False

    def _key_match(self, match: Match, left: Meta | Ct) -> None:
        layers = _META_LAYER if isinstance(left, Meta) else _CT_LAYER
        if match.operator != "==" or not isinstance(match.right, Value):
            return
        learn(self.layers, left, match.right, match)
        layer = layers.get(left.key)
        if layer is None:
            return
        if layer in self._telling and self._key_leaves_out(left, match.right):
            self._leave_out(layer)
        if isinstance(left, Meta) or left.key in ("l3proto", "protocol"):
            self._telling[_ABOVE[layer]] = len(self.statements) - 1

    def _key_leaves_out(self, left: Meta | Ct, right: Value) -> bool:
        """nft: meta_may_dependency_kill()"""
        match = self._teller("nh")
        if match is None:
            return True
        network = _network_told(match)
        if network is None:
            return True
        if self.layers.family not in _MIXED:
            return {"ip": 2, "ip6": 10}.get(self.layers.family, network) == network
        if left.key != "l4proto":
            return True
        wanted = _ICMPS.get(number_of(right))
        return wanted is not None and network in (wanted, 0)

    def _teller(self, layer: str) -> Match | None:
        index = self._telling.get(layer)
        if index is None and layer == "th":
            index = self._telling.get("ih")
        found = self.statements[index] if index is not None else None
        return found if isinstance(found, Match) else None

    # --- what is left out -----------------------------------------------------------------------------------

    def _leave_out(self, layer: str) -> None:
        if layer not in self._telling and layer == "th":
            layer = "ih"
        index = self._telling.pop(layer, None)
        if index is not None:
            told = self.statements[index]
            assert isinstance(told, Match)
            self.statements[index] = replace(told, implied=True)

    def _leave_out_for(self, payload: Payload | RawPayload) -> None:
        """nft: payload_dependency_kill()"""
        layer = PROTOCOLS[payload.protocol].layer if isinstance(payload, Payload) else payload.base
        if isinstance(payload, RawPayload):
            return
        teller = self._teller(layer)
        if teller is not None and self._may_leave_out(teller, payload, layer):
            self._leave_out(layer)

    def _may_leave_out(self, teller: Match, payload: Payload, layer: str) -> bool:
        """nft: payload_may_dependency_kill()"""
        told = teller.left
        if isinstance(told, Payload) and self.layers.family in _MIXED:
            told_layer = PROTOCOLS[told.protocol].layer
            if told.protocol in ("ip", "ip6") and layer == "th":
                return False
            if told_layer == layer and teller.operator == "==":
                if tells_protocol(payload):
                    return False
                if layer == "ll":
                    return _may_leave_out_link(told, teller)
        if layer != "th" or not isinstance(told, Payload) or PROTOCOLS[told.protocol].layer != "th":
            return True
        if told.protocol not in ("icmp", "icmpv6"):
            return True
        needs = PROTOCOLS[payload.protocol].fields[payload.field].needs
        return told.protocol == payload.protocol and bool(needs) and self._icmp_type == needs[0]

    # --- everything else ------------------------------------------------------------------------------------

    def _looked_at(self, expression: Expression) -> Expression:
        """What is looked at inside of another expression leaves matches out as well."""
        match expression:
            case Payload() | RawPayload():
                expression = known_field(expression, self.layers)
                self._leave_out_for(expression)
                return expression
            case TcpOption():
                self._leave_out("th")
            case ExtensionHeader() | IpOption():
                self._leave_out("nh")
            case Binary():
                apart = bits_apart(expression)
                if apart is not None:
                    return apart[0]
                return replace(expression, left=self._looked_at(expression.left))
            case Concatenation():
                return replace(expression, parts=tuple(self._looked_at(one) for one in expression.parts))
            case Hash() if expression.key is not None:
                return replace(expression, key=self._looked_at(expression.key))
            case Lookup():
                return replace(expression, key=self._looked_at(expression.key))
            case Ct(key="saddr" | "daddr"):
                return replace(expression, family=self.layers.known["nh"].name)
        return expression

    def _look_through(self, statement: Statement) -> Statement:
        match statement:
            case Assign():
                return self._look_through_assign(statement)
            case Nat():
                return self._look_through_nat(statement)
            case Reject():
                return self._look_through_reject(statement)
            case Decide():
                return replace(statement, verdict=self._looked_at(statement.verdict))
            case ObjectUse():
                return replace(statement, name=self._looked_at(statement.name))
            case SetUpdate() | Meter():
                assert isinstance(statement.element, Element)
                return replace(statement, element=self._looked_at_element(statement.element))
            case Queue() | Dup() if statement.to is not None:
                return replace(statement, to=self._looked_at(statement.to))
        return statement

    def _looked_at_element(self, element: Element) -> Element:
        key = self._looked_at(element.key)
        data = self._looked_at(element.data) if element.data is not None else None
        return replace(element, key=key, data=data)

    def _look_through_assign(self, assign: Assign) -> Assign:
        if isinstance(assign.target, TcpOption):
            return assign
        target, value = self._looked_at(assign.target), self._looked_at(assign.value)
        if isinstance(target, Payload) and _is_by_number(assign.target):
            value = retyped(value, PROTOCOLS[target.protocol].fields[target.field].type)
            target = replace(target, raw=True)
        elif isinstance(target, RawPayload):  # whatever it was written as
            value = retyped(value, RAW_INTEGER)
        return replace(assign, target=target, value=value)

    def _look_through_nat(self, nat: Nat) -> Nat:
        address = self._looked_at(nat.address) if nat.address is not None else None
        if nat.port is None:
            return replace(nat, address=address)
        self._telling.clear()
        return replace(nat, address=address, port=self._looked_at(nat.port))

    def _look_through_reject(self, reject: Reject) -> Reject:
        """An ICMP message needs a network protocol, or is not told. nft: stmt_reject_postprocess()"""
        if self.layers.family in ("ip", "ip6"):
            if reject.kind == "tcp reset":
                self._leave_out("th")
            return reject
        if reject.kind != "icmpx":
            self._leave_out("nh")
        is_bare = reject.kind in ("icmp", "icmpv6") and "nh" not in self.layers.known
        return replace(reject, is_bare=is_bare)

    def _join_to_range(self) -> None:
        """`tcp dport >= 1 tcp dport <= 5` is a range, and not only that for nft.

        nft: src/netlink_delinearize.c expr_may_merge_range()
        """
        if len(self.statements) < 2:
            return
        low, high = self.statements[-2:]
        if not isinstance(low, Match) or not isinstance(high, Match) or low.implied:
            return
        operator = _RANGES.get((low.operator, high.operator))
        if operator is None or type(low.left) is not type(high.left) or not isinstance(high.right, Value):
            return
        joined = replace(
            high, operator=operator, right=Range(retyped(low.right, high.right.type), high.right)
        )
        if operator == "==" and low.left == high.left:
            self.statements[-2:] = [joined]
        else:
            apart = [replace(low, implied=True), replace(high, implied=True)]
            self.statements[-2:] = [*apart, replace(joined, idle=True)]


def _is_by_number(target: Expression) -> bool:
    return isinstance(target, RawPayload) or (isinstance(target, Payload) and target.protocol == "th")


def _network_told(match: Match) -> int | None:
    """Which network protocol a match tells of: 0 another one, None: it tells of something else."""
    if not isinstance(match.right, Value):
        return None
    number = number_of(match.right)
    if isinstance(match.left, Meta) and match.left.key == "nfproto":
        return number
    if isinstance(match.left, Meta) and match.left.key == "protocol":
        return _BY_ETHER_TYPE.get(number, 0)
    if isinstance(match.left, Payload) and (match.left.protocol, match.left.field) in _LINK_TYPES:
        return _BY_ETHER_TYPE.get(number, 0)
    return None


def _may_leave_out_link(told: Payload, teller: Match) -> bool:
    """`vlan id` says that there is a tag; `vlan type` is never put in front of anything."""
    if told.protocol == "vlan":
        return False
    if told.protocol == "ether" and isinstance(teller.right, Value) and told.field == "type":
        return number_of(teller.right) == _8021Q
    return True
