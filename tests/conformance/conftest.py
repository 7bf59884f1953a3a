"""Golden chunks, and the modules beside this file that tests and fresh processes share."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

HERE = Path(__file__).parent
GOLDEN = HERE.parent / "golden"
MANIFEST: dict[str, dict[str, Any]] = json.loads((GOLDEN / "manifest.json").read_text())


@pytest.fixture(autouse=True)
def _models_of_golden_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZARR_NEURAL_MODELS", str(GOLDEN / "models"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test that asks for ``golden`` runs for every golden chunk."""
    if "golden" in metafunc.fixturenames:
        metafunc.parametrize("golden", MANIFEST, indirect=True)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> tuple[bytes, dict[str, Any]]:
    """The bytes of a golden chunk, and what the manifest says of it."""
    return (GOLDEN / f"{request.param}.bin").read_bytes(), MANIFEST[request.param]


@pytest.fixture(scope="session")
def all_golden() -> dict[str, tuple[bytes, dict[str, Any]]]:
    """Every golden chunk by its name."""
    return {name: ((GOLDEN / f"{name}.bin").read_bytes(), says) for name, says in MANIFEST.items()}


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def independent_path_y() -> ModuleType:
    """The decoder of path Y that shares no code with ours."""
    return _load("independent_path_y")


@pytest.fixture(scope="session")
def independent_reader() -> ModuleType:
    """The reader that shares no code with ours."""
    return _load("independent_reader")


@pytest.fixture(scope="session")
def damages() -> ModuleType:
    """The maker of damages."""
    return _load("damages")
