from projects.jobs import JobRun, job
from sandbox.demo import build_demo


@job("sandbox.build_demo")
def build(run: JobRun, *, people: int) -> None:
    """The whole demo; steps that exist already are left as they are, so twice is safe."""
    build_demo(run, people)
