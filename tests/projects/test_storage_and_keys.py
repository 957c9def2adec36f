"""Files land whole or not at all, and nowhere else; secrets open only with the right key."""

import os
from pathlib import Path

import pytest

from projects import keys, storage
from projects.errors import Conflict, DomainError
from projects.services import authorisations


def staged(name="part", text="rows"):
    path = storage.folder(f"made/{name}")
    path.mkdir(parents=True)
    (path / "rows.parquet").write_text(text)
    return path


def test_publish_moves_a_folder_in_one_step():
    with storage.staging() as path:
        (path / "rows.parquet").write_text("rows")
        (path / "deep").mkdir()
        (path / "deep" / "report.json").write_text("{}")
        assert storage.publish(path, "samples/1/abc") == "samples/1/abc"
        assert not path.exists()
    assert (storage.folder("samples/1/abc") / "deep" / "report.json").read_text() == "{}"


def test_publishing_the_same_twice_is_fine_and_another_is_not():
    storage.publish(staged("a"), "x/1")
    assert storage.publish(staged("b"), "x/1") == "x/1"
    assert not storage.folder("made/b").exists()
    with pytest.raises(Conflict):
        storage.publish(staged("c", "other"), "x/1")
    assert (storage.folder("x/1") / "rows.parquet").read_text() == "rows"


def test_a_file_never_replaces_a_file():
    for name, text in (("a", "one"), ("b", "one"), ("c", "two")):
        staged(name, text)
    storage.publish(storage.folder("made/a/rows.parquet"), "uploads/1")
    storage.publish(storage.folder("made/b/rows.parquet"), "uploads/1")
    with pytest.raises(Conflict):
        storage.publish(storage.folder("made/c/rows.parquet"), "uploads/1")
    assert storage.folder("uploads/1").read_text() == "one"


def test_everything_is_synced_before_and_after_the_move(monkeypatch):
    synced: list[Path] = []
    real = storage._sync

    def sync(path):
        synced.append(path)
        real(path)

    monkeypatch.setattr(storage, "_sync", sync)
    part = staged()
    target = storage.folder("new/deep/1")
    storage.publish(part, "new/deep/1")
    assert {part / "rows.parquet", part, target.parent} <= set(synced)
    assert synced[-1] == target.parent


def test_a_failed_stage_leaves_nothing(settings):
    with pytest.raises(FileNotFoundError), storage.staging() as path:
        (path / "half").write_bytes((path / "missing").read_bytes())
    assert list((settings.ARTIFACT_ROOT / ".staging").iterdir()) == []


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x", "", ".", "a\0b", "link/x"])
def test_paths_outside_are_refused(path, tmp_path, settings):
    settings.ARTIFACT_ROOT.mkdir(parents=True)
    (settings.ARTIFACT_ROOT / "link").symlink_to(tmp_path)
    with pytest.raises(DomainError) as caught:
        storage.folder(path)
    assert caught.value.code == "path_outside"


def test_remove():
    storage.publish(staged(), "x/1")
    storage.remove("x/1")
    storage.remove("x/1")
    assert not storage.folder("x/1").exists()


def test_old_staging_is_swept(settings):
    old = settings.ARTIFACT_ROOT / ".staging" / "old"
    old.mkdir(parents=True)
    os.utime(old, (0, 0))
    with storage.staging() as path:
        assert storage.sweep_staging() == 1
        assert path.exists()
    assert not old.exists()


def test_keys_open_only_with_the_master_key(project, settings):
    key = keys.project_key(project)
    assert len(key) == 32
    assert key not in bytes(project.hash_key)
    settings.MASTER_KEY = "another"
    with pytest.raises(DomainError) as caught:
        keys.project_key(project)
    assert caught.value.code == "key_mismatch"


def test_every_project_has_its_own_key(people, partner_bank, project):
    from projects.services.projects import create_project

    other = create_project(user=people.modeler, name="Auto loan", purpose="Again", institutions=[partner_bank])
    assert other.slug == "auto-loan-2"
    assert keys.project_key(other) != keys.project_key(project)


def test_values_die_with_their_key(authorisation, people):
    sealed = keys.encrypt(authorisation, b"income=5000")
    assert b"income" not in sealed
    assert keys.encrypt(authorisation, b"income=5000") != sealed
    assert keys.decrypt(authorisation, sealed) == b"income=5000"
    with pytest.raises(DomainError):
        keys.decrypt(authorisation, sealed[:-1] + bytes([sealed[-1] ^ 1]))
    row = authorisations.withdraw(user=people.partner, authorisation=authorisation)
    row = authorisations.erase_values(user=people.partner, authorisation=row)
    with pytest.raises(Conflict) as caught:
        keys.decrypt(row, sealed)
    assert caught.value.code == "key_destroyed"
