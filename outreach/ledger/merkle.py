"""The Merkle tree of RFC 6962, section 2.1, over SHA-256: leaves prefixed 0x00, nodes 0x01.

Levels are built from the bottom, and a last node without a sibling moves up as it is; that gives the same tree as
the RFC's recursive definition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import chain

HASH_BYTES = 32
TILE_HEIGHT = 8
TILE = 1 << TILE_HEIGHT
"""Nodes side by side that are read together, as in C2SP's tlog-tiles: leaves, or the roots of full subtrees of 256
leaves, of 65,536, and so on. What is between them is computed anew."""
EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(body: bytes) -> bytes:
    return sha256(b"\x00" + body).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a growing tree: the roots of its full subtrees, largest first. All that appending needs."""

    __slots__ = ("_subtrees", "size")

    def __init__(self) -> None:
        self.size = 0
        self._subtrees: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        """Adds a leaf by its hash."""
        pending = self.size
        subtrees = self._subtrees
        while pending & 1:
            leaf = sha256(b"\x01" + subtrees.pop() + leaf).digest()
            pending >>= 1
        subtrees.append(leaf)
        self.size += 1

    def extend(self, leaves: Sequence[bytes]) -> list[tuple[int, int, bytes]]:
        """Adds many leaves by their hashes, level by level: a third faster than one by one. Returns what `Tiles` is to
        read: the full subtrees that came to be, of TILE leaves, of TILE * TILE and so on, as (height, number, root).
        """
        nodes = list(leaves)
        pending, height = self.size, 0
        left_over, full = [], []
        while nodes:
            if height and height % TILE_HEIGHT == 0:
                full += [(height, number, root) for number, root in enumerate(nodes, pending)]
            if pending & 1:
                nodes.insert(0, self._subtrees.pop())
            pending >>= 1
            if len(nodes) & 1:
                left_over.append(nodes[-1])
            nodes = [_node(left, right) for left, right in zip(nodes[::2], nodes[1::2], strict=False)]
            height += 1
        self._subtrees += reversed(left_over)
        self.size += len(leaves)
        return full

    def root(self) -> bytes:
        if not self._subtrees:
            return EMPTY_ROOT
        root = self._subtrees[-1]
        for left in self._subtrees[-2::-1]:
            root = _node(left, root)
        return root

    def copy(self) -> Frontier:
        twin = Frontier()
        twin.size = self.size
        twin._subtrees = self._subtrees.copy()
        return twin

    def to_bytes(self) -> bytes:
        """The size as 8 bytes, big-endian, then the subtrees' roots: at most 2,056 bytes."""
        return self.size.to_bytes(8, "big") + b"".join(self._subtrees)

    @classmethod
    def from_bytes(cls, data: bytes) -> Frontier:
        """What `to_bytes` gave. ValueError if the length does not fit the size."""
        frontier = cls()
        frontier.size = int.from_bytes(data[:8], "big")
        if len(data) != 8 + HASH_BYTES * frontier.size.bit_count():
            raise ValueError("not the right edge of a Merkle tree: its length does not fit its size")
        frontier._subtrees = [data[at : at + HASH_BYTES] for at in range(8, len(data), HASH_BYTES)]
        return frontier


class Prover:
    """Inclusion proofs for a few leaves of a long tree that is read once: it keeps the leaves of their blocks only, and
    of every other block its root. A block is a whole subtree of BLOCK leaves; the last one may be shorter.
    """

    BLOCK = 1024

    def __init__(self) -> None:
        self._roots: list[bytes] = []
        self._kept: dict[int, Sequence[bytes]] = {}

    def add(self, leaf_hashes: Sequence[bytes], *, keep: bool) -> None:
        """The next block's leaves, by their hashes; at least one. Only kept ones can be proven."""
        if keep:
            self._kept[len(self._roots)] = leaf_hashes
        block = Frontier()
        block.extend(leaf_hashes)
        self._roots.append(block.root())

    def proofs(self, indexes: Iterable[int]) -> Iterator[list[bytes]]:
        """The audit paths in the tree of all that was added. KeyError for an index in a block that was not kept."""
        upper = list(_levels(self._roots))
        for index in indexes:
            block, place = divmod(index, self.BLOCK)
            yield _siblings(_levels(self._kept[block]), place) + _siblings(upper, block)


