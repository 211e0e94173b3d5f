"""An element with its children looked up by name: each child is visited once, when the node is made."""

from __future__ import annotations

from chartbridge.ccda.names import Element

_NONE: list[Element] = []


class Node:
    """A CDA element whose children are wanted by name.

    Elements that are only read for their attributes (codes, ids, times) need no node of their own.
    """

    __slots__ = ("el", "many", "one")

    def __init__(self, el: Element) -> None:
        one: dict[str, Element] = {}
        many: dict[str, list[Element]] | None = None
        for child in el:
            tag = child.tag
            if tag in one:
                if many is None:
                    many = {}
                if tag in many:
                    many[tag].append(child)
                else:
                    many[tag] = [one[tag], child]
            else:
                one[tag] = child
        self.el = el
        self.one = one
        self.many = many

    def child(self, tag: str) -> Element | None:
        """The first child of that name."""
        return self.one.get(tag)

    def children(self, tag: str) -> list[Element]:
        """All children of that name, in document order."""
        if self.many is not None and tag in self.many:
            return self.many[tag]
        first = self.one.get(tag)
        return _NONE if first is None else [first]

    def node(self, tag: str) -> Node | None:
        """The first child of that name as a node of its own."""
        first = self.one.get(tag)
        return None if first is None else Node(first)


def node_at(node: Node | None, *tags: str) -> Node | None:
    """The node reached by going down the first children of these names; ``None`` where one is absent."""
    for tag in tags:
        if node is None:
            return None
        node = node.node(tag)
    return node
