"""The tree is the one of RFC 6962: against published vectors, pymerkle, and the RFC's recursive definitions."""

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymerkle import InmemoryTree  # type: ignore[import-untyped]  # it ships no types

from outreach.ledger import merkle
from outreach.ledger.merkle import Frontier, Tiles, leaf_hash

# Test data of the certificate-transparency and transparency-dev/merkle projects.
INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUSION = {
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
}
CONSISTENCY = {
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
LEAVES = [leaf_hash(bytes.fromhex(text)) for text in INPUTS]
BODIES = [b'{"seq":%d}' % index for index in range(70)]
HASHES = [leaf_hash(body) for body in BODIES]


def root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, 2.1, as it is written there."""
    if len(leaves) <= 1:
        return leaves[0] if leaves else sha256(b"").digest()
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\x01" + root(leaves[:k]) + root(leaves[k:])).digest()


def subproof(m: int, leaves: list[bytes], whole: bool) -> list[bytes]:
    """SUBPROOF of RFC 6962, 2.1.2, as it is written there."""
    if m == len(leaves):
        return [] if whole else [root(leaves)]
    k = 1 << (len(leaves) - 1).bit_length() - 1
    if m <= k:
        return [*subproof(m, leaves[:k], whole), root(leaves[k:])]
    return [*subproof(m - k, leaves[k:], False), root(leaves[:k])]


@pytest.mark.parametrize("size", range(9))
def test_known_roots(size: int) -> None:
    """The published roots, leaf by leaf."""
    frontier = Frontier()
    for leaf in LEAVES[:size]:
        frontier.append(leaf)
    assert frontier.root().hex() == ROOTS[size]


def test_known_proofs() -> None:
    """The published inclusion and consistency proofs, made and verified."""
    for (index, size), proof in INCLUSION.items():
        assert [node.hex() for node in merkle.inclusion_proof(LEAVES[:size], index)] == proof
    for (old, new), proof in CONSISTENCY.items():
        assert [node.hex() for node in merkle.consistency_proof(LEAVES[:new], old)] == proof


def test_pymerkle_agrees() -> None:
    """An independent package computes the same roots and the same audit paths."""
    tree = InmemoryTree(algorithm="sha256")
    frontier = Frontier()
    for size, body in enumerate(BODIES, 1):
        tree.append_entry(body)
        frontier.append(leaf_hash(body))
        assert frontier.root() == tree.get_root()
        for index in range(size):
            theirs = tree.prove_inclusion(index + 1).path
            assert [HASHES[index], *merkle.inclusion_proof(HASHES[:size], index)] == theirs


@pytest.mark.parametrize("size", range(1, 41))
def test_every_proof_verifies_and_no_other(size: int) -> None:
    """Each proof holds for its place alone: not elsewhere, not for another root, not shortened or lengthened."""
    leaves, whole = HASHES[:size], root(HASHES[:size])
    for index in range(size):
        proof = merkle.inclusion_proof(leaves, index)
        assert merkle.verify_inclusion(leaves[index], index, size, proof, whole)
        assert not merkle.verify_inclusion(HASHES[60], index, size, proof, whole)
        assert not merkle.verify_inclusion(leaves[index], index, size, [*proof, whole], whole)
        assert not merkle.verify_inclusion(leaves[index], (index + 1) % size, size, proof, whole) or size == 1
        if proof:
            assert not merkle.verify_inclusion(leaves[index], index, size, proof[:-1], whole)
            assert not merkle.verify_inclusion(leaves[index], index, size, [HASHES[60], *proof[1:]], whole)


@pytest.mark.parametrize("size", range(1, 41))
def test_consistency_as_the_rfc_defines_it(size: int) -> None:
    """Each consistency proof is the RFC's, holds for its two trees, and for no other old tree."""
    leaves, new = HASHES[:size], root(HASHES[:size])
    for old_size in range(1, size + 1):
        old = root(leaves[:old_size])
        proof = merkle.consistency_proof(leaves, old_size)
        assert proof == subproof(old_size, leaves, True)
        assert merkle.verify_consistency(old_size, old, size, new, proof)
        assert not merkle.verify_consistency(old_size, HASHES[60], size, new, proof)
        assert not merkle.verify_consistency(old_size, old, size, HASHES[60], proof)
        assert not merkle.verify_consistency(old_size, old, size, new, [*proof, new])
        assert not proof or not merkle.verify_consistency(old_size, old, size, new, proof[:-1])


def test_no_proof_outside_the_tree() -> None:
    """Indexes and sizes that do not exist have no proof, and none verifies."""
    with pytest.raises(IndexError):
        merkle.inclusion_proof(HASHES, len(HASHES))
    for old_size in (0, len(HASHES) + 1):
        with pytest.raises(ValueError, match="no consistency proof"):
            merkle.consistency_proof(HASHES, old_size)
    assert not merkle.verify_inclusion(HASHES[0], 1, 1, [], HASHES[0])
    assert not merkle.verify_consistency(2, HASHES[0], 1, HASHES[0], [])


@given(st.lists(st.integers(0, 40), max_size=6))
def test_extending_is_appending(steps: list[int]) -> None:
    """Leaves added in groups of any size, with a save and a load between, give the tree of leaves added one by one."""
    grouped, single = Frontier(), Frontier()
    for step in steps:
        group = [leaf_hash(b"%d" % index) for index in range(grouped.size, grouped.size + step)]
        before = grouped.copy()
        grouped = Frontier.from_bytes(grouped.to_bytes())
        grouped.extend(group)
        assert before.size == single.size
        assert before.root() == single.root()
        for leaf in group:
            single.append(leaf)
    assert grouped.to_bytes() == single.to_bytes()
    assert grouped.size == sum(steps)


@pytest.mark.parametrize("data", [b"", b"\0" * 7, b"\0" * 9, b"\0" * 7 + b"\3" + b"\0" * 32])
def test_a_damaged_frontier_is_refused(data: bytes) -> None:
    """Bytes whose length does not fit their size are no frontier."""
    with pytest.raises(ValueError, match="right edge"):
        Frontier.from_bytes(data)


MANY = [sha256(b"%d" % number).digest() for number in range(66_000)]


def grown(leaves: list[bytes], steps: list[int]) -> dict[tuple[int, int], bytes]:
    """The full subtrees that a frontier tells of, which grows by these steps and then at once."""
    frontier, told = Frontier(), []
    for step in [*steps, len(leaves)]:
        told += frontier.extend(leaves[frontier.size : min(frontier.size + step, len(leaves))])
    return {(height, number): root for height, number, root in told}


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 66_000) | st.integers(1, 700),
    st.integers(0, 1 << 20),
    st.lists(st.integers(0, 600), max_size=5),
)
def test_tiles_prove_what_the_whole_tree_proves(size: int, place: int, steps: list[int]) -> None:
    """However it grew, and although it has grown on: the same proofs as from all its leaves, from few hashes."""
    told = grown(MANY, steps)
    assert sorted(told) == [(8, number) for number in range(257)] + [(16, 0)]
    asked = []

    def read(height: int, first: int, count: int) -> list[bytes]:
        asked.append(count)
        places = range(first, first + count)
        return [told[height, place] for place in places] if height else [MANY[place] for place in places]

    tiles = Tiles(size, read)
    assert tiles.inclusion(place % size) == merkle.inclusion_proof(MANY[:size], place % size)
    old = place % size + 1
    assert tiles.consistency(old) == merkle.consistency_proof(MANY[:size], old)
    assert sum(asked) <= 6 * 256


def test_tiles_refuse_what_the_tree_has_not() -> None:
    """No proof of an entry, or from a tree, that is not in it; none from tiles that lack nodes."""
    tiles = Tiles(3, lambda _, first, count: HASHES[first : first + count])
    with pytest.raises(IndexError):
        tiles.inclusion(3)
    for old in (0, 4):
        with pytest.raises(ValueError, match="no consistency proof"):
            tiles.consistency(old)
    with pytest.raises(ValueError, match="missing"):
        Tiles(80, lambda _, first, count: HASHES[first : first + count]).inclusion(0)
