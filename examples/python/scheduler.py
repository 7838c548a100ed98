"""The names that callers of the old scheduler know, over Temporal's Python client (pip install temporalio).

The work is done by the service's workers (`surgicase worker`); this file only asks for it. TEMPORAL_ADDRESS,
TEMPORAL_NAMESPACE and the other TEMPORAL_* variables say where the server is.
"""

import asyncio
import json
import subprocess
import sys

from temporalio.client import Client, ScheduleOverlapPolicy
from temporalio.envconfig import ClientConfig

PENDING_PAYMENT, NPI, PAID = "pending-payment-update", "npi-update", "paid-update"


async def _run_now(job):
    client = await Client.connect(**ClientConfig.load_client_connect_config())
    schedule = client.get_schedule_handle(job)
    before = (await schedule.describe()).info
    if before.running_actions:
        raise RuntimeError(f"{job} is at work already: {before.running_actions[-1].workflow_id}")
    known = {action.action.first_execution_run_id for action in before.recent_actions}
    await schedule.trigger(overlap=ScheduleOverlapPolicy.SKIP)
    for _ in range(300):  # a trigger is answered before its run is started
        for action in (await schedule.describe()).info.recent_actions:
            run_id = action.action.first_execution_run_id
            if run_id not in known:
                return await client.get_workflow_handle(action.action.workflow_id, run_id=run_id).result()
        await asyncio.sleep(0.05)
    raise TimeoutError(f"Temporal took the trigger of {job} and started no run in 15 s: see the Web UI")


def run_pending_payment_update_now():
    """Cases with status 10 go to 15 now; gives the run's result, with found, updated and exceptions by reason."""
    return asyncio.run(_run_now(PENDING_PAYMENT))


def run_npi_update_now():
    """The provider registry is refreshed now; gives the run's result."""
    return asyncio.run(_run_now(NPI))


def run_paid_update_now():
    """Cases with status 15 go to 20 now; gives the run's result."""
    return asyncio.run(_run_now(PAID))


# The old name of Monday's run by hand, and what the timer called: the schedules do that now, and by hand it is the same.
run_update_now = run_pending_payment_update_now
weekly_pending_payment_update = run_pending_payment_update_now
weekly_npi_update = run_npi_update_now
weekly_paid_update = run_paid_update_now


def get_cases_with_status(status):
    """Ids of the active cases that wait for a job: status 10 or 15. They come from the database, never through Temporal."""
    job = {10: PENDING_PAYMENT, 15: PAID}[status]
    command = ["surgicase", "cases", "preview", job, "--limit", "10000000", "--json"]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)[0]["caseIds"]


def setup_weekly_scheduler():
    """Brings the three schedules in Temporal to what the configuration says."""
    subprocess.run(["surgicase", "schedules", "apply"], check=True)


def run_scheduler():
    """Works until SIGTERM: the service's worker in place of the timer's loop."""
    subprocess.run(["surgicase", "worker"], check=True)


def run_scheduler_in_background():
    """The same beside the caller's own work; the process that is returned is the worker's: terminate() stops it."""
    return subprocess.Popen(["surgicase", "worker"])


if __name__ == "__main__":  # python scheduler.py run_paid_update_now
    print(json.dumps(globals()[sys.argv[1]](*map(int, sys.argv[2:]))))
