from projects.jobs import JobRun, job


@job("sandbox.build_demo")
def build(run: JobRun, *, people: int) -> None:
    """The whole demo; steps that exist already are left as they are, so twice is safe."""
    from sandbox.demo import build_demo  # the whole house hangs on it: only the worker that builds needs it

    build_demo(run, people)
