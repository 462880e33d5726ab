"""Copies of stores, and nodes on stores made from them."""

from .node import Node, run


def backup(node, destination):
    code, out, err = run("backup", str(destination), f"--storage.directory={node.store}",
                         f"--auth.master-key-file={node.keys}", folder=node.folder)
    assert code == 0, err
    return out


def restored_node(tmp_path, authority, node, *copies):
    """A node on a store that was restored from the copies, with the same master keys."""
    folder = tmp_path / "restored"
    folder.mkdir()
    (folder / "master.keys").write_bytes(node.keys.read_bytes())
    code, out, err = run("restore", *map(str, copies), f"--storage.directory={folder / 'store'}",
                         f"--auth.master-key-file={folder / 'master.keys'}", folder=folder)
    assert code == 0, err
    return Node(folder, authority)
