"""The functions of the old Python scheduler, with Temporal's Python client (pip install temporalio).

The service's workers (`surgicase worker`) do the work; this file only starts it. TEMPORAL_ADDRESS,
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
        raise RuntimeError(f"{job} is already running: {before.running_actions[-1].workflow_id}")
    known = {action.action.first_execution_run_id for action in before.recent_actions}
    await schedule.trigger(overlap=ScheduleOverlapPolicy.SKIP)
    for _ in range(300):  # Temporal answers a trigger before it starts the run
        for action in (await schedule.describe()).info.recent_actions:
            run_id = action.action.first_execution_run_id
            if run_id not in known:
                return await client.get_workflow_handle(action.action.workflow_id, run_id=run_id).result()
        await asyncio.sleep(0.05)
    raise TimeoutError(f"Temporal accepted the trigger of {job} but started no run within 15 s. Check the schedule in the Web UI.")


def run_pending_payment_update_now():
    """Move the cases with status 10 to 15 now; return the result with found, updated and exceptions by reason."""
    return asyncio.run(_run_now(PENDING_PAYMENT))


def run_npi_update_now():
    """Update the provider registry now; return the result of the run."""
    return asyncio.run(_run_now(NPI))


def run_paid_update_now():
    """Move the cases with status 15 to 20 now; return the result of the run."""
    return asyncio.run(_run_now(PAID))


# Old names: the manual run of Monday's job, and the functions that the timer called. Now the schedules start the jobs.
run_update_now = run_pending_payment_update_now
weekly_pending_payment_update = run_pending_payment_update_now
weekly_npi_update = run_npi_update_now
weekly_paid_update = run_paid_update_now


def get_cases_with_status(status):
    """Return the ids of the active cases with status 10 or 15, from the database and never through Temporal."""
    job = {10: PENDING_PAYMENT, 15: PAID}[status]
    command = ["surgicase", "cases", "preview", job, "--limit", "10000000", "--json"]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)[0]["caseIds"]


def setup_weekly_scheduler():
    """Create or update the three schedules in Temporal as the configuration says."""
    subprocess.run(["surgicase", "schedules", "apply"], check=True)


def run_scheduler():
    """Run the service's worker until SIGTERM, in place of the timer loop."""
    subprocess.run(["surgicase", "worker"], check=True)


def run_scheduler_in_background():
    """Run the worker in the background; return its process, whose terminate() stops it."""
    return subprocess.Popen(["surgicase", "worker"])


if __name__ == "__main__":  # python scheduler.py run_paid_update_now
    print(json.dumps(globals()[sys.argv[1]](*map(int, sys.argv[2:]))))
