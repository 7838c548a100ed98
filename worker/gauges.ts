import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../db/connection/pool.ts';
import type { Session } from '../db/connection/session.ts';
import { countOpenWarnings, jobHealth } from '../db/ledger/health.ts';
import { publishedFiles } from '../db/ledger/releases.ts';
import { countRefused } from '../db/registry/quarantine.ts';
import { lastDay, missingWeeks, type Gap } from '../nppes/page/due.ts';
import type { ReleaseKind } from '../nppes/page/release.ts';
import type { Metrics } from '../telemetry/metrics.ts';

// As often as Prometheus usually asks.
const everyMs = 15_000;
const dayMs = 86_400_000;

/**
 * Sets the gauges from the database every 15 seconds, until `stopping` fires. So they hold after a restart of the worker, and
 * whatever host a run was on.
 */
export async function reportGauges(
  { database, metrics }: { readonly database: Database; readonly metrics: Metrics },
  stopping: AbortSignal,
): Promise<void> {
  while (!stopping.aborted) {
    const isUp = await database
      .session(stopping, (session) => setGauges(session, metrics))
      .then(
        () => true,
        () => false,
      );
    // Temporal's runtime may have ended meanwhile, and its metrics throw then.
    if (stopping.aborted) return;
    metrics.setGauge('surgicase_database_up', isUp ? 1 : 0, {});
    const { busy, idle } = database.connections();
    metrics.setGauge('surgicase_database_connections', busy, { state: 'busy' });
    metrics.setGauge('surgicase_database_connections', idle, { state: 'idle' });
    await sleep(everyMs, undefined, { signal: stopping, ref: false }).catch(() => undefined);
  }
}

async function setGauges(session: Session, metrics: Metrics): Promise<void> {
  for (const { job, sinceSuccess, isLastFailed, openSeconds } of await jobHealth(session)) {
    if (sinceSuccess !== null)
      metrics.setGauge('surgicase_job_last_success_timestamp_seconds', unixSeconds() - sinceSuccess, {
        job_name: job,
      });
    metrics.setGauge('surgicase_job_last_run_failed', isLastFailed ? 1 : 0, { job_name: job });
    metrics.setGauge('surgicase_job_open_run_seconds', openSeconds, { job_name: job });
  }
  metrics.setGauge('surgicase_open_warnings', await countOpenWarnings(session), {});
  metrics.setGauge('npi_quarantine_rows', await countRefused(session), {});
  const periods = (await publishedFiles(session)).map((file) => ({
    ...file,
    kind: file.kind as ReleaseKind,
  }));
  const until = lastDay(periods);
  if (until !== undefined)
    metrics.setGauge('npi_data_until_timestamp_seconds', (Date.parse(until) + dayMs) / 1000, {});
  metrics.setGauge(
    'npi_gap_days',
    missingWeeks(periods).reduce((days, gap) => days + daysOf(gap), 0),
    {},
  );
}

const unixSeconds = () => Math.floor(Date.now() / 1000);
const daysOf = ({ start, end }: Gap) => (Date.parse(end) - Date.parse(start)) / dayMs + 1;
