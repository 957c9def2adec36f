import pytest

from tests.running_site import RunningSite


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    site = RunningSite(tmp_path_factory.mktemp("site"), ETRON_JOB_SILENCE_S="6")
    yield site.start()
    site.stop()
