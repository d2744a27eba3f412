"""Workers: tasks in order, errors as they were, and a process or a Dask worker that is really killed loses nothing."""

import importlib.util
import os
import signal

import pytest

from cpalab.refusal import ScenarioError
from simulator.market.market import no_change
from simulator.playing import Workroom, play
from simulator.scenario.loading import load_scenario
from simulator.shards.cluster import check_cluster, check_workers, cluster
from simulator.shards.workers import Processes, Threads, WorkerError

needs_dask = pytest.mark.skipif(importlib.util.find_spec("distributed") is None, reason="Dask is not installed")


def deadly(item):
    """A task that no process survives."""
    os.kill(os.getpid(), signal.SIGKILL)


def reports_of(scenario, room, **options):
    return play(scenario, no_change(), room=room, **options).reports


def test_a_process_killed_in_the_middle_is_replaced_and_the_market_is_the_same(scenario, tmp_path):
    killed = set()

    def kill(share):
        (at_work,) = workers.pools[0]._processes
        if share > 0.5 and not killed:
            killed.add(at_work)
            os.kill(at_work, signal.SIGKILL)

    with cluster("processes:1") as workers:
        found = reports_of(scenario, Workroom(tmp_path, False, 0.0, workers), progress=kill)
        assert found == reports_of(scenario, None)
        assert killed
        assert not killed & set(workers.pools[0]._processes)
        with pytest.raises(ScenarioError, match=r"^dropshippin: "):
            list(workers.run(load_scenario, ["dropshippin"]))


@pytest.mark.study
def test_what_kills_every_process_is_told():
    workers = Processes(1)
    with pytest.raises(WorkerError, match="--cluster: a process has died 4 times over the same people"):
        list(workers.run(deadly, [0]))
    workers.close()


@pytest.fixture
def dask():
    """A Dask cluster in this process, of two workers."""
    from distributed import Client, LocalCluster

    from simulator.shards.on_dask import OnDask

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None) as here,
        Client(here) as client,
    ):
        yield OnDask(client)


@needs_dask
def test_a_market_on_dask_is_the_same(scenario, dask, tmp_path):
    assert (dask.size, dask.processes) == (2, 2)
    check_workers(dask, tmp_path)
    with pytest.raises(
        WorkerError, match=r"inproc://.*does not see this folder\) cannot work here; take an --out on sto"
    ):
        check_workers(dask, tmp_path / "elsewhere")
    assert reports_of(scenario, Workroom(tmp_path, workers=dask)) == reports_of(scenario, None)
    with pytest.raises(ScenarioError, match=r"^dropshippin: "):
        list(dask.run(load_scenario, ["dropshippin"]))


@needs_dask
@pytest.mark.study
@pytest.mark.parametrize("budgets", [False, True])
def test_a_dask_worker_killed_in_the_middle_is_replaced_and_the_market_is_the_same(market, tmp_path, budgets):
    if not budgets:
        for channel in market["channels"].values():
            for campaign in channel.get("campaigns", {}).values():
                campaign.pop("daily_budget", None)
    scenario = load_scenario(market)
    with cluster("local:2") as workers:
        at_work = sorted(workers.client.run(os.getpid, on_error="ignore").values())
        deaths = iter((0.2, 0.5, 0.8, 2.0))
        next_death = [next(deaths)]

        def kill(share):
            if share > next_death[0]:
                next_death[0] = next(deaths)
                os.kill(sorted(workers.client.run(os.getpid, on_error="ignore").values())[0], signal.SIGKILL)

        found = reports_of(scenario, Workroom(tmp_path, False, 0.0, workers), progress=kill)
        assert found == reports_of(scenario, None)
        assert at_work != sorted(workers.client.run(os.getpid, on_error="ignore").values())


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("locale", "must be local\\[:N\\], processes\\[:N\\], the address of a Dask scheduler, or its file"),
        ("local:0", "must be local"),
        ("processes:two", "must be local"),
        ("tcp://host", "must be local"),
        ("nowhere.json", "nowhere.json is no file; dask scheduler --scheduler-file FILE.json writes one"),
    ],
)
def test_a_name_that_stands_for_nothing_is_refused(name, said):
    with pytest.raises(WorkerError, match=f"--cluster: .*{said}"), cluster(name):
        pass


def test_without_dask_its_clusters_are_refused_with_what_to_do(monkeypatch):
    monkeypatch.setattr("simulator.shards.cluster.find_spec", lambda name: None)
    (problem,) = check_cluster("tcp://127.0.0.1:8786")
    assert str(problem).startswith(
        "--cluster: tcp://127.0.0.1:8786 needs Dask, which is not installed; pip install 'cpal"
    )
    assert check_cluster("processes:4") == []


@needs_dask
def test_a_scheduler_that_does_not_answer_is_refused(monkeypatch):
    monkeypatch.setattr("simulator.shards.cluster.SECONDS_TO_CONNECT", 0.2)
    with pytest.raises(WorkerError, match=r"tcp://127.0.0.1:9 does not answer"), cluster("tcp://127.0.0.1:9"):
        pass


def test_threads_do_tasks_in_order():
    assert list(Threads(3).run(abs, [-3, -1, -2])) == [3, 1, 2]
