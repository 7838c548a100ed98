import type { NpiActivities } from '../contract/activities.ts';
import type { Lease } from '../db/ledger/lease.ts';
import { publishedFiles } from '../db/ledger/releases.ts';
import { publishedRunCount } from '../db/ledger/runs.ts';
import { replaceStandingWarnings, standingNames } from '../db/ledger/warnings.ts';
import { spanOf, type Subset } from '../db/registry/npi-steps.ts';
import { originFiles } from '../db/registry/proof.ts';
import { Archive } from '../proof/archived-zip.ts';
import {
  archiveCheck,
  ledgerCheck,
  readLiveRows,
  rowCheck,
  searchChecks,
  type Check,
  type Unchecked,
} from '../proof/checks.ts';
import { attempt, underLease, type Attempt } from './attempt.ts';
import { checkedRemark, differenceText, uncheckedRemark } from './check-remarks.ts';
import { job, type ActivityDeps } from './deps.ts';
import { secondsSince } from './elapsed.ts';

const phase = 'registry check';
/** What the check finds is recorded under this name instead of the job's; for rows, with the part, such as `npi-check 5/52`. */
const name = 'npi-check';

/** What one name of the ledger's warnings stands for. */
interface Finding {
  readonly name: string;
  /** Absent for what is always checked completely. */
  readonly subset?: Subset;
  readonly checks: readonly Check[];
  readonly unchecked: readonly Unchecked[];
}

/**
 * Checks a part of the registry after a load. It only reads, and records at its end what it found, so that a repeated attempt
 * does the same again.
 */
export function checkRegistryActivity(deps: ActivityDeps): Pick<NpiActivities, 'checkRegistry'> {
  return {
    checkRegistry: () =>
      attempt(deps, phase, { job }, (current) =>
        underLease(deps, current, job, async (lease) => {
          const startedAt = performance.now();
          // The worker that began the run checks; this one may be configured otherwise.
          if (deps.checkPartCount === undefined) return { remarks: [] };
          const findings = await compare(deps, current, deps.checkPartCount);
          const texts = await record(deps, current, lease, findings);
          report(deps, current, texts);
          current.log.info('registry checked', {
            parts: findings.flatMap(({ subset }) => (subset ? [`${subset.part}/${subset.parts}`] : [])),
            differences: texts.length,
            seconds: secondsSince(startedAt),
          });
          return { remarks: findings.flatMap(remarksOf) };
        }),
      ),
  };
}

async function compare(
  { database, schemas, archiveDir }: ActivityDeps,
  { signal, heartbeat }: Attempt,
  parts: number,
): Promise<Finding[]> {
  const show = (step: string) => heartbeat({ phase, step });
  const archive = new Archive(archiveDir, signal, show);
  const { subsets, files, published, ...whole } = await database.session(signal, async (session) => ({
    subsets: subsetsToCheck(
      { part: ((await publishedRunCount(session, job)) % parts) + 1, parts },
      await standingNames(session, name),
    ),
    files: await originFiles(session),
    published: await publishedFiles(session),
    search: await searchChecks(session, schemas, show),
    ledger: await ledgerCheck(session),
  }));
  const zips = await archiveCheck(archive, published);
  const findings: Finding[] = [{ name, checks: [zips, ...whole.search, whole.ledger], unchecked: [] }];
  for (const subset of subsets) {
    const live = await database.session(signal, (session) =>
      readLiveRows(session, schemas, spanOf(subset), show),
    );
    const { check, unchecked } = await rowCheck(archive, live, files);
    findings.push({ name: nameOf(subset), subset, checks: [check], unchecked });
  }
  return findings;
}

const nameOf = ({ part, parts }: Subset) => `${name} ${part}/${parts}`;

/** The next part, and again each part whose rows differed when they were checked last, so that a repair shows. */
function subsetsToCheck(next: Subset, open: readonly string[]): Subset[] {
  const again = open.flatMap((warned) => {
    const [part, parts] = warned.slice(name.length).split('/').map(Number);
    return part && parts && warned !== nameOf(next) ? [{ part, parts }] : [];
  });
  return [next, ...again];
}

/** Keeps the differences on the status page until a check no longer finds them, and returns them. */
function record(
  { database }: ActivityDeps,
  { runId, signal }: Attempt,
  lease: Lease,
  findings: readonly Finding[],
): Promise<string[]> {
  return database.session(signal, async (session) => {
    const texts: string[] = [];
    for (const finding of findings) {
      const remarks = differencesOf(finding);
      await replaceStandingWarnings(session, lease, { job: finding.name, runId, remarks });
      texts.push(...remarks);
    }
    return texts;
  });
}

const differencesOf = ({ checks, subset }: Finding): string[] =>
  checks.filter(({ differences }) => differences > 0).map((check) => differenceText(check, subset));

function remarksOf(finding: Finding): string[] {
  return [
    checkedRemark(finding.checks, finding.subset),
    ...differencesOf(finding),
    ...uncheckedRemark(finding.unchecked, finding.subset),
  ];
}

function report({ notify }: ActivityDeps, { runId, log }: Attempt, texts: readonly string[]): void {
  if (texts.length === 0) return;
  for (const text of texts) log.warn(text);
  const text = `npi-update: the check after the load found differences. ${texts.join(' ')} Run ${runId}.`;
  notify({ event: 'failure', job, runId, text });
}