class Tiles:
    """Proofs in a tree of `size` leaves that read only the tiles on their way: at most two for each TILE_HEIGHT of its
    height, each of them once.

    `read(height, first, count)` gives nodes of full subtrees side by side: the hashes of leaves at height 0, or what
    `Frontier.extend` told.
    """

    def __init__(self, size: int, read: Callable[[int, int, int], Sequence[bytes]]) -> None:
        self.size = size
        self._read = read
        self._tiles: dict[tuple[int, int], Sequence[bytes]] = {}

    def inclusion(self, index: int) -> list[bytes]:
        """`inclusion_proof`, of this tree."""
        if not 0 <= index < self.size:
            raise IndexError(f"entry {index} is not in a tree of {self.size}")
        return self._way(0, index)[1:]

    def consistency(self, old_size: int) -> list[bytes]:
        """`consistency_proof`, of this tree."""
        if not 1 <= old_size <= self.size:
            raise ValueError(f"a tree of {self.size} entries has no consistency proof from {old_size}")
        if old_size == self.size:
            return []
        height = (old_size & -old_size).bit_length() - 1
        last = (old_size - 1) >> height
        way = self._way(height, last)
        return way if last else way[1:]

    def _way(self, height: int, index: int) -> list[bytes]:
        """The node, then what stands beside the way from it to the root."""
        base = height - height % TILE_HEIGHT
        number, place = divmod(index << (height - base), TILE)
        way: list[bytes] = []
        while not way or (self.size - 1) >> base:
            nodes = self._tile(base, number)
            for here in range(base, base + TILE_HEIGHT):
                if here == height:
                    way.append(nodes[place])
                if here >= height and (place ^ 1) < len(nodes):
                    way.append(nodes[place ^ 1])
                nodes, place = _above(nodes), place >> 1
            base += TILE_HEIGHT
            number, place = divmod(number, TILE)
        return way

    def _tile(self, height: int, number: int) -> Sequence[bytes]:
        """The nodes of a tile. The last one of the tree's right edge may stand over a subtree that is not full."""
        if (height, number) not in self._tiles:
            first = number * TILE
            full = min((self.size >> height) - first, TILE)
            nodes = list(self._read(height, first, full)) if full else []
            if len(nodes) != full:
                raise ValueError(f"{full - len(nodes)} nodes at height {height} from {first} on are missing")
            if full < TILE and self.size % (1 << height):
                nodes.append(self._edge(height))
            self._tiles[height, number] = nodes
        return self._tiles[height, number]

    def _edge(self, height: int) -> bytes:
        """The root of what the full subtrees of that height leave over."""
        nodes = self._tile(height - TILE_HEIGHT, self.size >> height)
        while len(nodes) > 1:
            nodes = _above(nodes)
        return nodes[0]


def inclusion_proof(leaf_hashes: Sequence[bytes], index: int) -> list[bytes]:
    """The audit path of a leaf, lowest sibling first (RFC 6962, 2.1.1). IndexError for an index outside the tree."""
    if not 0 <= index < len(leaf_hashes):
        raise IndexError(f"entry {index} is not in a tree of {len(leaf_hashes)}")
    return _siblings(_levels(leaf_hashes), index)


def consistency_proof(leaf_hashes: Sequence[bytes], old_size: int) -> list[bytes]:
    """The proof that the tree of the first `old_size` leaves is a prefix of this one (RFC 6962, 2.1.2).

    It is empty for the same size. ValueError for a size outside 1 to the number of leaves.
    """
    if not 1 <= old_size <= len(leaf_hashes):
        raise ValueError(f"a tree of {len(leaf_hashes)} entries has no consistency proof from {old_size}")
    if old_size == len(leaf_hashes):
        return []
    levels = _levels(leaf_hashes)
    nodes = next(levels)
    last = old_size - 1
    while last & 1:
        nodes = next(levels)
        last >>= 1
    known = [nodes[last]] if last else []
    return known + _siblings(chain([nodes], levels), last)


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """True if the proof shows the leaf hash at the index in the tree with this size and root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size or len(root) != HASH_BYTES:
        return False
    node, last, path = leaf, size - 1, iter(proof)
    try:
        while last:
            if index & 1:
                node = _node(next(path), node)
            elif index < last:
                node = _node(node, next(path))
            index >>= 1
            last >>= 1
    except StopIteration:
        return False
    return next(path, None) is None and node == root


def verify_consistency(old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """True if the proof shows that the new tree begins with the whole old tree (RFC 9162, 2.1.4.2)."""
    if not 1 <= old_size <= new_size:
        return False
    if old_size == new_size:
        return not proof and old_root == new_root
    index, last, path = old_size - 1, new_size - 1, iter(proof)
    while index & 1:
        index >>= 1
        last >>= 1
    try:
        old = new = next(path) if index else old_root
        while last:
            if index & 1:
                sibling = next(path)
                old, new = _node(sibling, old), _node(sibling, new)
            elif index < last:
                new = _node(new, next(path))
            index >>= 1
            last >>= 1
    except StopIteration:
        return False
    return next(path, None) is None and old == old_root and new == new_root


def _levels(leaf_hashes: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """The tree's levels from the leaves up, the root not included."""
    level = leaf_hashes
    while len(level) > 1:
        yield level
        level = _above(level)


def _above(level: Sequence[bytes]) -> Sequence[bytes]:
    above = [_node(left, right) for left, right in zip(level[::2], level[1::2], strict=False)]
    if len(level) & 1:
        above.append(level[-1])
    return above


def _siblings(levels: Iterable[Sequence[bytes]], index: int) -> list[bytes]:
    """What stands beside the way from the node `index` of the first level to the root."""
    path = []
    for level in levels:
        if (index ^ 1) < len(level):
            path.append(level[index ^ 1])
        index >>= 1
    return path
